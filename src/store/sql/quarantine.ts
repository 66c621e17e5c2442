// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { tableOf } from '../../inventory/columns.ts';
import type { Hold, PageWrite, QuarantinedRow, QuarantineFilter } from '../port.ts';
import { knownStreams } from './holdings.ts';
import type { StreamOfPass } from './passes.ts';
import { integer, optionalText, optionalTime, text, time, type Row, type Sql, type SqlValue } from './sql.ts';

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
      `INSERT INTO quarantine AS q (stream_id, external_id, reason, path, raw, run_uid, set_aside_at, raw_hash,
         first_set_aside_at, unreplayable, revision)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT fingerprint FROM passes WHERE id = ?))
       ON CONFLICT ${known} DO UPDATE SET
         reason = excluded.reason, path = excluded.path, raw = excluded.raw, run_uid = excluded.run_uid,
         set_aside_at = excluded.set_aside_at, unreplayable = excluded.unreplayable, revision = excluded.revision,
         times = q.times + 1`,
      stream.id,
      row.externalId ?? null,
      row.reason,
      row.path,
      row.raw,
      hold.runUid,
      at,
      row.externalId === undefined ? hash('sha256', row.raw, 'base64url') : null,
      at,
      row.unreplayable ?? null,
      page.passId,
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

/**
 * Rows that are set aside, newest first. Those of a system are asked for by stream: a planner would walk through the rows of all other
 * systems instead, or sort all those of this one.
 */
export async function quarantinedRows(sql: Sql, filter: QuarantineFilter): Promise<QuarantinedRow[]> {
  const { system, stream, limit } = filter;
  if (system === undefined) return rowsWhere(sql, filter, ['t.stream = ?', stream]);
  const rows: QuarantinedRow[] = [];
  for (const known of await knownStreams(sql, system))
    if (stream === undefined || stream === known.stream)
      rows.push(...(await rowsWhere(sql, filter, ['q.stream_id = ?', known.id])));
  return rows.toSorted((one, other) => other.id - one.id).slice(0, limit);
}

async function rowsWhere(
  sql: Sql,
  { reason, before, limit }: QuarantineFilter,
  of: readonly [string, SqlValue | undefined],
): Promise<QuarantinedRow[]> {
  const conditions: string[] = [];
  const values: SqlValue[] = [];
  const where = (condition: string, value: SqlValue | undefined) => {
    if (value === undefined) return;
    conditions.push(condition);
    values.push(value);
  };
  where(...of);
  where('q.id < ?', before);
  where(`lower(q.reason) LIKE ? ESCAPE '!'`, reason === undefined ? undefined : containing(reason));
  const chosen = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const rows = await sql.all(
    `SELECT t.system, t.stream, q.* FROM quarantine q JOIN streams t ON t.id = q.stream_id
     ${chosen} ORDER BY q.id DESC LIMIT ?`,
    ...values,
    limit,
  );
  return rows.map(rowOf);
}

function containing(part: string): string {
  return `%${part.toLowerCase().replaceAll(/[!%_]/gu, '!$&')}%`;
}

export async function quarantinedRow(sql: Sql, id: number): Promise<QuarantinedRow | undefined> {
  const row = await sql.get(
    'SELECT t.system, t.stream, q.* FROM quarantine q JOIN streams t ON t.id = q.stream_id WHERE q.id = ?',
    id,
  );
  return row === undefined ? undefined : rowOf(row);
}

function rowOf(row: Row): QuarantinedRow {
  const at = time(row, 'set_aside_at');
  return {
    id: integer(row, 'id'),
    system: text(row, 'system'),
    stream: text(row, 'stream'),
    externalId: optionalText(row, 'external_id'),
    reason: text(row, 'reason'),
    path: text(row, 'path'),
    raw: text(row, 'raw'),
    unreplayable: optionalText(row, 'unreplayable'),
    revision: text(row, 'revision'),
    runUid: text(row, 'run_uid'),
    firstAt: optionalTime(row, 'first_set_aside_at') ?? at,
    at,
    times: integer(row, 'times'),
  };
}
