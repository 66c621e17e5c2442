// SPDX-License-Identifier: Apache-2.0
import { tableOf } from '../../inventory/columns.ts';
import type { Hold, KeptRow, PageResult, Replay } from '../port.ts';
import { checkFence } from './fence.ts';
import { putRecords } from './pages.ts';
import { streamOfPass, type StreamOfPass } from './passes.ts';
import { releaseRows } from './quarantine.ts';
import { integer, text, type Sql } from './sql.ts';

export async function rowsToReplay(
  sql: Sql,
  passId: number,
  after: number,
  limit: number,
): Promise<KeptRow[]> {
  const rows = await sql.all(
    `SELECT q.id, q.external_id, q.raw FROM quarantine q JOIN passes p ON p.stream_id = q.stream_id
     WHERE p.id = ? AND q.id > ? AND q.external_id IS NOT NULL AND q.unreplayable IS NULL
       AND q.revision <> p.fingerprint
     ORDER BY q.id LIMIT ?`,
    passId,
    after,
    limit,
  );
  return rows.map((row) => ({
    id: integer(row, 'id'),
    externalId: text(row, 'external_id'),
    raw: text(row, 'raw'),
  }));
}

/** Reads no upstream and so sights nothing: whether a record is still there only a pass can tell. */
export async function replay(
  sql: Sql,
  hold: Hold,
  { passId, fitting, failing, at }: Replay,
): Promise<PageResult> {
  const system = await checkFence(sql, hold);
  const stream = await streamOfPass(sql, passId);
  const ids = fitting.map(({ hashed }) => hashed.record.externalId);
  const current = await currentOf(sql, stream, ids);
  const records = fitting.map(({ hashed }) => hashed).filter(({ record }) => current.has(record.externalId));
  const result = await putRecords(sql, hold, { records, at }, stream, integer(system, 'demo'));
  await releaseRows(sql, stream, ids);
  for (const { id, row } of failing) {
    await sql.run(
      `UPDATE quarantine SET reason = ?, path = ?, unreplayable = coalesce(?, unreplayable),
         revision = (SELECT fingerprint FROM passes WHERE id = ?) WHERE id = ?`,
      row.reason,
      row.path,
      row.unreplayable ?? null,
      passId,
      id,
    );
  }
  await sql.run(
    // Unchanged is said of rows that were fetched.
    `INSERT INTO run_streams AS r (run_uid, stream, record, created, updated) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (run_uid, stream) DO UPDATE SET created = r.created + excluded.created,
       updated = r.updated + excluded.updated`,
    hold.runUid,
    stream.stream,
    stream.record,
    result.created,
    result.updated,
  );
  return result;
}

/**
 * The ids of which the kept row is the newest word. A good row takes the kept one away, so no live record is newer; what is deleted,
 * stated as removed, or absent from a scope that was read in full since its row came, is.
 */
async function currentOf(sql: Sql, stream: StreamOfPass, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await sql.all(
    `SELECT q.external_id FROM quarantine q
     WHERE q.stream_id = ? AND q.external_id ${sql.amongTexts}
       AND NOT EXISTS (SELECT 1 FROM "${tableOf(stream.record).name}" r WHERE r.system = ? AND r.stream = ?
         AND r.external_id = q.external_id AND r.deleted_at IS NOT NULL)
       AND NOT EXISTS (SELECT 1 FROM removals m WHERE m.stream_id = q.stream_id AND m.external_id = q.external_id)
       AND EXISTS (SELECT 1 FROM sightings s WHERE s.stream_id = q.stream_id AND s.external_id = q.external_id
         AND NOT EXISTS (SELECT 1 FROM pass_scopes f
           WHERE f.scope_id = s.scope_id AND f.pass_id > s.pass_id AND f.verdict = 'Full'))`,
    stream.id,
    JSON.stringify(ids),
    stream.system,
    stream.stream,
  );
  return new Set(rows.map((row) => text(row, 'external_id')));
}
