// SPDX-License-Identifier: Apache-2.0
import { SystemBusy, type Actor, type ObjectOfSystem } from '../port.ts';
import { readAnew, recordAction, runInHand } from './actions.ts';
import { lockSystem } from './fence.ts';
import { knownStreams } from './holdings.ts';
import { optionalTime, text, type Row, type Sql } from './sql.ts';
import { withdrawStream } from './withdrawals.ts';

/** A system without an object in a cluster has the uid that the CLI makes of its name. */
const fromFile = 'file-';

/** Each system with the object whose run that reads records began last. */
const newestObjects = `SELECT o.system, o.system_uid, s.withdrawn_at FROM system_objects o JOIN systems s ON s.system = o.system
  WHERE o.last_started_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM system_objects n WHERE n.system = o.system AND (
    n.last_started_at > o.last_started_at OR n.last_started_at = o.last_started_at AND n.system_uid > o.system_uid))`;

function isWithdrawable(row: Row | undefined): row is Row {
  return (
    row !== undefined &&
    optionalTime(row, 'withdrawn_at') === undefined &&
    !text(row, 'system_uid').startsWith(fromFile)
  );
}

export async function systemsOfObjects(sql: Sql): Promise<ObjectOfSystem[]> {
  return (await sql.all(newestObjects))
    .filter(isWithdrawable)
    .map((row) => ({ system: text(row, 'system'), uid: text(row, 'system_uid') }));
}

/** Marks and mark of having marked are one transaction: a crash leaves both or none. */
export async function withdrawSystem(sql: Sql, gone: ObjectOfSystem, by: Actor): Promise<number | undefined> {
  const { system, uid } = gone;
  await lockSystem(sql, system);
  const row = await sql.get(`${newestObjects} AND o.system = ?`, system);
  if (!isWithdrawable(row) || text(row, 'system_uid') !== uid) return undefined;
  const running = await runInHand(sql, system);
  if (running !== undefined) throw new SystemBusy(system, running.runName, running.worker);
  let records = 0;
  for (const stream of await knownStreams(sql, system))
    records += await withdrawStream(sql, stream, 'the ExternalSystem was deleted', by.at);
  await readAnew(sql, system, by.at);
  await sql.run('UPDATE systems SET withdrawn_at = ? WHERE system = ?', by.at.toISOString(), system);
  await recordAction(sql, system, 'withdraw', by, { records, systemUid: uid });
  return records;
}
