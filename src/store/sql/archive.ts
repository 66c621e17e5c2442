// SPDX-License-Identifier: Apache-2.0
import { changesInventory } from '../../api/sync-run.ts';
import {
  FenceLost,
  type ArchivedRun,
  type ChainLink,
  type Hold,
  type RunClaim,
  type RunEnd,
} from '../port.ts';
import { note, unnoted } from './actions.ts';
import { checkFence, giveUpFence, lockSystem, progress } from './fence.ts';
import { concludeProposals } from './proposals.ts';
import { archivedFrom, insertOpenRun, slotTaken } from './run-rows.ts';
import { integer, optionalText, text, time, type Row, type Sql } from './sql.ts';

export type Build = (link: ChainLink) => RunEnd;

const runByUid = 'SELECT * FROM runs WHERE run_uid = ?';

/** Ends a run under its hold. Only Cancelled may be recorded after the system went to another run. */
export async function finish(sql: Sql, hold: Hold, build: Build): Promise<ArchivedRun> {
  const system = await lockSystem(sql, hold.system);
  const row = await sql.get(runByUid, hold.runUid);
  if (row === undefined) throw new FenceLost(hold.system);
  const archived = archivedFrom(row);
  if (archived !== undefined) return archived;
  if (integer(row, 'attempt') !== hold.attempt) throw new FenceLost(hold.system);
  const ended = await archive(sql, system, row, build);
  if (ended.phase !== 'Cancelled') await checkFence(sql, hold);
  await giveUpFence(sql, ended.system, ended.runUid);
  return ended;
}

/** Ends a run that nobody works on: one that never ran, or one whose workers were lost. */
export async function finishUnclaimed(sql: Sql, claim: RunClaim, build: Build): Promise<ArchivedRun> {
  const system = await lockSystem(sql, claim.system);
  const row = await sql.get(runByUid, claim.runUid);
  const archived = row === undefined ? undefined : archivedFrom(row);
  if (archived !== undefined) return archived;
  if (row === undefined) {
    const { slot } = claim;
    const taken = slot !== undefined && (await slotTaken(sql, claim.systemUid, slot));
    await insertOpenRun(sql, taken ? { ...claim, slot: undefined } : claim);
  }
  // A worker may have been lost between its claim in the cluster and the one here; the row says what the record says.
  await sql.run(
    'UPDATE runs SET attempt = ?, worker = ?, generation = ? WHERE run_uid = ?',
    claim.attempt,
    claim.worker,
    claim.systemGeneration,
    claim.runUid,
  );
  const open = await sql.get(runByUid, claim.runUid);
  if (open === undefined) throw new Error(`run ${claim.runName} could not be opened`);
  const ended = await archive(sql, system, open, build);
  await giveUpFence(sql, ended.system, ended.runUid);
  return ended;
}

async function archive(sql: Sql, head: Row, row: Row, build: Build): Promise<ArchivedRun> {
  const system = text(row, 'system');
  const runUid = text(row, 'run_uid');
  const sequence = integer(head, 'sequence') + 1;
  const previousDigest = optionalText(head, 'digest');
  const streams = await progress(sql, runUid);
  const proposals = await concludeProposals(sql, system, runUid);
  const named = await unnoted(sql, system);
  const end = build({
    ...{ sequence, previousDigest, startedAt: time(row, 'started_at'), streams, proposals },
    ...(named.length === 0 ? {} : { actions: named }),
  });
  await note(sql, system, named, runUid);
  await sql.run(
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
  await sql.run(
    'UPDATE systems SET sequence = ?, digest = ?, full_at = coalesce(?, full_at) WHERE system = ?',
    sequence,
    end.digest,
    end.fullAt?.toISOString() ?? null,
    system,
  );
  await noteEnd(
    sql,
    { runUid, system, systemUid: text(row, 'system_uid'), mode: text(row, 'mode') as RunClaim['mode'] },
    end,
  );
  await sql.run('DELETE FROM run_streams WHERE run_uid = ?', runUid);
  const archived = await archivedRun(sql, runUid);
  if (archived === undefined) throw new Error(`run ${runUid} was not archived`);
  return archived;
}

/** Keeps what `history` answers. */
export async function noteEnd(
  sql: Sql,
  { runUid, system, systemUid, mode }: Pick<RunClaim, 'runUid' | 'system' | 'systemUid' | 'mode'>,
  end: Pick<RunEnd, 'verdict' | 'phase' | 'endedAt'>,
): Promise<void> {
  const counts = end.verdict && changesInventory(mode);
  const failed = counts && end.phase === 'Failed';
  const succeeded = counts && (end.phase === 'Succeeded' || end.phase === 'PartiallySucceeded');
  const endedAt = end.endedAt.toISOString();
  await sql.run(
    `UPDATE system_objects SET last_run_uid = ?, verdict_run_uid = coalesce(?, verdict_run_uid),
       last_success_at = coalesce(?, last_success_at), last_failure_at = coalesce(?, last_failure_at),
       consecutive_failures = CASE WHEN ? = 1 THEN 0 ELSE consecutive_failures END + ?
     WHERE system = ? AND system_uid = ?`,
    runUid,
    end.verdict ? runUid : null,
    counts && end.phase === 'Succeeded' ? endedAt : null,
    failed ? endedAt : null,
    succeeded ? 1 : 0,
    failed ? 1 : 0,
    system,
    systemUid,
  );
}

export async function archivedRun(sql: Sql, runUid: string): Promise<ArchivedRun | undefined> {
  const row = await sql.get(runByUid, runUid);
  return row === undefined ? undefined : archivedFrom(row);
}

export async function hasRead(
  sql: Sql,
  system: string,
  systemUid: string,
  generation: number,
): Promise<boolean> {
  const run = await sql.get(
    `SELECT 1 AS one FROM runs WHERE system = ? AND system_uid = ? AND generation = ?
       AND phase IN ('Succeeded', 'PartiallySucceeded') LIMIT 1`,
    system,
    systemUid,
    generation,
  );
  return run !== undefined;
}

export async function archivedRuns(sql: Sql, system: string, limit: number): Promise<ArchivedRun[]> {
  const rows = await sql.all(
    'SELECT * FROM runs WHERE system = ? AND sequence IS NOT NULL ORDER BY sequence DESC LIMIT ?',
    system,
    limit,
  );
  return rows.flatMap((row) => archivedFrom(row) ?? []);
}

export async function archivedRunNamed(
  sql: Sql,
  system: string,
  runName: string,
): Promise<ArchivedRun | undefined> {
  const row = await sql.get(
    `SELECT * FROM runs WHERE system = ? AND sequence IS NOT NULL AND run_name = ?
     ORDER BY sequence DESC LIMIT 1`,
    system,
    runName,
  );
  return row === undefined ? undefined : archivedFrom(row);
}

export async function unprunedRuns(sql: Sql, system: string): Promise<ArchivedRun[]> {
  const rows = await sql.all(
    'SELECT * FROM runs WHERE system = ? AND sequence IS NOT NULL AND pruned = 0 ORDER BY sequence DESC',
    system,
  );
  return rows.flatMap((row) => archivedFrom(row) ?? []);
}

export async function unprunedSystems(sql: Sql): Promise<string[]> {
  const rows = await sql.all('SELECT DISTINCT system FROM runs WHERE pruned = 0 AND sequence IS NOT NULL');
  return rows.map((row) => text(row, 'system'));
}

export async function markPruned(sql: Sql, runUids: readonly string[]): Promise<void> {
  for (const uid of runUids) await sql.run('UPDATE runs SET pruned = 1 WHERE run_uid = ?', uid);
}
