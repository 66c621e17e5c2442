// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstAllowed, mayStart, type Windows } from '../../src/sync/windows.ts';

describe('a window of the local clock', () => {
  const night: Windows = { allow: [{ start: '22:00', end: '06:00', days: ['Fri'] }] };

  it.each([
    ['2026-03-06T20:59:59Z', false],
    ['2026-03-06T21:00:00Z', true],
    ['2026-03-07T04:59:59Z', true],
    ['2026-03-07T05:00:00Z', false],
    ['2026-03-05T23:00:00Z', false],
  ])('that passes midnight counts for the day on which it starts: %s', (at, allowed) => {
    expect(mayStart(night, 'Europe/Berlin', new Date(at))).toBe(allowed);
  });

  it.each([
    ['before the clocks go forward', '2026-03-29T00:59:00Z', false],
    ['the skipped hour opens it at once', '2026-03-29T01:00:00Z', true],
    ['the repeated hour is inside twice', '2026-10-25T00:30:00Z', true],
    ['and again', '2026-10-25T01:30:00Z', true],
  ])('%s', (_case, at, allowed) => {
    const early: Windows = { allow: [{ start: '02:15', end: '03:30' }] };
    expect(mayStart(early, 'Europe/Berlin', new Date(at))).toBe(allowed);
  });

  it('that ends when it starts is the whole day', () => {
    const monday: Windows = { deny: [{ start: '00:00', end: '00:00', days: ['Mon'] }] };
    expect(mayStart(monday, 'UTC', new Date('2026-03-02T23:59:59Z'))).toBe(false);
    expect(mayStart(monday, 'UTC', new Date('2026-03-03T00:00:00Z'))).toBe(true);
  });

  it('denied wins over allowed', () => {
    const both: Windows = {
      allow: [{ start: '01:00', end: '05:00' }],
      deny: [{ start: '02:00', end: '03:00' }],
    };
    const hours = [0, 1, 2, 3, 4, 5].map((hour) =>
      mayStart(both, 'UTC', new Date(Date.UTC(2026, 2, 2, hour))),
    );
    expect(hours).toEqual([false, true, false, true, true, false]);
  });
});

describe('the first allowed moment', () => {
  const time = fc
    .integer({ min: 0, max: 1439 })
    .map(
      (minute) =>
        `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`,
    );
  const window = fc.record({ start: time, end: time });
  const windows = fc.oneof(
    fc.record({ allow: fc.array(window, { minLength: 1, maxLength: 2 }) }),
    fc.record({ deny: fc.array(window, { minLength: 1, maxLength: 2 }) }),
  );
  // Around the days on which clocks change, and elsewhere.
  const from = fc.oneof(
    fc.date({ min: new Date('2026-03-28'), max: new Date('2026-03-30'), noInvalidDate: true }),
    fc.date({ min: new Date('2026-10-24'), max: new Date('2026-10-26'), noInvalidDate: true }),
    fc.date({ min: new Date('2026-04-04'), max: new Date('2026-04-06'), noInvalidDate: true }),
  );
  const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kathmandu');

  it('is what a look at every minute finds', () => {
    fc.assert(
      fc.property(windows, from, zones, (given, start, zone) => {
        const until = new Date(start.getTime() + 8 * 3_600_000);
        let expected: Date | undefined;
        for (let at = start; at <= until && expected === undefined;) {
          if (mayStart(given, zone, at)) expected = at;
          at = new Date((Math.floor(at.getTime() / 60_000) + 1) * 60_000);
        }
        expect(firstAllowed(given, zone, start, until)).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  it('without windows is now, and none when the end is before the start', () => {
    const now = new Date('2026-03-02T12:00:00Z');
    expect(firstAllowed(undefined, 'UTC', now, now)).toEqual(now);
    expect(firstAllowed(undefined, 'UTC', now, new Date(now.getTime() - 1))).toBeUndefined();
  });
});
