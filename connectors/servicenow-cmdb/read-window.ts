// SPDX-License-Identifier: Apache-2.0
import { countRows } from './look-up.ts';
import { storedText } from './raw-row.ts';
import type { Session } from './session.ts';
import { shifted } from './stored-time.ts';
import type { Cursor } from './wire.ts';

/** The window of a reading: with `since` only what changed from then on, without it everything. */
export interface ReadWindow {
  readonly since: string | undefined;
  readonly until: string;
}

/** The next window starts this much before the end of the last one. */
const overlapSeconds = 300;

/**
 * The window that follows a cursor. Windows are frozen at both ends, so a row that changes while it is read falls into the
 * next one. A cursor ahead of the server's clock was made by another clock: nobody knows what was read, so everything is.
 */
export async function openWindow(
  { api, clock }: Session,
  table: string,
  cursor: Cursor | undefined,
): Promise<ReadWindow> {
  // Before its first good answer the server has told no time, and ours must not end its windows.
  if (!clock.isKnown) await countRows(api, table, '');
  const { now, until } = clock;
  if (cursor === undefined || cursor.until > now) return { since: undefined, until };
  const last = cursor.until < until ? cursor.until : until;
  return { since: shifted(last, -overlapSeconds), until };
}

export function windowFilter(window: ReadWindow): string {
  if (window.since === undefined) return '';
  return `sys_updated_on>=${window.since}^sys_updated_on<=${window.until}`;
}

/** Joins conditions; an empty one is left out. */
export function allOf(...conditions: readonly string[]): string {
  return conditions.filter((condition) => condition !== '').join('^');
}

/** Condition of the rows that match a window now and did so while it was read. */
export function steadyFilter(window: ReadWindow): string {
  return window.since === undefined ? `sys_created_on<=${window.until}` : windowFilter(window);
}

/** Whether a row that was read is one of those; one that does not tell its times counts as such. */
export function isSteady(row: unknown, { since, until }: ReadWindow): boolean {
  return since !== undefined || (storedText(row, 'sys_created_on') ?? '') <= until;
}

/** The same for a row that could move from table to table: it was not edited, so it stayed where it was. */
export function isUnmoved(row: unknown, window: ReadWindow): boolean {
  if (window.since !== undefined) return true;
  return isSteady(row, window) && (storedText(row, 'sys_updated_on') ?? '') < window.until;
}
