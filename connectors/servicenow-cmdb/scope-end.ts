// SPDX-License-Identifier: Apache-2.0
import type { ReadEvent } from '../../src/connector/contract.ts';
import type { CountedFacts } from '../../src/connector/evidence.ts';
import { Failure } from '../../src/connector/failure.ts';
import { grantRemedy } from './answers.ts';
import type { TableApi } from './api.ts';
import { countRows } from './look-up.ts';
import type { ReadWindow } from './read-window.ts';
import type { Progress } from './walk.ts';
import type { Checkpoint, Cursor } from './wire.ts';

export type ScopeEvent = ReadEvent<Cursor, Checkpoint>;

export interface WalkedTable {
  /** Name of the scope. */
  readonly name: string;
  readonly table: string;
  readonly window: ReadWindow;
  /** Condition of the rows that were there, and match, all the time. */
  readonly steady: string;
}

/**
 * The verdict on a scope that was walked to its end. Full only when nothing that the server counts was withheld: rows
 * hidden by row access are no proof of absence. Fewer rows than counted at the start may also mean that some were deleted
 * meanwhile (or left the window), so then those that were there all the time (`steady`) are counted once more.
 */
export async function endOf(
  api: TableApi,
  { name, table, window, steady }: WalkedTable,
  progress: Progress,
  facts: Readonly<Record<string, string | number | boolean>> = {},
): Promise<ScopeEvent> {
  const { rows, counted } = progress;
  const evidence = {
    pages: progress.pages,
    rows,
    last: progress.after,
    ...(counted === -1 ? {} : { counted }),
    hiddenWindows: progress.hiddenWindows,
    ...(window.since === undefined ? {} : { since: window.since }),
    until: window.until,
    ...facts,
  };
  const hidden = (missing: number, of: number): ScopeEvent => ({
    type: 'unverified',
    scope: name,
    failure: new Failure(
      'permission',
      `table ${table}: row access hides ${missing} of ${of} counted rows from the account; the rest was read, nothing is taken as deleted; ${grantRemedy(`table ${table}`)} without row conditions`,
    ),
    evidence,
  });
  if (progress.hidden) return hidden(Math.max(1, counted - rows), Math.max(counted, rows + 1));
  const end = (coverage: 'Full' | 'Window', proof: CountedFacts = {}): ScopeEvent => ({
    type: 'end',
    scope: name,
    coverage,
    evidence: { ...evidence, ...proof },
    cursor: { until: window.until },
  });
  // Without a count a window of hidden rows looks like the end: everything given was read, but absence proves nothing.
  if (counted === -1) return end('Window');
  if (window.since !== undefined && rows >= counted) return end('Window');
  if (rows > 0 && rows >= counted) return end('Full');
  const remaining = await countRows(api, table, steady);
  if (remaining === undefined) return counted === 0 ? end('Window') : hidden(counted - rows, counted);
  if (remaining > progress.steady) return hidden(remaining - progress.steady, remaining);
  if (window.since !== undefined) return end('Window');
  // A table that gives nothing is asked twice: once for its rows, once more for those that were there all the time.
  return end('Full', counted === 0 ? { emptyTwice: true } : { gone: counted - rows });
}
