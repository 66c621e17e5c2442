// SPDX-License-Identifier: Apache-2.0
import type { ArchivedRun, SystemHistory } from '../port.ts';
import { archivedRun } from './archive.ts';
import { integer, optionalText, optionalTime, type Database } from './database.ts';

/** A few rows by their keys: it is asked at every look at a system, and the archive only grows. */
export function history(database: Database, system: string, systemUid: string): SystemHistory {
  const object =
    database.get('SELECT * FROM system_objects WHERE system = ? AND system_uid = ?', system, systemUid) ?? {};
  const head = database.get('SELECT sequence, digest, full_at FROM systems WHERE system = ?', system) ?? {};
  const run = (column: string): ArchivedRun | undefined => {
    const uid = optionalText(object, column);
    return uid === undefined ? undefined : archivedRun(database, uid);
  };
  const digest = optionalText(head, 'digest');
  return {
    last: run('last_run_uid'),
    lastVerdict: run('verdict_run_uid'),
    lastSuccessAt: optionalTime(object, 'last_success_at'),
    lastFailureAt: optionalTime(object, 'last_failure_at'),
    consecutiveFailures: integer(object, 'consecutive_failures'),
    lastScheduledSlot: optionalTime(object, 'last_slot'),
    lastStartedAt: optionalTime(object, 'last_started_at'),
    lastFullAt: optionalTime(head, 'full_at'),
    chainHead: digest === undefined ? undefined : { sequence: integer(head, 'sequence'), digest },
  };
}

export function slotBefore(database: Database, systemUid: string, slot: Date): Date | undefined {
  const row = database.get(
    'SELECT max(slot) AS slot FROM runs WHERE system_uid = ? AND slot < ?',
    systemUid,
    slot.toISOString(),
  );
  return row === undefined ? undefined : optionalTime(row, 'slot');
}
