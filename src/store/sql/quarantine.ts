// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { tableOf } from '../../inventory/columns.ts';
import type { Hold, PageWrite, QuarantinedRow } from '../port.ts';
import type { StreamOfPass } from './passes.ts';
import { optionalText, text, time, type Sql } from './sql.ts';

/** Keeps the bad rows, and flags the rows that stand for them since before. */
export async function setAsideRows(
  sql: Sql,
  hold: Hold,
  page: PageWrite,
  stream: StreamOfPass,
): Promise<void> {
  const at = page.at.toISOString();
  for (const row of page.setAside) {
    const known =
      row.externalId === undefined
        ? '(stream_id, raw_hash) WHERE external_id IS NULL'
        : '(stream_id, external_id) WHERE external_id IS NOT NULL';
    await sql.run(
      `INSERT INTO quarantine (stream_id, external_id, reason, path, raw, run_uid, set_aside_at, raw_hash)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT ${known} DO UPDATE SET
         reason = excluded.reason, path = excluded.path, raw = excluded.raw, run_uid = excluded.run_uid,
         set_aside_at = excluded.set_aside_at`,
      stream.id,
      row.externalId ?? null,
      row.reason,
      row.path,
      row.raw,
      hold.runUid,
      at,
      row.externalId === undefined ? hash('sha256', row.raw, 'base64url') : null,
    );
  }
  const ids = page.setAside.flatMap(({ externalId }) => externalId ?? []);
  if (ids.length > 0) await flag(sql, stream, at, ids);
}

/** Good rows of records that were set aside before: the flag and the kept row go. */
export async function releaseRows(sql: Sql, stream: StreamOfPass, good: readonly string[]): Promise<void> {
  if (good.length === 0) return;
  const kept = await sql.get('SELECT 1 AS one FROM quarantine WHERE stream_id = ? LIMIT 1', stream.id);
  if (kept === undefined) return;
  await flag(sql, stream, null, good);
  await sql.run(
    `DELETE FROM quarantine WHERE stream_id = ? AND external_id ${sql.amongTexts}`,
    stream.id,
    JSON.stringify(good),
  );
}

async function flag(
  sql: Sql,
  stream: StreamOfPass,
  at: string | null,
  ids: readonly string[],
): Promise<void> {
  // Only rows whose flag changes: a page of good rows rewrites none of them.
  const change = at === null ? 'AND quarantined_at IS NOT NULL' : '';
  await sql.run(
    `UPDATE "${tableOf(stream.record).name}" SET quarantined_at = ? WHERE system = ? AND stream = ? ${change}
       AND external_id ${sql.amongTexts}`,
    at,
    stream.system,
    stream.stream,
    JSON.stringify(ids),
  );
}

/** Rows that are set aside, newest first. */
export async function quarantine(sql: Sql, system: string, limit: number): Promise<QuarantinedRow[]> {
  const rows = await sql.all(
    `SELECT t.stream, q.* FROM quarantine q JOIN streams t ON t.id = q.stream_id
     WHERE t.system = ? ORDER BY q.id DESC LIMIT ?`,
    system,
    limit,
  );
  return rows.map((row) => ({
    stream: text(row, 'stream'),
    externalId: optionalText(row, 'external_id'),
    reason: text(row, 'reason'),
    path: text(row, 'path'),
    raw: text(row, 'raw'),
    runUid: text(row, 'run_uid'),
    at: time(row, 'set_aside_at'),
  }));
}
