// SPDX-License-Identifier: Apache-2.0
import { seconds } from '../api/time.ts';
import { hash } from 'node:crypto';
import { Cron } from 'croner';
import type { Static } from 'typebox';
import { parseDurationMs } from '../api/duration.ts';
import type { ScheduleSchema } from '../api/external-system.ts';
import type { MissedSlots } from '../api/sync-run.ts';
import { firstAllowed, type Windows } from './windows.ts';

/*
 * When runs are due: pure functions of the spec, what has run, and now. A slot is a nominal time in whole minutes; jitter and
 * windows move the start, never the slot, so every replica and every restart names the same slots.
 */

const defaults = { every: '15m', fullEvery: '24h', longestJitterMs: 5 * 60_000, jitterShare: 0.1 } as const;
const minuteMs = 60_000;
const weekMs = 7 * 24 * 3_600_000;
/** How many missed slots of a cron expression are counted; a longer absence is counted as so many. */
const maxCronSlots = 10_000;
/** How many slots ahead are tried against the windows. */
const maxSlotsAhead = 60;
/** From here the gaps between a cron expression's slots are measured: the same answer on every day. */
const gapsFrom = new Date('2024-01-01T00:00:00Z');
const gapsMeasured = 100;

export type ScheduleSpec = Static<typeof ScheduleSchema>;

export interface ResolvedSchedule {
  readonly slots: Slots;
  /** Between two slots that follow each other; a cron expression for weekdays has nights and weekends. */
  readonly shortestGapMs: number;
  readonly longestGapMs: number;
  readonly fullEveryMs: number;
  readonly jitterMs: number;
  readonly startingDeadlineMs: number;
  readonly minimumIntervalMs: number;
  readonly timeZone: string;
  readonly windows: Windows | undefined;
}

interface Slots {
  /** Slots in (after, until], of which at most `maxCronSlots` are counted; `first` and `last` are exact. */
  between(
    after: Date,
    until: Date,
  ): { readonly count: number; readonly first: Date; readonly last: Date } | undefined;
  next(after: Date): Date | undefined;
}

interface SlotPattern {
  readonly slots: Slots;
  readonly shortestGapMs: number;
  readonly longestGapMs: number;
}

/** The schedule with its defaults, or what is wrong with it, beginning with the field. */
export function resolveSchedule(
  spec: ScheduleSpec | undefined,
  uid: string,
): ResolvedSchedule | { readonly problem: string } {
  const timeZone = spec?.timeZone ?? 'UTC';
  if (!isTimeZone(timeZone))
    return { problem: `spec.schedule.timeZone: ${timeZone} is not a known IANA time zone` };
  const slots = slotsOf(spec, timeZone);
  if ('problem' in slots) return slots;
  const windows = spec?.windows as Windows | undefined;
  if (firstAllowed(windows, timeZone, gapsFrom, new Date(gapsFrom.getTime() + weekMs)) === undefined) {
    return { problem: 'spec.schedule.windows: no minute of the week is allowed; widen allow or narrow deny' };
  }
  const { shortestGapMs, longestGapMs } = slots;
  const longestJitterMs = Math.min(shortestGapMs * defaults.jitterShare, defaults.longestJitterMs);
  const spreadMs = duration(spec?.jitter) ?? longestJitterMs;
  return {
    ...slots,
    fullEveryMs: fullEveryMs(spec),
    jitterMs: Math.floor(spreadMs * fractionOf(uid)),
    startingDeadlineMs: duration(spec?.startingDeadline) ?? longestGapMs,
    minimumIntervalMs: duration(spec?.minimumInterval) ?? 0,
    timeZone,
    windows,
  };
}

/** How long a full pass is good for. */
export function fullEveryMs(spec: ScheduleSpec | undefined): number {
  return duration(spec?.fullEvery ?? defaults.fullEvery) ?? 24 * 3_600_000;
}

function duration(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDurationMs(text);
}

/** In [0, 1), the same for one uid every time. */
function fractionOf(uid: string): number {
  return Number.parseInt(hash('sha256', uid, 'hex').slice(0, 8), 16) / 2 ** 32;
}

export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    // RangeError is how Intl says no.
    return false;
  }
}

function slotsOf(
  spec: ScheduleSpec | undefined,
  timeZone: string,
): SlotPattern | { readonly problem: string } {
  if (spec?.cron !== undefined) return cronSlots(spec.cron, timeZone);
  const every = spec?.every ?? defaults.every;
  const intervalMs = parseDurationMs(every);
  if (intervalMs === undefined || intervalMs < minuteMs) {
    return { problem: `spec.schedule.every: ${every} is not a duration of at least 1m, such as 15m` };
  }
  // Slots are whole minutes, since their minute is in the name of the run.
  const stepMs = Math.ceil(intervalMs / minuteMs) * minuteMs;
  return { slots: intervalSlots(stepMs), shortestGapMs: stepMs, longestGapMs: stepMs };
}

/** Multiples of the step since 1970. */
function intervalSlots(stepMs: number): Slots {
  const at = (index: number) => new Date(index * stepMs);
  return {
    between(after, until) {
      const first = Math.floor(after.getTime() / stepMs) + 1;
      const last = Math.floor(until.getTime() / stepMs);
      return last < first ? undefined : { count: last - first + 1, first: at(first), last: at(last) };
    },
    next: (after) => at(Math.floor(after.getTime() / stepMs) + 1),
  };
}

function cronSlots(
  expressions: readonly string[],
  timeZone: string,
): SlotPattern | { readonly problem: string } {
  const crons: Cron[] = [];
  for (const [index, expression] of expressions.entries()) {
    try {
      crons.push(new Cron(expression, { paused: true, timezone: timeZone, mode: '5-part' }));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { problem: `spec.schedule.cron[${index}]: ${expression}: ${reason}` };
    }
  }
  const next = (after: Date) => earliest(crons.map((cron) => cron.nextRun(after)));
  const gaps = gapsBetween(next);
  if (gaps === undefined) {
    return { problem: `spec.schedule.cron: ${expressions.join(', ')}: no day ever fits; correct it` };
  }
  const newest = (until: Date) => {
    // Slots are whole minutes and the library looks strictly before its reference.
    const reference = new Date((Math.floor(until.getTime() / minuteMs) + 1) * minuteMs);
    return earliest(crons.flatMap((cron) => cron.previousRuns(1, reference)).toReversed(), -1);
  };
  const slots: Slots = {
    between(after, until) {
      const first = next(after);
      const last = newest(until);
      if (first === undefined || last === undefined || first > last) return undefined;
      let count = 1;
      for (
        let slot = next(first);
        slot !== undefined && slot <= last && count < maxCronSlots;
        slot = next(slot)
      )
        count += 1;
      return { count, first, last };
    },
    next,
  };
  return { slots, ...gaps };
}

/** The earliest of the times; with a sign of -1 the latest. */
function earliest(times: readonly (Date | null)[], sign: 1 | -1 = 1): Date | undefined {
  return times
    .filter((time) => time !== null)
    .toSorted((one, other) => sign * (one.getTime() - other.getTime()))[0];
}

function gapsBetween(next: (after: Date) => Date | undefined) {
  let slot = next(gapsFrom);
  if (slot === undefined) return undefined;
  let [shortestGapMs, longestGapMs] = [Infinity, 0];
  for (let measured = 0; measured < gapsMeasured; measured += 1) {
    const following = next(slot);
    if (following === undefined) break;
    const gapMs = following.getTime() - slot.getTime();
    shortestGapMs = Math.min(shortestGapMs, gapMs);
    longestGapMs = Math.max(longestGapMs, gapMs);
    slot = following;
  }
  return { shortestGapMs, longestGapMs };
}

export interface ScheduleFacts {
  readonly createdAt: Date;
  readonly now: Date;
  /** Newest slot that got a run. */
  readonly lastSlot: Date | undefined;
  /** Start of the newest run of any kind. */
  readonly lastStartedAt: Date | undefined;
}

export interface SchedulePlan {
  /** The slot that may start now. */
  readonly due: { readonly slot: Date } | undefined;
  /** When the due or the next slot starts; undefined when no slot of the near future fits the windows. */
  readonly nextStart: Date | undefined;
}

/**
 * The slot that is due, if one is: the newest that has not run and is within its starting deadline; of several only that one.
 * A slot in a closed window starts when the window opens, if that is within its deadline. The slot of a new system is the
 * minute in which it was made, so that it runs at once.
 */
export function plan(schedule: ResolvedSchedule, facts: ScheduleFacts): SchedulePlan {
  const newest = newestSlot(schedule, facts);
  const start = newest === undefined ? undefined : startOf(schedule, newest, facts);
  if (newest !== undefined && start !== undefined) {
    return start <= facts.now
      ? { due: { slot: newest }, nextStart: facts.now }
      : { due: undefined, nextStart: start };
  }
  return { due: undefined, nextStart: nextStart(schedule, facts) };
}

/** The newest slot that has not run and whose jitter is over. */
function newestSlot(schedule: ResolvedSchedule, facts: ScheduleFacts): Date | undefined {
  const { createdAt, now, lastSlot } = facts;
  if (lastSlot === undefined) {
    const first = new Date(Math.floor(createdAt.getTime() / minuteMs) * minuteMs);
    return schedule.slots.between(first, now)?.last ?? first;
  }
  return schedule.slots.between(lastSlot, before(now, schedule.jitterMs))?.last;
}

function before(time: Date, ms: number): Date {
  return new Date(time.getTime() - ms);
}

/**
 * A slot's start, not before now: its time and the jitter (none for the first run), after the minimum interval, inside the
 * windows. Undefined when that is later than its deadline allows.
 */
function startOf(schedule: ResolvedSchedule, slot: Date, facts: ScheduleFacts): Date | undefined {
  const jitterMs = facts.lastSlot === undefined ? 0 : schedule.jitterMs;
  const afterLastMs =
    facts.lastStartedAt === undefined ? 0 : facts.lastStartedAt.getTime() + schedule.minimumIntervalMs;
  const earliestMs = Math.max(slot.getTime() + jitterMs, afterLastMs, facts.now.getTime());
  const latest = new Date(slot.getTime() + schedule.jitterMs + schedule.startingDeadlineMs);
  return firstAllowed(schedule.windows, schedule.timeZone, new Date(earliestMs), latest);
}

/** The start of the first slot to come that can start at all. */
function nextStart(schedule: ResolvedSchedule, facts: ScheduleFacts): Date | undefined {
  const { slots, windows, timeZone, jitterMs, startingDeadlineMs } = schedule;
  const { lastSlot = new Date(0) } = facts;
  const passed = before(facts.now, jitterMs);
  let slot = slots.next(lastSlot > passed ? lastSlot : passed);
  for (let tried = 0; slot !== undefined && tried < maxSlotsAhead; tried += 1) {
    const start = startOf(schedule, slot, { ...facts, lastSlot: slot });
    if (start !== undefined) return start;
    // Slots whose jitter is over when the window opens: only the newest can start.
    const latest = before(slot, -jitterMs - startingDeadlineMs);
    const opens = firstAllowed(windows, timeZone, latest, before(latest, -weekMs));
    const waiting = opens === undefined ? undefined : slots.between(slot, before(opens, jitterMs));
    slot = waiting?.last ?? slots.next(slot);
  }
  return undefined;
}

/** The slots between the one before and this one: they got no run of their own. */
export function missedBetween(
  schedule: ResolvedSchedule,
  lastSlot: Date | undefined,
  slot: Date,
): MissedSlots | undefined {
  if (lastSlot === undefined) return undefined;
  const missed = schedule.slots.between(lastSlot, new Date(slot.getTime() - 1));
  if (missed === undefined) return undefined;
  return { count: missed.count, first: seconds(missed.first), last: seconds(missed.last) };
}

export function fullDue(
  schedule: ResolvedSchedule,
  { lastFullAt, now }: { readonly lastFullAt: Date | undefined; readonly now: Date },
): boolean {
  return lastFullAt === undefined || now.getTime() - lastFullAt.getTime() >= schedule.fullEveryMs;
}
