// SPDX-License-Identifier: Apache-2.0
import type { ReadRequest } from '../../src/connector/contract.ts';
import { endOf, nextWindow, scopeFailure, steadyFilter, windowFilter, type ScopeEvent } from './scope-end.ts';
import type { Session } from './session.ts';
import { countRows, walk, walkStart, type Progress } from './walk.ts';
import type { Checkpoint, Cursor } from './wire.ts';

export interface TableReading {
  readonly table: string;
  readonly fields: readonly string[];
  /** Rows to hand on for the rows of a page of a window; default the same. */
  complete?(rows: readonly unknown[]): Promise<readonly unknown[]>;
}

/** Reads one table as one scope of the same name: everything, or what changed since the cursor. */
export async function* readTable(
  session: Session,
  reading: TableReading,
  request: ReadRequest<Cursor, Checkpoint>,
): AsyncGenerator<ScopeEvent, void, void> {
  const { table, fields } = reading;
  if (request.ended(table)) return;
  try {
    const stored = request.checkpoint(table);
    const window = stored ?? nextWindow(request.cursor(table), session.until);
    const { until } = window;
    const since = window.since;
    const filter = windowFilter({ since, until });
    const start: Progress = stored ?? walkStart;
    const selection = { table, filter, fields, labels: true };
    const pages = walk(session.api, selection, session.pageSize, start);
    let step = await pages.next();
    while (step.done !== true) {
      const { rows, progress } = step.value;
      const whole =
        since === undefined || reading.complete === undefined ? rows : await reading.complete(rows);
      const checkpoint = toCheckpoint({ since, until }, table, progress);
      yield { type: 'page', scope: table, rows: whole, checkpoint };
      step = await pages.next();
    }
    yield await endOf(
      session.api,
      { name: table, table, steady: steadyFilter({ since, until }) },
      { since, until },
      step.value,
    );
  } catch (error) {
    const failure = scopeFailure(error);
    if (failure === undefined) throw error;
    yield { type: 'unverified', scope: table, failure };
  }
}

export function toCheckpoint(
  window: { readonly since: string | undefined; readonly until: string },
  at: string,
  progress: Progress,
): Checkpoint {
  const { after, rows, pages, counted, hiddenWindows, hidden } = progress;
  const { since, until } = window;
  return {
    until,
    ...(since === undefined ? {} : { since }),
    at,
    after,
    rows,
    pages,
    counted,
    hiddenWindows,
    hidden,
  };
}

/** Probes the right to read a table; throws a Failure that names it. */
export async function probeTable(session: Session, table: string): Promise<string> {
  const count = await countRows(session.api, table, '');
  return count === undefined ? `${table}: readable` : `${table}: readable, ${count} rows counted`;
}
