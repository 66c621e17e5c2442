// SPDX-License-Identifier: Apache-2.0
import type { ScheduleWindow } from '../api/external-system.ts';

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const dayMinutes = 24 * 60;

export interface Windows {
  readonly allow?: readonly ScheduleWindow[];
  readonly deny?: readonly ScheduleWindow[];
}

/** Whether a scheduled run may start now: inside an allowed window, when there are any, and outside every denied one. */
export function mayStart(windows: Windows | undefined, timeZone: string, at: Date): boolean {
  if (windows === undefined) return true;
  const local = localTime(at, timeZone);
  const inside = (window: ScheduleWindow) => contains(window, local);
  if (windows.allow !== undefined && !windows.allow.some(inside)) return false;
  return windows.deny?.some(inside) !== true;
}

const minuteMs = 60_000;
/** Clocks are set forward and back at whole quarters of an hour, so no look ahead goes over one. */
const quarterMs = 15 * minuteMs;

/**
 * The first moment in [from, until] at which a run may start, or undefined. Both bounds are exact; in between, windows open at
 * whole minutes.
 */
export function firstAllowed(
  windows: Windows | undefined,
  timeZone: string,
  from: Date,
  until: Date,
): Date | undefined {
  let at = from;
  while (at <= until) {
    if (mayStart(windows, timeZone, at)) return at;
    at = new Date(nextEdge(windows, timeZone, at));
  }
  return undefined;
}

/** The next minute at which a window may open or close by the wall clock, or the next quarter of an hour. */
function nextEdge(windows: Windows | undefined, timeZone: string, at: Date): number {
  const minuteStartMs = Math.floor(at.getTime() / minuteMs) * minuteMs;
  const { minute } = localTime(at, timeZone);
  const edges = [...(windows?.allow ?? []), ...(windows?.deny ?? [])].flatMap(({ start, end }) => [
    minutesOf(start),
    minutesOf(end),
  ]);
  const ahead = edges.map((edge) => (edge - minute + dayMinutes) % dayMinutes || dayMinutes);
  const quarter = (Math.floor(at.getTime() / quarterMs) + 1) * quarterMs;
  return Math.min(quarter, minuteStartMs + Math.min(dayMinutes, ...ahead) * minuteMs);
}

interface LocalTime {
  /** 0 is Sunday. */
  readonly day: number;
  readonly minute: number;
}

/** The wall clock of a zone; a jump of daylight saving makes it repeat or skip, as clocks on walls do. */
function localTime(at: Date, timeZone: string): LocalTime {
  const parts = clockOf(timeZone).formatToParts(at);
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? '';
  return {
    day: days.findIndex((name) => name === part('weekday')),
    minute: Number(part('hour')) * 60 + Number(part('minute')),
  };
}

/** Making a formatter costs more than a thousand readings of it. */
const clocks = new Map<string, Intl.DateTimeFormat>();

function clockOf(timeZone: string): Intl.DateTimeFormat {
  const known = clocks.get(timeZone);
  if (known !== undefined) return known;
  const clock = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  clocks.set(timeZone, clock);
  return clock;
}

/** A window whose end is not after its start goes on past midnight, and counts for the day on which it starts. */
function contains(window: ScheduleWindow, { day, minute }: LocalTime): boolean {
  const start = minutesOf(window.start);
  const end = minutesOf(window.end);
  const length = end > start ? end - start : end + dayMinutes - start;
  const startsOn = (index: number) => window.days?.some((name) => name === days[(index + 7) % 7]) ?? true;
  if (startsOn(day) && minute >= start && minute < start + length) return true;
  return startsOn(day - 1) && minute + dayMinutes < start + length;
}

function minutesOf(text: string): number {
  return Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
}
