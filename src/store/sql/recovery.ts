// SPDX-License-Identifier: Apache-2.0
import { changesInventory } from '../../api/sync-run.ts';
import type { ChainHead, RecoveredRun } from '../port.ts';
import { noteEnd } from './archive.ts';
import { lockSystem, noteStart } from './fence.ts';
import { archivedFrom, insertOpenRun, slotTaken } from './run-rows.ts';
import { integer, type Sql } from './sql.ts';

/**
 * Brings the archive of a system back in step with the cluster: archives the runs that only stand there, goes on with the chain from
 * where it was, and has every stream read in full, since what happened to its rows after the backup is not known. Answers how many
 * runs were archived.
 */
export async function recover(
  sql: Sql,
  system: string,
  head: ChainHead,
  runs: readonly RecoveredRun[],
): Promise<number> {
  const before = integer(await lockSystem(sql, system), 'sequence');
  // Another replica has done it.
  if (before >= head.sequence) return 0;
  let recovered = 0;
  for (const run of runs.toSorted((a, b) => a.sequence - b.sequence)) {
    if (run.sequence > before && (await putBack(sql, run))) recovered += 1;
  }
  await sql.run(
    `UPDATE systems SET sequence = ?, digest = ?, full_at = NULL, fence_run_uid = NULL, fence_attempt = NULL WHERE system = ?`,
    head.sequence,
    head.digest,
    system,
  );
  await sql.run(
    'INSERT INTO recoveries (system, after_sequence, sequence, digest) VALUES (?, ?, ?, ?)',
    system,
    before,
    head.sequence,
    head.digest,
  );
  await readInFull(sql, system, runs.at(-1)?.endedAt ?? new Date(0));
  return recovered;
}

/** A run that the backup has as open ends as it did. */
async function putBack(sql: Sql, run: RecoveredRun): Promise<boolean> {
  const { claim, startedAt, endedAt } = run;
  const known = await sql.get('SELECT * FROM runs WHERE run_uid = ?', claim.runUid);
  if (known !== undefined && archivedFrom(known) !== undefined) return false;
  if (known === undefined) {
    const { slot } = claim;
    const taken = slot !== undefined && (await slotTaken(sql, claim.systemUid, slot));
    await insertOpenRun(sql, { ...claim, at: startedAt, slot: taken ? undefined : slot });
    if (claim.attempt > 0 && changesInventory(claim.mode)) await noteStart(sql, { ...claim, at: startedAt });
  }
  await sql.run(
    `UPDATE runs SET ended_at = ?, phase = ?, failure_code = ?, sequence = ?, previous_digest = ?, digest = ?, json = ?,
       attempt = ?, worker = ?, generation = ?, started_at = ?, recovered = 1 WHERE run_uid = ?`,
    endedAt.toISOString(),
    run.phase,
    run.failureCode ?? null,
    run.sequence,
    run.previousDigest ?? null,
    run.digest,
    run.json,
    claim.attempt,
    claim.worker,
    claim.systemGeneration,
    startedAt.toISOString(),
    claim.runUid,
  );
  await noteEnd(sql, claim, run);
  await sql.run('DELETE FROM run_streams WHERE run_uid = ?', claim.runUid);
  return true;
}

async function readInFull(sql: Sql, system: string, at: Date): Promise<void> {
  const streams = '(SELECT id FROM streams WHERE system = ?)';
  await sql.run('UPDATE streams SET last_full_at = NULL WHERE system = ?', system);
  await sql.run(`UPDATE scopes SET cursor = NULL WHERE stream_id IN ${streams}`, system);
  await sql.run(
    `UPDATE passes SET closed_at = ? WHERE closed_at IS NULL AND stream_id IN ${streams}`,
    at.toISOString(),
    system,
  );
}
