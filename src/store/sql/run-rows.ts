// SPDX-License-Identifier: Apache-2.0
import type { FinalPhase, RunMode, RunTrigger } from '../../api/sync-run.ts';
import { SlotTaken, type ArchivedRun, type OpenRun, type RunClaim } from '../port.ts';
import { integer, optionalText, optionalTime, text, time, type Row, type Sql } from './sql.ts';

/** A slot belongs to the first run that was opened for it. */
export async function insertOpenRun(sql: Sql, request: RunClaim): Promise<void> {
  const slot = request.slot?.toISOString() ?? null;
  if (request.slot !== undefined && (await slotTaken(sql, request.systemUid, request.slot))) {
    throw new SlotTaken(request.system, request.slot);
  }
  await sql.run(
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
  await sql.run(
    `INSERT INTO system_objects AS o (system, system_uid, last_slot) VALUES (?, ?, ?)
     ON CONFLICT (system, system_uid) DO UPDATE SET last_slot =
       CASE WHEN o.last_slot IS NULL OR excluded.last_slot > o.last_slot THEN excluded.last_slot ELSE o.last_slot END`,
    request.system,
    request.systemUid,
    slot,
  );
}

export async function slotTaken(sql: Sql, systemUid: string, slot: Date): Promise<boolean> {
  const found = await sql.get(
    'SELECT 1 AS one FROM runs WHERE system_uid = ? AND slot = ?',
    systemUid,
    slot.toISOString(),
  );
  return found !== undefined;
}

/** The archived form of a row of `runs`; undefined while the run is open. */
export function archivedFrom(row: Row): ArchivedRun | undefined {
  const endedAt = optionalTime(row, 'ended_at');
  if (endedAt === undefined) return undefined;
  return {
    system: text(row, 'system'),
    systemUid: text(row, 'system_uid'),
    runUid: text(row, 'run_uid'),
    runName: text(row, 'run_name'),
    attempt: integer(row, 'attempt'),
    mode: text(row, 'mode') as RunMode,
    trigger: text(row, 'trigger') as RunTrigger,
    slot: optionalTime(row, 'slot'),
    phase: text(row, 'phase') as FinalPhase,
    failureCode: optionalText(row, 'failure_code'),
    startedAt: time(row, 'started_at'),
    endedAt,
    sequence: integer(row, 'sequence'),
    previousDigest: optionalText(row, 'previous_digest'),
    digest: text(row, 'digest'),
    json: text(row, 'json'),
  };
}

export async function openRuns(sql: Sql): Promise<OpenRun[]> {
  const rows = await sql.all(
    `SELECT r.*, CASE WHEN s.fence_run_uid = r.run_uid THEN 1 ELSE 0 END AS holds_fence
     FROM runs r LEFT JOIN systems s ON s.system = r.system WHERE r.ended_at IS NULL`,
  );
  return rows.map((row) => ({
    system: text(row, 'system'),
    systemUid: text(row, 'system_uid'),
    systemGeneration: integer(row, 'generation'),
    runUid: text(row, 'run_uid'),
    runName: text(row, 'run_name'),
    attempt: integer(row, 'attempt'),
    worker: text(row, 'worker'),
    mode: text(row, 'mode') as RunMode,
    trigger: text(row, 'trigger') as RunTrigger,
    slot: optionalTime(row, 'slot'),
    correlationId: text(row, 'correlation_id'),
    startedAt: time(row, 'started_at'),
    holdsFence: integer(row, 'holds_fence') === 1,
  }));
}
