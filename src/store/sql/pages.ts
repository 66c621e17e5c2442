// SPDX-License-Identifier: Apache-2.0
import { tableOf, type RecordTable } from '../../inventory/columns.ts';
import type { HashedRecord, Hold, PageResult, PageWrite } from '../port.ts';
import { edgesLeftOut, edgesToMembers } from './edges.ts';
import { checkFence } from './fence.ts';
import { scopeId, streamOfPass, type StreamOfPass } from './passes.ts';
import { releaseRows, setAsideRows } from './quarantine.ts';
import { integer, optionalText, text, type Row, type Sql, type SqlValue } from './sql.ts';

/** Where stated removals wait: for the next closing of a pass, or only for that of a plan. */
type RemovalTable = 'removals' | 'plan_removals';

/** Stores a page and its checkpoint. Unchanged records are only sighted, not rewritten. */
export async function writePage(sql: Sql, hold: Hold, page: PageWrite): Promise<PageResult> {
  const system = await checkFence(sql, hold);
  const stream = await streamOfPass(sql, page.passId);
  const scope = await scopeId(sql, stream.id, page.scope);
  await takeAsGone(sql, stream, page.removed);
  for await (const edges of edgesToMembers(sql, stream, page)) await takeAsGone(sql, stream, edges);
  const result = await putRecords(sql, hold, page, stream, integer(system, 'demo'));
  const good = page.records.map(({ record }) => record.externalId);
  const bad = page.setAside.flatMap(({ externalId }) => externalId ?? []);
  const seen = JSON.stringify([...good, ...bad]);
  if (good.length + bad.length > 0) await sight(sql, page, stream, scope, seen);
  await revokeRemovals(sql, stream, seen);
  await releaseRows(sql, stream, good);
  await setAsideRows(sql, hold, page, stream);
  await takeAsGone(sql, stream, await edgesLeftOut(sql, stream, page));
  const tainted = page.setAside.some(({ externalId }) => externalId === undefined);
  await saveCheckpoint(sql, page, scope, tainted);
  await count(sql, hold, page, stream, result);
  return result;
}

/** What is stated as gone is newer than any row that was kept of it. */
async function takeAsGone(sql: Sql, stream: StreamOfPass, ids: readonly string[]): Promise<void> {
  await stateRemoved(sql, stream, ids);
  await releaseRows(sql, stream, ids);
}

export async function stateRemoved(
  sql: Sql,
  stream: StreamOfPass,
  removed: readonly string[],
  removals: RemovalTable = 'removals',
): Promise<void> {
  if (removed.length === 0) return;
  await sql.run(
    `INSERT INTO ${removals} (stream_id, external_id)
     SELECT CAST(? AS bigint), value FROM ${sql.textsOfJson} WHERE true
     ON CONFLICT (stream_id, external_id) DO NOTHING`,
    stream.id,
    JSON.stringify(removed),
  );
}

/** What was seen again is not gone. */
export async function revokeRemovals(
  sql: Sql,
  stream: StreamOfPass,
  seen: string,
  removals: RemovalTable = 'removals',
): Promise<void> {
  const waiting = await sql.get(`SELECT 1 AS one FROM ${removals} WHERE stream_id = ? LIMIT 1`, stream.id);
  if (waiting === undefined) return;
  await sql.run(
    `DELETE FROM ${removals} WHERE stream_id = ? AND external_id ${sql.amongTexts}`,
    stream.id,
    seen,
  );
}

async function sight(
  sql: Sql,
  page: PageWrite,
  stream: StreamOfPass,
  scope: number,
  seen: string,
): Promise<void> {
  await sql.run(
    `INSERT INTO sightings (stream_id, external_id, scope_id, pass_id)
     SELECT CAST(? AS bigint), value, CAST(? AS bigint), CAST(? AS bigint) FROM ${sql.textsOfJson} WHERE true
     ON CONFLICT (stream_id, external_id, scope_id) DO UPDATE SET pass_id = excluded.pass_id`,
    stream.id,
    scope,
    page.passId,
    seen,
  );
}

/** Compares hashes first: what is unchanged is not sent. */
export async function putRecords(
  sql: Sql,
  hold: Hold,
  page: Pick<PageWrite, 'records' | 'at'>,
  stream: StreamOfPass,
  demo: number,
): Promise<PageResult> {
  const table = tableOf(stream.record);
  const known = await knownRows(sql, stream, table, page.records);
  const run = { at: page.at.toISOString(), demo, correlationId: hold.correlationId };
  const created: (readonly SqlValue[])[] = [];
  const replaced: (readonly SqlValue[])[] = [];
  for (const hashed of page.records) {
    const before = known.get(hashed.record.externalId);
    if (before === undefined) created.push(valuesOf(table, stream, hashed, run));
    else if (integer(before, 'gone') === 1 || optionalText(before, 'content_hash') !== hashed.hash)
      replaced.push(valuesOf(table, stream, hashed, run));
  }
  if (created.length + replaced.length > 0) await sql.putRecords(table, { created, replaced });
  const unchanged = page.records.length - created.length - replaced.length;
  return { created: created.length, updated: replaced.length, unchanged };
}

async function knownRows(
  sql: Sql,
  stream: StreamOfPass,
  table: RecordTable,
  records: readonly HashedRecord[],
): Promise<Map<string, Row>> {
  if (records.length === 0) return new Map();
  const rows = await sql.all(
    `SELECT external_id, content_hash,
       CASE WHEN deleted_at IS NULL AND withdrawn_at IS NULL THEN 0 ELSE 1 END AS gone FROM "${table.name}"
     WHERE system = ? AND stream = ? AND external_id ${sql.amongTexts}`,
    stream.system,
    stream.stream,
    JSON.stringify(records.map(({ record }) => record.externalId)),
  );
  return new Map(rows.map((row) => [text(row, 'external_id'), row]));
}

/** In the order of `recordColumns`. */
function valuesOf(
  table: RecordTable,
  stream: StreamOfPass,
  { record, hash }: HashedRecord,
  run: { readonly at: string; readonly demo: number; readonly correlationId: string },
): SqlValue[] {
  const columns = record.columns as Readonly<Record<string, unknown>>;
  return [
    stream.system,
    stream.stream,
    record.externalId,
    toSql(columns['name']),
    ...table.columns.map(({ property }) => toSql(columns[property])),
    JSON.stringify(record.attributes),
    hash,
    run.at,
    run.at,
    null,
    null,
    run.demo,
    run.correlationId,
    null,
    null,
  ];
}

function toSql(value: unknown): SqlValue {
  if (typeof value === 'string' || typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return null;
}

async function saveCheckpoint(sql: Sql, page: PageWrite, scope: number, tainted: boolean): Promise<void> {
  await sql.run(
    `INSERT INTO pass_scopes AS p (pass_id, scope_id, checkpoint, tainted) VALUES (?, ?, ?, ?)
     ON CONFLICT (pass_id, scope_id) DO UPDATE SET checkpoint = excluded.checkpoint,
       tainted = CASE WHEN excluded.tainted = 1 THEN 1 ELSE p.tainted END`,
    page.passId,
    scope,
    JSON.stringify(page.checkpoint ?? null),
    tainted ? 1 : 0,
  );
}

export async function count(
  sql: Sql,
  hold: Hold,
  page: PageWrite,
  stream: StreamOfPass,
  result: PageResult,
  passes: 'passes' | 'plan_passes' = 'passes',
): Promise<void> {
  await sql.run(
    `UPDATE ${passes} SET fetched = fetched + ?, set_aside = set_aside + ?,
       set_aside_by_mapping = set_aside_by_mapping + ? WHERE id = ?`,
    page.fetched,
    page.setAside.length,
    page.setAside.filter(({ path }) => path.startsWith('spec.mapping.')).length,
    page.passId,
  );
  await sql.run(
    `INSERT INTO run_streams AS r (run_uid, stream, record, pages, fetched, created, updated, unchanged, failed)
     VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?)
     ON CONFLICT (run_uid, stream) DO UPDATE SET pages = r.pages + 1, fetched = r.fetched + excluded.fetched,
       created = r.created + excluded.created, updated = r.updated + excluded.updated,
       unchanged = r.unchanged + excluded.unchanged, failed = r.failed + excluded.failed`,
    hold.runUid,
    stream.stream,
    stream.record,
    page.fetched,
    result.created,
    result.updated,
    result.unchanged,
    page.setAside.length,
  );
}
