// SPDX-License-Identifier: Apache-2.0
import {
  FenceLost,
  type ArchivedRun,
  type ChainLink,
  type Hold,
  type RunClaim,
  type RunEnd,
} from '../port.ts';
import { integer, optionalText, text, type Database, type Row } from './database.ts';
import { checkFence, giveUpFence, progress } from './fence.ts';
import { archivedFrom, insertOpenRun, slotTaken } from './run-rows.ts';

export type Build = (link: ChainLink) => RunEnd;

/** Ends a run under its hold. Only Cancelled may be recorded after the system went to another run. */
export function finish(database: Database, hold: Hold, build: Build): ArchivedRun {
  return database.transaction(() => {
    const row = database.get('SELECT * FROM runs WHERE run_uid = ?', hold.runUid);
    if (row === undefined) throw new FenceLost(hold.system);
    const archived = archivedFrom(row);
    if (archived !== undefined) return archived;
    if (integer(row, 'attempt') !== hold.attempt) throw new FenceLost(hold.system);
    const ended = archive(database, row, build);
    if (ended.phase !== 'Cancelled') checkFence(database, hold);
    giveUpFence(database, ended.system, ended.runUid);
    return ended;
  });
}

/** Ends a run that nobody works on: one that never ran, or one whose workers were lost. */
export function finishUnclaimed(database: Database, claim: RunClaim, build: Build): ArchivedRun {
  return database.transaction(() => {
    const row = database.get('SELECT * FROM runs WHERE run_uid = ?', claim.runUid);
    const archived = row === undefined ? undefined : archivedFrom(row);
    if (archived !== undefined) return archived;
    if (row === undefined) {
      const { slot } = claim;
      const taken = slot !== undefined && slotTaken(database, claim.systemUid, slot);
      insertOpenRun(database, taken ? { ...claim, slot: undefined } : claim);
    }
    const open = row ?? database.get('SELECT * FROM runs WHERE run_uid = ?', claim.runUid);
    if (open === undefined) throw new Error(`run ${claim.runName} could not be opened`);
    const ended = archive(database, open, build);
    giveUpFence(database, ended.system, ended.runUid);
    return ended;
  });
}

function archive(database: Database, row: Row, build: Build): ArchivedRun {
  const system = text(row, 'system');
  const runUid = text(row, 'run_uid');
  database.run('INSERT INTO systems (system) VALUES (?) ON CONFLICT (system) DO NOTHING', system);
  const head = database.get('SELECT sequence, digest FROM systems WHERE system = ?', system) ?? {};
  const sequence = integer(head, 'sequence') + 1;
  const previousDigest = optionalText(head, 'digest');
  const startedAt = new Date(text(row, 'started_at'));
  const end = build({ sequence, previousDigest, startedAt, streams: progress(database, runUid) });
  database.run(
    `UPDATE runs SET ended_at = ?, phase = ?, failure_code = ?, sequence = ?, previous_digest = ?, digest = ?, json = ?
     WHERE run_uid = ?`,
    end.endedAt.toISOString(),
    end.phase,
    end.failureCode ?? null,
    sequence,
    previousDigest ?? null,
    end.digest,
    end.json,
    runUid,
  );
  database.run(
    'UPDATE systems SET sequence = ?, digest = ?, full_at = coalesce(?, full_at) WHERE system = ?',
    sequence,
    end.digest,
    end.fullAt?.toISOString() ?? null,
    system,
  );
  noteEnd(database, row, end);
  database.run('DELETE FROM run_streams WHERE run_uid = ?', runUid);
  const archived = archivedRun(database, runUid);
  if (archived === undefined) throw new Error(`run ${runUid} was not archived`);
  return archived;
}

/** Keeps what `history` answers. */
function noteEnd(database: Database, row: Row, end: RunEnd): void {
  const runUid = text(row, 'run_uid');
  const counts = end.verdict && text(row, 'mode') !== 'Test';
  const failed = counts && end.phase === 'Failed';
  const succeeded = counts && (end.phase === 'Succeeded' || end.phase === 'PartiallySucceeded');
  const endedAt = end.endedAt.toISOString();
  database.run(
    `UPDATE system_objects SET last_run_uid = ?, verdict_run_uid = coalesce(?, verdict_run_uid),
       last_success_at = coalesce(?, last_success_at), last_failure_at = coalesce(?, last_failure_at),
       consecutive_failures = CASE WHEN ? THEN 0 ELSE consecutive_failures + ? END
     WHERE system = ? AND system_uid = ?`,
    runUid,
    end.verdict ? runUid : null,
    counts && end.phase === 'Succeeded' ? endedAt : null,
    failed ? endedAt : null,
    succeeded ? 1 : 0,
    failed ? 1 : 0,
    text(row, 'system'),
    text(row, 'system_uid'),
  );
}

export function archivedRun(database: Database, runUid: string): ArchivedRun | undefined {
  const row = database.get('SELECT * FROM runs WHERE run_uid = ?', runUid);
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

export function archivedRunNamed(
  database: Database,
  system: string,
  runName: string,
): ArchivedRun | undefined {
  const row = database.get(
    `SELECT * FROM runs WHERE system = ? AND sequence IS NOT NULL AND run_name = ?
     ORDER BY sequence DESC LIMIT 1`,
    system,
    runName,
  );
  return row === undefined ? undefined : archivedFrom(row);
}

export function unprunedRuns(database: Database, system: string): ArchivedRun[] {
  return database
    .all(
      'SELECT * FROM runs WHERE system = ? AND sequence IS NOT NULL AND pruned = 0 ORDER BY sequence DESC',
      system,
    )
    .flatMap((row) => archivedFrom(row) ?? []);
}

export function unprunedSystems(database: Database): string[] {
  return database
    .all('SELECT DISTINCT system FROM runs WHERE pruned = 0 AND sequence IS NOT NULL')
    .map((row) => text(row, 'system'));
}

export function markPruned(database: Database, runUids: readonly string[]): void {
  database.transaction(() => {
    for (const uid of runUids) database.run('UPDATE runs SET pruned = 1 WHERE run_uid = ?', uid);
  });
}
