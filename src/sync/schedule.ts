// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { Cron } from 'croner';
import type { Static } from 'typebox';
import { parseDurationMs } from '../api/duration.ts';
import type { ScheduleSchema } from '../api/external-system.ts';
import type { MissedSlots } from '../api/sync-run.ts';
import { mayStart, type Windows } from './windows.ts';

/*
 * When runs are due: pure functions of the spec, what has run, and now. A slot is a nominal time in whole minutes; jitter and
 * windows move the start, never the slot, so every replica and every restart names the same slots.
 */

const defaults = { every: '15m', fullEvery: '24h', longestJitterMs: 5 * 60_000, jitterShare: 0.1 } as const;
const minuteMs = 60_000;
/** How many slots of a cron expression are looked at; a longer absence is counted as at least so many. */
const maxCronSlots = 10_000;

export type ScheduleSpec = Static<typeof ScheduleSchema>;

export interface ResolvedSchedule {
  /** Newest slot at or before a time, and the first one after it. */
  readonly slots: Slots;
  /** Usual time between slots. */
  readonly intervalMs: number;
  readonly fullEveryMs: number;
  readonly jitterMs: number;
  readonly startingDeadlineMs: number;
  readonly minimumIntervalMs: number;
  readonly timeZone: string;
  readonly windows: Windows | undefined;
}

interface Slots {
  /** Slots in (after, until], at most `maxCronSlots` and then the newest ones. */
  between(
    after: Date,
    until: Date,
  ): { readonly count: number; readonly first: Date; readonly last: Date } | undefined;
  next(after: Date): Date;
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
  const { intervalMs } = slots;
  const longestJitterMs = Math.min(intervalMs * defaults.jitterShare, defaults.longestJitterMs);
  const spreadMs = duration(spec?.jitter) ?? longestJitterMs;
  return {
    slots: slots.slots,
    intervalMs,
    fullEveryMs: duration(spec?.fullEvery ?? defaults.fullEvery) ?? 24 * 3_600_000,
    jitterMs: Math.floor(spreadMs * fractionOf(uid)),
    startingDeadlineMs: duration(spec?.startingDeadline) ?? intervalMs,
    minimumIntervalMs: duration(spec?.minimumInterval) ?? 0,
    timeZone,
    windows: spec?.windows as Windows | undefined,
  };
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
): { readonly slots: Slots; readonly intervalMs: number } | { readonly problem: string } {
  if (spec?.cron !== undefined) return cronSlots(spec.cron, timeZone);
  const every = spec?.every ?? defaults.every;
  const intervalMs = parseDurationMs(every);
  if (intervalMs === undefined || intervalMs < minuteMs) {
    return { problem: `spec.schedule.every: ${every} is not a duration of at least 1m, such as 15m` };
  }
  // Slots are whole minutes, since their minute is in the name of the run.
  const stepMs = Math.ceil(intervalMs / minuteMs) * minuteMs;
  return { slots: intervalSlots(stepMs), intervalMs: stepMs };
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
): { readonly slots: Slots; readonly intervalMs: number } | { readonly problem: string } {
  const crons: Cron[] = [];
  for (const [index, expression] of expressions.entries()) {
    try {
      crons.push(new Cron(expression, { paused: true, timezone: timeZone, mode: '5-part' }));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { problem: `spec.schedule.cron[${index}]: ${expression}: ${reason}` };
    }
  }
  const next = (after: Date): Date | undefined =>
    crons
      .map((cron) => cron.nextRun(after) ?? undefined)
      .filter((time) => time !== undefined)
      .toSorted((one, other) => one.getTime() - other.getTime())[0];
  const first = next(new Date(0));
  if (first === undefined)
    return { problem: 'spec.schedule.cron: no time ever fits; correct the expression' };
  const second = next(first);
  const never = new Date(8_640_000_000_000_000);
  const slots: Slots = {
    between(after, until) {
      let count = 0;
      let oldest: Date | undefined;
      let newest = after;
      for (
        let slot = next(after);
        slot !== undefined && slot <= until && count < maxCronSlots;
        slot = next(slot)
      ) {
        oldest ??= slot;
        newest = slot;
        count += 1;
      }
      return oldest === undefined ? undefined : { count, first: oldest, last: newest };
    },
    next: (after) => next(after) ?? never,
  };
  return { slots, intervalMs: second === undefined ? 24 * 3_600_000 : second.getTime() - first.getTime() };
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
  /** When the next look is worth while: the start of the due or the next slot. */
  readonly nextStart: Date;
}

/**
 * The slot that is due, if one is: the newest that has not run and is within its starting deadline; of several only that one.
 * The slot of a new system is the minute in which it was made, so that it runs at once.
 */
export function plan(schedule: ResolvedSchedule, facts: ScheduleFacts): SchedulePlan {
  const newest = newestSlot(schedule, facts);
  if (
    newest !== undefined &&
    facts.now.getTime() - newest.getTime() <= schedule.startingDeadlineMs + schedule.jitterMs
  ) {
    const start = startOf(schedule, newest, facts);
    if (start <= facts.now) {
      if (mayStart(schedule.windows, schedule.timeZone, facts.now))
        return { due: { slot: newest }, nextStart: facts.now };
    } else {
      return { due: undefined, nextStart: start };
    }
  }
  return { due: undefined, nextStart: nextAllowed(schedule, schedule.slots.next(facts.now), facts) };
}

function newestSlot(
  schedule: ResolvedSchedule,
  { createdAt, now, lastSlot }: ScheduleFacts,
): Date | undefined {
  if (lastSlot === undefined) {
    const first = new Date(Math.floor(createdAt.getTime() / minuteMs) * minuteMs);
    return schedule.slots.between(first, now)?.last ?? first;
  }
  return schedule.slots.between(lastSlot, now)?.last;
}

/** A slot's start: its time and the jitter (none for the first run), and not before the minimum interval. */
function startOf(schedule: ResolvedSchedule, slot: Date, facts: ScheduleFacts): Date {
  const jitterMs = facts.lastSlot === undefined ? 0 : schedule.jitterMs;
  const earliestMs =
    facts.lastStartedAt === undefined ? 0 : facts.lastStartedAt.getTime() + schedule.minimumIntervalMs;
  return new Date(Math.max(slot.getTime() + jitterMs, earliestMs));
}

/** The first start at or after a slot's that a window allows; after a thousand slots the windows are taken to allow none. */
function nextAllowed(schedule: ResolvedSchedule, first: Date, facts: ScheduleFacts): Date {
  let slot = first;
  for (let looked = 0; looked < 1000; looked += 1) {
    const start = startOf(schedule, slot, { ...facts, lastSlot: slot });
    if (mayStart(schedule.windows, schedule.timeZone, start)) return start;
    slot = schedule.slots.next(slot);
  }
  return startOf(schedule, slot, facts);
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
  return { count: missed.count, first: whole(missed.first), last: whole(missed.last) };
}

function whole(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/u, 'Z');
}

export function fullDue(
  schedule: ResolvedSchedule,
  { lastFullAt, now }: { readonly lastFullAt: Date | undefined; readonly now: Date },
): boolean {
  return lastFullAt === undefined || now.getTime() - lastFullAt.getTime() >= schedule.fullEveryMs;
}
