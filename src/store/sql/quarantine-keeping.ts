// SPDX-License-Identifier: Apache-2.0
import { tableOf } from '../../inventory/columns.ts';
import type { RowsSetAside } from '../port.ts';
import { lockSystem } from './fence.ts';
import { knownStreams, type KnownStream } from './holdings.ts';
import { integer, optionalText, optionalTime, text, type Sql } from './sql.ts';

/** Of counts that the quarantine's triggers keep: it is asked for at every look at a system. */
export async function rowsSetAside(sql: Sql, system: string): Promise<RowsSetAside | undefined> {
  const streams = await sql.all(
    `SELECT t.stream, sum(c.rows) AS n FROM quarantine_reasons c JOIN streams t ON t.id = c.stream_id
     WHERE t.system = ? GROUP BY t.stream ORDER BY t.stream`,
    system,
  );
  const most = await sql.get(
    `SELECT t.stream, c.reason, c.rows FROM quarantine_reasons c JOIN streams t ON t.id = c.stream_id
     WHERE t.system = ? ORDER BY c.rows DESC, c.reason LIMIT 1`,
    system,
  );
  if (most === undefined) return undefined;
  return {
    streams: streams.map((row) => ({ stream: text(row, 'stream'), rows: integer(row, 'n') })),
    most: { stream: text(most, 'stream'), reason: text(most, 'reason'), rows: integer(most, 'rows') },
  };
}

export async function pruneQuarantine(
  sql: Sql,
  system: string,
  before: Date,
  limit: number,
): Promise<number> {
  await lockSystem(sql, system);
  let pruned = 0;
  for (const stream of await knownStreams(sql, system)) {
    if (pruned < limit) pruned += await pruneStream(sql, stream, before, limit - pruned);
  }
  return pruned;
}

/** The flag of a record goes with the row that explains it; of a live record neither does. */
async function pruneStream(sql: Sql, stream: KnownStream, before: Date, limit: number): Promise<number> {
  const table = `"${tableOf(stream.record).name}"`;
  const full = await sql.get('SELECT last_full_at FROM streams WHERE id = ?', stream.id);
  const fullAt = optionalTime(full, 'last_full_at') ?? before;
  const obsolete = fullAt > before ? fullAt : before;
  const found = await sql.all(
    `SELECT q.id, q.external_id FROM quarantine q
     WHERE q.stream_id = ? AND q.set_aside_at < ?
       AND NOT EXISTS (SELECT 1 FROM ${table} r WHERE r.system = ? AND r.stream = ? AND r.external_id = q.external_id
         AND r.quarantined_at IS NOT NULL AND r.deleted_at IS NULL AND r.withdrawn_at IS NULL)
     ORDER BY q.set_aside_at LIMIT ?`,
    ...[stream.id, obsolete.toISOString(), stream.system, stream.stream, limit],
  );
  if (found.length === 0) return 0;
  const ids = found.flatMap((row) => optionalText(row, 'external_id') ?? []);
  await sql.run(
    `UPDATE ${table} SET quarantined_at = NULL WHERE system = ? AND stream = ? AND quarantined_at IS NOT NULL
       AND external_id ${sql.amongTexts}`,
    ...[stream.system, stream.stream, JSON.stringify(ids)],
  );
  for (const row of found) await sql.run('DELETE FROM quarantine WHERE id = ?', integer(row, 'id'));
  return found.length;
}
