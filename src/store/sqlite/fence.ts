// SPDX-License-Identifier: Apache-2.0
import { recordTables } from '../../inventory/columns.ts';
import {
  FenceLost,
  RunEnded,
  type Hold,
  type RunClaim,
  type StreamProgress,
  type StreamVerdict,
} from '../port.ts';
import { integer, optionalText, text, type Database } from './database.ts';
import { archivedFrom, insertOpenRun } from './run-rows.ts';

/** Inside a transaction: throws when another run or attempt holds the system, or nobody does because the run has ended. */
export function checkFence(database: Database, hold: Hold): void {
  const row = database.get('SELECT fence_run_uid, fence_attempt FROM systems WHERE system = ?', hold.system);
  if (
    row === undefined ||
    optionalText(row, 'fence_run_uid') !== hold.runUid ||
    integer(row, 'fence_attempt') !== hold.attempt
  ) {
    throw new FenceLost(hold.system);
  }
}

/** Inside a transaction, when a run ends: its hold is void from here on. */
export function giveUpFence(database: Database, system: string, runUid: string): void {
  database.run(
    'UPDATE systems SET fence_run_uid = NULL, fence_attempt = NULL WHERE system = ? AND fence_run_uid = ?',
    system,
    runUid,
  );
}

/** Writes the open row of the run and sets the fence: from here on every older hold on the system is void. */
export function claim(database: Database, request: RunClaim): Hold {
  return database.transaction(() => {
    const before = database.get('SELECT * FROM runs WHERE run_uid = ?', request.runUid);
    const archived = before === undefined ? undefined : archivedFrom(before);
    if (archived !== undefined) throw new RunEnded(archived);
    if (before === undefined) {
      insertOpenRun(database, request);
      if (request.mode !== 'Test') noteStart(database, request);
    } else {
      const attempt = integer(before, 'attempt');
      const same = attempt === request.attempt && text(before, 'worker') === request.worker;
      if (attempt >= request.attempt && !same) throw new FenceLost(request.system);
      database.run(
        'UPDATE runs SET attempt = ?, worker = ? WHERE run_uid = ?',
        request.attempt,
        request.worker,
        request.runUid,
      );
    }
    markDemo(database, request);
    database.run(
      `INSERT INTO systems (system, fence_run_uid, fence_attempt, demo) VALUES (?, ?, ?, ?)
       ON CONFLICT (system) DO UPDATE SET
         fence_run_uid = excluded.fence_run_uid, fence_attempt = excluded.fence_attempt, demo = excluded.demo`,
      request.system,
      request.runUid,
      request.attempt,
      request.demo ? 1 : 0,
    );
    return {
      system: request.system,
      runUid: request.runUid,
      attempt: request.attempt,
      correlationId: request.correlationId,
      startedAt: before === undefined ? request.at : new Date(text(before, 'started_at')),
    };
  });
}

function noteStart(database: Database, request: RunClaim): void {
  database.run(
    'UPDATE system_objects SET last_started_at = ? WHERE system = ? AND system_uid = ?',
    request.at.toISOString(),
    request.system,
    request.systemUid,
  );
}

/** A system that became demo, or real, takes all its rows along: views must never mix the two. */
function markDemo(database: Database, { system, demo }: RunClaim): void {
  const before = database.get('SELECT demo FROM systems WHERE system = ?', system);
  const mark = demo ? 1 : 0;
  if (before === undefined || integer(before, 'demo') === mark) return;
  for (const { name } of recordTables)
    database.run(`UPDATE "${name}" SET demo = ? WHERE system = ?`, mark, system);
}

export function progress(database: Database, runUid: string): StreamProgress[] {
  return database.all('SELECT * FROM run_streams WHERE run_uid = ?', runUid).map((row) => {
    const verdict = optionalText(row, 'verdict');
    return {
      tally: {
        stream: text(row, 'stream'),
        record: text(row, 'record') as StreamProgress['tally']['record'],
        pages: integer(row, 'pages'),
        fetched: integer(row, 'fetched'),
        created: integer(row, 'created'),
        updated: integer(row, 'updated'),
        unchanged: integer(row, 'unchanged'),
        deleted: integer(row, 'deleted'),
        failed: integer(row, 'failed'),
      },
      verdict: verdict === undefined ? undefined : (JSON.parse(verdict) as StreamVerdict),
    };
  });
}
