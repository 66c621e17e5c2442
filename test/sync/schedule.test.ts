// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fullDue,
  isTimeZone,
  missedBetween,
  plan,
  resolveSchedule,
  type ResolvedSchedule,
  type ScheduleFacts,
  type ScheduleSpec,
} from '../../src/sync/schedule.ts';

const uid = '5f3f4c0e-0000-4000-8000-000000000001';
const minuteMs = 60_000;

function schedule(spec: ScheduleSpec | undefined): ResolvedSchedule {
  const resolved = resolveSchedule(spec, uid);
  if ('problem' in resolved) throw new Error(resolved.problem);
  return resolved;
}

function facts(now: string, given: { lastSlot?: string; lastStartedAt?: string } = {}): ScheduleFacts {
  return {
    createdAt: new Date('2026-03-01T00:00:20Z'),
    now: new Date(now),
    lastSlot: given.lastSlot === undefined ? undefined : new Date(given.lastSlot),
    lastStartedAt: given.lastStartedAt === undefined ? undefined : new Date(given.lastStartedAt),
  };
}

/** The slot that is due and the next start, in short. */
function planned(spec: ScheduleSpec | undefined, ...args: Parameters<typeof facts>) {
  const { due, nextStart } = plan(schedule(spec), facts(...args));
  return { due: due?.slot.toISOString(), next: nextStart?.toISOString() };
}

describe('defaults', () => {
  it('are every 15 minutes, full every 24 hours, a deadline of one interval', () => {
    expect(schedule(undefined)).toMatchObject({
      shortestGapMs: 15 * minuteMs,
      longestGapMs: 15 * minuteMs,
      fullEveryMs: 24 * 3_600_000,
      startingDeadlineMs: 15 * minuteMs,
      minimumIntervalMs: 0,
      timeZone: 'UTC',
    });
  });

  it('spread starts over a tenth of the interval, five minutes at most, the same for one uid every time', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.integer({ min: 1, max: 10_000 }), (anyUid, minutes) => {
        const spec = { every: `${minutes}m` };
        const one = resolveSchedule(spec, anyUid) as ResolvedSchedule;
        expect(one.jitterMs).toBe((resolveSchedule(spec, anyUid) as ResolvedSchedule).jitterMs);
        expect(one.jitterMs).toBeGreaterThanOrEqual(0);
        expect(one.jitterMs).toBeLessThan(Math.min(minutes * 6_000, 300_000));
      }),
    );
  });
});

describe('what is wrong with a schedule is said with its field', () => {
  it.each<[ScheduleSpec, string]>([
    [{ timeZone: 'Mars/Olympus' }, 'spec.schedule.timeZone: Mars/Olympus is not a known IANA time zone'],
    [{ every: '30s' }, 'spec.schedule.every: 30s is not a duration of at least 1m, such as 15m'],
    [{ cron: ['0 9 * * *', '61 * * * *'] }, 'spec.schedule.cron[1]: 61 * * * *: '],
    [{ cron: ['0 0 30 2 *'] }, 'spec.schedule.cron: 0 0 30 2 *: no day ever fits'],
    [
      {
        windows: {
          allow: [{ start: '01:00', end: '02:00' }],
          deny: [{ start: '00:00', end: '12:00' }],
        },
      },
      'spec.schedule.windows: no minute of the week is allowed',
    ],
  ])('%j', (spec, problem) => {
    const resolved = resolveSchedule(spec, uid);
    expect('problem' in resolved && resolved.problem).toContain(problem);
  });

  it('knows the names of zones', () => {
    expect(['Europe/Berlin', 'UTC', 'America/St_Johns', 'Europe/Nowhere', ''].map(isTimeZone)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });
});

describe('slots of an interval', () => {
  const exact = { every: '15m', jitter: '0s' };

  it('a new system runs at once, in the minute it was made', () => {
    expect(planned(exact, '2026-03-01T00:00:21Z')).toEqual({
      due: '2026-03-01T00:00:00.000Z',
      next: '2026-03-01T00:00:21.000Z',
    });
  });

  it.each([
    ['just before the slot', '2026-03-01T00:14:59Z', undefined, '2026-03-01T00:15:00.000Z'],
    ['at the slot', '2026-03-01T00:15:00Z', '2026-03-01T00:15:00.000Z', '2026-03-01T00:15:00.000Z'],
    ['late', '2026-03-01T00:20:00Z', '2026-03-01T00:15:00.000Z', '2026-03-01T00:20:00.000Z'],
    ['after a long absence', '2026-03-09T07:31:00Z', '2026-03-09T07:30:00.000Z', '2026-03-09T07:31:00.000Z'],
  ])('%s', (_when, now, due, next) => {
    expect(planned(exact, now, { lastSlot: '2026-03-01T00:00:00Z' })).toEqual({ due, next });
  });

  it('a slot past its deadline waits for the next one', () => {
    const spec = { ...exact, startingDeadline: '1m' };
    const last = { lastSlot: '2026-03-01T00:00:00Z' };
    expect(planned(spec, '2026-03-01T00:16:00Z', last).due).toBe('2026-03-01T00:15:00.000Z');
    expect(planned(spec, '2026-03-01T00:16:01Z', last)).toEqual({
      due: undefined,
      next: '2026-03-01T00:30:00.000Z',
    });
  });

  it('the minimum interval counts from the last start, of whatever run', () => {
    const spec = { ...exact, minimumInterval: '10m' };
    const given = { lastSlot: '2026-03-01T00:00:00Z', lastStartedAt: '2026-03-01T00:08:00Z' };
    expect(planned(spec, '2026-03-01T00:15:00Z', given)).toEqual({
      due: undefined,
      next: '2026-03-01T00:18:00.000Z',
    });
    expect(planned(spec, '2026-03-01T00:18:00Z', given).due).toBe('2026-03-01T00:15:00.000Z');
  });

  it('jitter moves the start, not the slot', () => {
    const jittered = schedule({ every: '1h', jitter: '30m' });
    const start = new Date(Date.parse('2026-03-01T01:00:00Z') + jittered.jitterMs);
    const at = (now: Date) =>
      plan(jittered, { ...facts('2026-03-01T00:00:00Z'), lastSlot: new Date('2026-03-01T00:00:00Z'), now });
    expect(at(new Date(start.getTime() - 1))).toEqual({ due: undefined, nextStart: start });
    expect(at(start).due?.slot.toISOString()).toBe('2026-03-01T01:00:00.000Z');
  });
});

describe('slots of cron expressions', () => {
  const berlin = { timeZone: 'Europe/Berlin', jitter: '0s' };

  it.each([
    ['a time that the spring skips comes an hour later', '2026-03-28T12:00:00Z', '2026-03-29T01:00:00.000Z'],
    ['a time that the autumn repeats comes once', '2026-10-25T00:30:00Z', '2026-10-26T01:30:00.000Z'],
  ])('%s', (_case, now, next) => {
    expect(planned({ ...berlin, cron: ['30 2 * * *'] }, now, { lastSlot: now })).toEqual({
      due: undefined,
      next,
    });
  });

  it('several expressions give the slots of each, and one for both at the same time', () => {
    const { slots } = schedule({ cron: ['0 9 * * *', '0 9,17 * * MON-FRI'], jitter: '0s' });
    const monday = { after: new Date('2026-03-02T00:00:00Z'), until: new Date('2026-03-02T23:00:00Z') };
    expect(slots.between(monday.after, monday.until)).toEqual({
      count: 2,
      first: new Date('2026-03-02T09:00:00Z'),
      last: new Date('2026-03-02T17:00:00Z'),
    });
  });

  it('nights and weekends count for freshness, not for jitter', () => {
    expect(schedule({ cron: ['0 9,17 * * MON-FRI'] })).toMatchObject({
      shortestGapMs: 8 * 3_600_000,
      longestGapMs: 64 * 3_600_000,
    });
  });

  it('after an absence of more slots than are counted the newest is due', () => {
    const last = { lastSlot: '2025-12-01T00:00:00Z' };
    const every = { cron: ['* * * * *'], jitter: '0s' };
    expect(planned(every, '2026-03-01T07:31:30Z', last).due).toBe('2026-03-01T07:31:00.000Z');
    expect(missedBetween(schedule(every), new Date(last.lastSlot), new Date('2026-03-01T07:31:00Z'))).toEqual(
      { count: 10_000, first: '2025-12-01T00:01:00Z', last: '2026-03-01T07:30:00Z' },
    );
  });
});

describe('windows', () => {
  it.each<[string, NonNullable<ScheduleSpec['windows']>, string, string | undefined, string]>([
    [
      'a slot in a closed window starts when it opens',
      { allow: [{ start: '01:00', end: '05:00' }] },
      '2026-03-02T00:00:00Z',
      undefined,
      '2026-03-02T01:00:00.000Z',
    ],
    [
      'a slot of a denied day starts after it',
      { deny: [{ start: '00:00', end: '00:00', days: ['Mon'] }] },
      '2026-03-02T00:00:00Z',
      undefined,
      '2026-03-03T00:00:00.000Z',
    ],
    [
      'an open window lets it start',
      { allow: [{ start: '23:00', end: '05:00', days: ['Sun'] }] },
      '2026-03-02T00:00:00Z',
      '2026-03-02T00:00:00.000Z',
      '2026-03-02T00:00:00.000Z',
    ],
  ])('%s', (_case, windows, now, due, next) => {
    expect(
      planned({ every: '24h', jitter: '0s', windows }, now, { lastSlot: '2026-03-01T00:00:00Z' }),
    ).toEqual({
      due,
      next,
    });
  });

  it('a window that opens after the deadline of many slots is found for a short interval too', () => {
    const spec: ScheduleSpec = {
      every: '1m',
      jitter: '0s',
      windows: { allow: [{ start: '03:00', end: '04:00', days: ['Sat'] }] },
    };
    expect(planned(spec, '2026-03-01T12:00:10Z', { lastSlot: '2026-03-01T00:00:00Z' })).toEqual({
      due: undefined,
      next: '2026-03-07T03:00:00.000Z',
    });
  });

  it('a time that is never inside them has no next start', () => {
    const spec: ScheduleSpec = {
      cron: ['0 12 * * *'],
      jitter: '0s',
      startingDeadline: '1m',
      windows: { allow: [{ start: '01:00', end: '02:00' }] },
    };
    expect(planned(spec, '2026-03-02T12:00:00Z', { lastSlot: '2026-03-01T12:00:00Z' })).toEqual({
      due: undefined,
      next: undefined,
    });
  });
});

describe('whatever the schedule', () => {
  const specs = fc.record({
    every: fc.constantFrom('1m', '7m', '15m', '1h', '24h'),
    jitter: fc.constantFrom('0s', '3m'),
    startingDeadline: fc.constantFrom('10s', '2m', '1h', '48h'),
    windows: fc.constantFrom<NonNullable<ScheduleSpec['windows']>>(
      {},
      { allow: [{ start: '22:30', end: '02:15' }] },
      { deny: [{ start: '08:00', end: '18:00', days: ['Mon', 'Tue', 'Wed', 'Thu', 'Fri'] }] },
    ),
    timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe'),
  });
  const moments = fc.date({ min: new Date('2026-01-01'), max: new Date('2027-01-01'), noInvalidDate: true });

  it('who looks again at the promised time finds a slot due, none twice, and none before it', () => {
    fc.assert(
      fc.property(specs, moments, (spec, start) => {
        const resolved = schedule(spec);
        let now = start;
        let lastSlot: Date | undefined = new Date(start.getTime() - 90_000_000);
        const createdAt = lastSlot;
        for (let step = 0; step < 6; step += 1) {
          const given: ScheduleFacts = { createdAt, now, lastSlot, lastStartedAt: undefined };
          const { due, nextStart } = plan(resolved, given);
          if (nextStart === undefined) return;
          if (due === undefined) {
            expect(nextStart.getTime()).toBeGreaterThan(now.getTime());
            const before = new Date(nextStart.getTime() - 1);
            expect(plan(resolved, { ...given, now: before }).due).toBeUndefined();
            expect(plan(resolved, { ...given, now: nextStart }).due).toBeDefined();
            now = nextStart;
          } else {
            expect(due.slot.getTime()).toBeGreaterThan(lastSlot.getTime());
            expect(due.slot.getTime()).toBeLessThanOrEqual(now.getTime());
            expect(due.slot.getTime() % minuteMs).toBe(0);
            lastSlot = due.slot;
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('missed slots', () => {
  it('are those between the last run and this one', () => {
    const quarter = schedule({ every: '15m' });
    const last = new Date('2026-03-01T00:00:00Z');
    expect(missedBetween(quarter, last, new Date('2026-03-01T00:15:00Z'))).toBeUndefined();
    expect(missedBetween(quarter, undefined, new Date('2026-03-01T00:15:00Z'))).toBeUndefined();
    expect(missedBetween(quarter, last, new Date('2026-03-01T01:00:00Z'))).toEqual({
      count: 3,
      first: '2026-03-01T00:15:00Z',
      last: '2026-03-01T00:45:00Z',
    });
  });
});

it('a full pass is due when there was none and when the last is old enough', () => {
  const daily = schedule(undefined);
  const now = new Date('2026-03-02T00:00:00Z');
  expect(fullDue(daily, { lastFullAt: undefined, now })).toBe(true);
  expect(fullDue(daily, { lastFullAt: new Date('2026-03-01T00:00:01Z'), now })).toBe(false);
  expect(fullDue(daily, { lastFullAt: new Date('2026-03-01T00:00:00Z'), now })).toBe(true);
});
