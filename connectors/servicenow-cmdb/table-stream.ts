// SPDX-License-Identifier: Apache-2.0
import type { ReadRequest } from '../../src/connector/contract.ts';
import { keptRows, type Columns } from './columns.ts';
import type { DeletionReading, DeletionRequest } from './deletions.ts';
import { isSteady, openWindow, steadyFilter, windowFilter, type ReadWindow } from './read-window.ts';
import { endOf, type ScopeEvent } from './scope-end.ts';
import { scopeFailure } from './scope-failure.ts';
import type { Session } from './session.ts';
import { walk, walkStart, type Progress } from './walk.ts';
import type { Checkpoint, Cursor } from './wire.ts';

export interface TableReading {
  readonly table: string;
  columns(): Promise<Columns>;
  /** Rows to hand on for the rows of a page of a window; default the same. */
  complete?(rows: readonly unknown[]): Promise<readonly unknown[]>;
  /** True when the ids of its records are those of its rows, so that the audit of deletions speaks of them. */
  readonly audited: boolean;
}

/** Reads one table as one scope of the same name: everything, or what changed since the cursor. */
export async function* readTable(
  session: Session,
  reading: TableReading,
  request: ReadRequest<Cursor, Checkpoint>,
): AsyncGenerator<ScopeEvent, void, void> {
  const { table } = reading;
  if (request.ended(table)) return;
  try {
    yield* readScope(session, reading, request);
  } catch (error) {
    const failure = scopeFailure(error);
    if (failure === undefined) throw error;
    yield { type: 'unverified', scope: table, failure };
  }
}

async function* readScope(
  session: Session,
  reading: TableReading,
  request: ReadRequest<Cursor, Checkpoint>,
): AsyncGenerator<ScopeEvent, void, void> {
  const { table } = reading;
  const stored = request.checkpoint(table);
  const { since, until } = stored ?? (await openWindow(session, table, request.cursor(table)));
  const window: ReadWindow = { since, until };
  const columns = await reading.columns();
  const selection = {
    table,
    filter: windowFilter(window),
    fields: columns.fields,
    labels: true,
    isSteady: (row: unknown) => isSteady(row, window),
  };
  const pages = walk(session.api, selection, session.pageSize, stored ?? walkStart);
  let step = await pages.next();
  while (step.done !== true) {
    const { rows, progress } = step.value;
    const whole = since === undefined || reading.complete === undefined ? rows : await reading.complete(rows);
    const checkpoint = toCheckpoint(window, table, progress);
    yield { type: 'page', scope: table, rows: keptRows(whole, columns), checkpoint };
    step = await pages.next();
  }
  const facts = {
    ...session.pageSize.evidence,
    ...(columns.source === 'list' ? {} : { columns: columns.source }),
    ...(since === undefined || !reading.audited
      ? {}
      : {
          deletions: yield* stateDeleted(session, {
            scope: table,
            checkpoint: toCheckpoint(window, table, step.value),
            audited: session.classes.namesBelow(table),
            places: [table],
            window: { since, until },
          }),
        }),
  };
  const walked = { name: table, table, window, steady: steadyFilter(window) };
  yield await endOf(session.api, walked, step.value, facts);
}

export interface StatedDeletions extends DeletionRequest {
  readonly scope: string;
  readonly checkpoint: Checkpoint;
}

/** Hands on what was deleted in a window. After its rows: what is stated then stands nowhere any more. */
export async function* stateDeleted(
  session: Session,
  { scope, checkpoint, ...request }: StatedDeletions,
): AsyncGenerator<ScopeEvent, DeletionReading, void> {
  const deleted = session.deletions.deleted(request);
  for (;;) {
    const step = await deleted.next();
    if (step.done === true) return step.value;
    yield { type: 'page', scope, rows: [], removed: step.value, checkpoint };
  }
}

export function toCheckpoint(window: ReadWindow, at: string, progress: Progress): Checkpoint {
  const { after, rows, steady, pages, counted, hiddenWindows, hidden } = progress;
  const { since, until } = window;
  return {
    until,
    ...(since === undefined ? {} : { since }),
    at,
    after,
    rows,
    steady,
    pages,
    counted,
    hiddenWindows,
    hidden,
  };
}
