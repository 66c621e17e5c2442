// SPDX-License-Identifier: Apache-2.0
import type { FinalPhase, RunMode, RunTrigger } from '../../api/sync-run.ts';
import { SlotTaken, type ArchivedRun, type RunClaim } from '../port.ts';
import { integer, optionalText, optionalTime, text, type Database, type Row } from './database.ts';

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
    startedAt: new Date(text(row, 'started_at')),
    endedAt,
    sequence: integer(row, 'sequence'),
    previousDigest: optionalText(row, 'previous_digest'),
    digest: text(row, 'digest'),
    json: text(row, 'json'),
  };
}
