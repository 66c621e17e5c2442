// SPDX-License-Identifier: Apache-2.0
import type { ReadEvent } from '../../src/connector/contract.ts';
import { Failure } from '../../src/connector/failure.ts';
import { grantRemedy } from './answers.ts';
import type { TableApi } from './api.ts';
import { shifted } from './stored-time.ts';
import { countRows, type Progress } from './walk.ts';
import type { Checkpoint, Cursor } from './wire.ts';

export type ScopeEvent = ReadEvent<Cursor, Checkpoint>;

/** The window of a reading: with `since` only what changed from then on, without it everything. */
export interface ReadWindow {
  readonly since: string | undefined;
  readonly until: string;
}

/** The next window starts this much before the end of the last one. */
const overlapSeconds = 300;

/** Windows are frozen at both ends, so a row that changes while it is read falls into the next one. */
export function nextWindow(cursor: Cursor | undefined, until: string): ReadWindow {
  if (cursor === undefined) return { since: undefined, until };
  // A cursor ahead of the server's clock must not skip what lies between.
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

/**
 * The verdict on a scope that was walked to its end. Full only when nothing that the server counts was withheld: rows
 * hidden by row access are no proof of absence. Fewer rows than counted at the start may also mean that some were deleted
 * meanwhile (or left the window), so then those that were there all the time (`steady`) are counted once more.
 */
export async function endOf(
  api: TableApi,
  scope: { readonly name: string; readonly table: string; readonly steady: string },
  window: ReadWindow,
  progress: Progress,
  facts: Readonly<Record<string, string | number | boolean>> = {},
): Promise<ScopeEvent> {
  const hidden = (missing: number, of: number): ScopeEvent => ({
    type: 'unverified',
    scope: scope.name,
    failure: new Failure(
      'permission',
      `table ${scope.table}: row access hides ${missing} of ${of} counted rows from the account; the rest was read, nothing is taken as deleted; ${grantRemedy(`table ${scope.table}`)} without row conditions`,
    ),
  });
  const { rows, counted } = progress;
  if (progress.hidden) return hidden(Math.max(1, counted - rows), Math.max(counted, rows + 1));
  const end = (coverage: 'Full' | 'Window'): ScopeEvent => ({
    type: 'end',
    scope: scope.name,
    coverage,
    evidence: {
      pages: progress.pages,
      rows,
      lastSysId: progress.after,
      counted,
      hiddenWindows: progress.hiddenWindows,
      ...(window.since === undefined ? {} : { since: window.since }),
      until: window.until,
      ...facts,
    },
    cursor: { until: window.until },
  });
  // Without a count a window of hidden rows looks like the end: everything given was read, but absence proves nothing.
  if (counted === -1) return end('Window');
  if (rows < counted) {
    const remaining = await countRows(api, scope.table, scope.steady);
    if (remaining === undefined || remaining > rows)
      return hidden((remaining ?? counted) - rows, remaining ?? counted);
  }
  return end(window.since === undefined ? 'Full' : 'Window');
}

/** Failures of one table that leave the other tables and streams their turn; undefined for all others. */
export function scopeFailure(error: unknown): Failure | undefined {
  if (!(error instanceof Failure)) return undefined;
  return error.code === 'permission' || error.code === 'configuration' || error.code === 'contract'
    ? error
    : undefined;
}
