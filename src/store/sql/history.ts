// SPDX-License-Identifier: Apache-2.0
import type { ArchivedRun, SystemHistory } from '../port.ts';
import { archivedRun } from './archive.ts';
import { openProposal } from './proposals.ts';
import { rowsSetAside } from './quarantine-keeping.ts';
import { integer, optionalText, optionalTime, type Sql } from './sql.ts';

/** A few rows by their keys: it is asked at every look at a system, and the archive only grows. */
export async function history(sql: Sql, system: string, systemUid: string): Promise<SystemHistory> {
  const object = await sql.get(
    'SELECT * FROM system_objects WHERE system = ? AND system_uid = ?',
    system,
    systemUid,
  );
  const head = await sql.get('SELECT sequence, digest, full_at FROM systems WHERE system = ?', system);
  const waiting = await sql.get(
    'SELECT coalesce(sum(withheld), 0) AS withheld FROM streams WHERE system = ?',
    system,
  );
  const run = async (column: string): Promise<ArchivedRun | undefined> => {
    const uid = optionalText(object, column);
    return uid === undefined ? undefined : archivedRun(sql, uid);
  };
  const digest = optionalText(head, 'digest');
  return {
    last: await run('last_run_uid'),
    lastVerdict: await run('verdict_run_uid'),
    lastSuccessAt: optionalTime(object, 'last_success_at'),
    lastFailureAt: optionalTime(object, 'last_failure_at'),
    consecutiveFailures: integer(object, 'consecutive_failures'),
    lastScheduledSlot: optionalTime(object, 'last_slot'),
    lastStartedAt: optionalTime(object, 'last_started_at'),
    lastFullAt: optionalTime(head, 'full_at'),
    withheld: integer(waiting, 'withheld'),
    proposal: await openProposal(sql, system),
    setAside: await rowsSetAside(sql, system),
    chainHead: digest === undefined ? undefined : { sequence: integer(head, 'sequence'), digest },
  };
}

export async function slotBefore(sql: Sql, systemUid: string, slot: Date): Promise<Date | undefined> {
  const row = await sql.get(
    'SELECT max(slot) AS slot FROM runs WHERE system_uid = ? AND slot < ?',
    systemUid,
    slot.toISOString(),
  );
  return optionalTime(row, 'slot');
}
