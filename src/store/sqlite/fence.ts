// SPDX-License-Identifier: Apache-2.0
import { FenceLost, RunEnded, SlotTaken, type Hold, type RunClaim, type StreamTally } from '../port.ts';
import { archivedFrom } from './archive.ts';
import { integer, optionalText, text, type Database } from './database.ts';

/** Inside a transaction: throws when another run or attempt holds the system. */
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

/** Writes the open row of the run and sets the fence: from here on every older hold on the system is void. */
export function claim(database: Database, request: RunClaim): Hold {
  return database.transaction(() => {
    const before = database.get('SELECT * FROM runs WHERE run_uid = ?', request.runUid);
    const archived = before === undefined ? undefined : archivedFrom(before);
    if (archived !== undefined) throw new RunEnded(archived);
    if (before === undefined) insertOpenRun(database, request);
    else {
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

/** Inside a transaction. A slot belongs to the first run that was opened for it. */
export function insertOpenRun(database: Database, request: RunClaim): void {
  const slot = request.slot?.toISOString() ?? null;
  if (request.slot !== undefined) {
    const taken = database.get(
      'SELECT run_uid FROM runs WHERE system_uid = ? AND slot = ?',
      request.systemUid,
      slot,
    );
    if (taken !== undefined) throw new SlotTaken(request.system, request.slot);
  }
  database.run(
    `INSERT INTO runs (run_uid, system, system_uid, generation, run_name, attempt, worker, mode, "trigger", slot,
       correlation_id, started_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    request.runUid,
    request.system,
    request.systemUid,
    request.systemGeneration,
    request.runName,
    request.attempt,
    request.worker,
    request.mode,
    request.trigger,
    slot,
    request.correlationId,
    request.at.toISOString(),
  );
}

export function tallies(database: Database, runUid: string): StreamTally[] {
  return database.all('SELECT * FROM run_streams WHERE run_uid = ?', runUid).map((row) => ({
    stream: text(row, 'stream'),
    record: text(row, 'record') as StreamTally['record'],
    pages: integer(row, 'pages'),
    fetched: integer(row, 'fetched'),
    created: integer(row, 'created'),
    updated: integer(row, 'updated'),
    unchanged: integer(row, 'unchanged'),
    deleted: integer(row, 'deleted'),
    failed: integer(row, 'failed'),
  }));
}
