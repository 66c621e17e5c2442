// SPDX-License-Identifier: Apache-2.0
import {
  FenceLost,
  type ArchivedRun,
  type ChainLink,
  type Hold,
  type RunClaim,
  type RunOutcome,
  type SealedRecord,
  type SystemHistory,
} from '../port.ts';
import { integer, optionalText, optionalTime, text, type Database, type Row } from './database.ts';
import { checkFence } from './fence.ts';
import { archivedFrom, insertOpenRun } from './run-rows.ts';

export type Seal = (link: ChainLink) => SealedRecord;

/** Ends a run under its hold. Only Cancelled may be recorded after the system went to another run. */
export function finish(database: Database, hold: Hold, outcome: RunOutcome, seal: Seal): ArchivedRun {
  return database.transaction(() => {
    const row = database.get('SELECT * FROM runs WHERE run_uid = ?', hold.runUid);
    if (row === undefined) throw new FenceLost(hold.system);
    const archived = archivedFrom(row);
    if (archived !== undefined) return archived;
    if (integer(row, 'attempt') !== hold.attempt) throw new FenceLost(hold.system);
    if (outcome.phase !== 'Cancelled') checkFence(database, hold);
    return archive(database, row, outcome, seal);
  });
}

/** Ends a run that nobody works on: one that never ran, or one whose workers were lost. */
export function finishUnclaimed(
  database: Database,
  claim: RunClaim,
  outcome: RunOutcome,
  seal: Seal,
): ArchivedRun {
  return database.transaction(() => {
    let row = database.get('SELECT * FROM runs WHERE run_uid = ?', claim.runUid);
    const archived = row === undefined ? undefined : archivedFrom(row);
    if (archived !== undefined) return archived;
    if (row === undefined) {
      insertOpenRun(database, claim);
      row = database.get('SELECT * FROM runs WHERE run_uid = ?', claim.runUid);
    }
    if (row === undefined) throw new Error(`run ${claim.runName} could not be opened`);
    return archive(database, row, outcome, seal);
  });
}

function archive(database: Database, row: Row, outcome: RunOutcome, seal: Seal): ArchivedRun {
  const system = text(row, 'system');
  const runUid = text(row, 'run_uid');
  database.run('INSERT INTO systems (system) VALUES (?) ON CONFLICT (system) DO NOTHING', system);
  const head = database.get('SELECT sequence, digest FROM systems WHERE system = ?', system) ?? {};
  const sequence = integer(head, 'sequence') + 1;
  const previousDigest = optionalText(head, 'digest');
  const sealed = seal({ sequence, previousDigest, startedAt: new Date(text(row, 'started_at')) });
  database.run(
    `UPDATE runs SET ended_at = ?, phase = ?, failure_code = ?, full_complete = ?, sequence = ?, previous_digest = ?,
       digest = ?, json = ? WHERE run_uid = ?`,
    outcome.endedAt.toISOString(),
    outcome.phase,
    outcome.failureCode ?? null,
    outcome.fullComplete ? 1 : 0,
    sequence,
    previousDigest ?? null,
    sealed.digest,
    sealed.json,
    runUid,
  );
  database.run(
    'UPDATE systems SET sequence = ?, digest = ? WHERE system = ?',
    sequence,
    sealed.digest,
    system,
  );
  database.run('DELETE FROM run_streams WHERE run_uid = ?', runUid);
  const archived = archivedRun(database, runUid);
  if (archived === undefined) throw new Error(`run ${runUid} was not archived`);
  return archived;
}

export function archivedRun(database: Database, runUid: string): ArchivedRun | undefined {
  const row = database.get('SELECT * FROM runs WHERE run_uid = ?', runUid);
  return row === undefined ? undefined : archivedFrom(row);
}

export function archivedSlot(database: Database, systemUid: string, slot: Date): ArchivedRun | undefined {
  const row = database.get(
    'SELECT * FROM runs WHERE system_uid = ? AND slot = ?',
    systemUid,
    slot.toISOString(),
  );
  return row === undefined ? undefined : archivedFrom(row);
}

export function archivedRuns(database: Database, system: string, limit: number): ArchivedRun[] {
  return database
    .all(
      'SELECT * FROM runs WHERE system = ? AND sequence IS NOT NULL ORDER BY sequence DESC LIMIT ?',
      system,
      limit,
    )
    .flatMap((row) => archivedFrom(row) ?? []);
}

export function unprunedRuns(database: Database, system: string): ArchivedRun[] {
  return database
    .all(
      'SELECT * FROM runs WHERE system = ? AND sequence IS NOT NULL AND pruned = 0 ORDER BY sequence DESC',
      system,
    )
    .flatMap((row) => archivedFrom(row) ?? []);
}

export function markPruned(database: Database, runUids: readonly string[]): void {
  database.transaction(() => {
    for (const uid of runUids) database.run('UPDATE runs SET pruned = 1 WHERE run_uid = ?', uid);
  });
}

export function history(database: Database, system: string): SystemHistory {
  const newest = (column: string, where: string): Date | undefined => {
    const row = database.get(
      `SELECT ${column} AS at FROM runs WHERE system = ? AND sequence IS NOT NULL AND ${where} ORDER BY sequence DESC LIMIT 1`,
      system,
    );
    return row === undefined ? undefined : optionalTime(row, 'at');
  };
  const succeeded = database.get(
    "SELECT max(sequence) AS sequence FROM runs WHERE system = ? AND phase IN ('Succeeded', 'PartiallySucceeded') AND mode <> 'Test'",
    system,
  );
  const failures = database.get(
    "SELECT count(*) AS runs FROM runs WHERE system = ? AND phase = 'Failed' AND mode <> 'Test' AND sequence > ?",
    system,
    integer(succeeded ?? {}, 'sequence'),
  );
  const slots = database.get('SELECT max(slot) AS slot FROM runs WHERE system = ?', system) ?? {};
  const started = database.get('SELECT max(started_at) AS at FROM runs WHERE system = ?', system) ?? {};
  const head = database.get('SELECT sequence, digest FROM systems WHERE system = ?', system);
  const digest = head === undefined ? undefined : optionalText(head, 'digest');
  return {
    last: archivedRuns(database, system, 1)[0],
    lastSuccessAt: newest('ended_at', "phase = 'Succeeded' AND mode <> 'Test'"),
    lastFailureAt: newest('ended_at', "phase = 'Failed'"),
    lastFullAt: newest('started_at', 'full_complete = 1'),
    lastScheduledSlot: optionalTime(slots, 'slot'),
    lastStartedAt: optionalTime(started, 'at'),
    consecutiveFailures: integer(failures ?? {}, 'runs'),
    chainHead: digest === undefined ? undefined : { sequence: integer(head ?? {}, 'sequence'), digest },
  };
}
