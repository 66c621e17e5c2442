// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import type { SQLInputValue } from 'node:sqlite';
import { tableOf, type RecordTable } from '../../inventory/columns.ts';
import type { RecordKind } from '../../inventory/kinds.ts';
import type { HashedRecord, Hold, PageResult, PageWrite } from '../port.ts';
import { integer, text, type Database } from './database.ts';
import { checkFence } from './fence.ts';
import { scopeId, streamOfPass } from './passes.ts';

const common = ['system', 'stream', 'external_id', 'name'] as const;
const trailing = [
  'attributes',
  'content_hash',
  'first_seen_at',
  'changed_at',
  'deleted_at',
  'quarantined_at',
  'demo',
  'correlation_id',
] as const;

interface TableSql {
  readonly table: RecordTable;
  readonly find: string;
  readonly upsert: string;
  readonly flag: string;
}

const sqlByKind = new Map<RecordKind, TableSql>();

function sqlOf(kind: RecordKind): TableSql {
  const known = sqlByKind.get(kind);
  if (known !== undefined) return known;
  const table = tableOf(kind);
  const columns = [...common, ...table.columns.map(({ name }) => name), ...trailing];
  const keys = new Set(['system', 'stream', 'external_id', 'first_seen_at']);
  const changed = columns.filter((name) => !keys.has(name));
  const sql: TableSql = {
    table,
    find: `SELECT content_hash, deleted_at, quarantined_at FROM "${table.name}" WHERE system = ? AND stream = ? AND external_id = ?`,
    upsert: `INSERT INTO "${table.name}" (${columns.map((name) => `"${name}"`).join(', ')})
      VALUES (${columns.map(() => '?').join(', ')})
      ON CONFLICT (system, stream, external_id) DO UPDATE SET
      ${changed.map((name) => `"${name}" = excluded."${name}"`).join(', ')}`,
    flag: `UPDATE "${table.name}" SET quarantined_at = ? WHERE system = ? AND stream = ? AND external_id = ?`,
  };
  sqlByKind.set(kind, sql);
  return sql;
}

const sight = `INSERT INTO sightings (stream_id, external_id, scope_id, pass_id) VALUES (?, ?, ?, ?)
  ON CONFLICT (stream_id, external_id, scope_id) DO UPDATE SET pass_id = excluded.pass_id`;

/** Stores a page and its checkpoint in one transaction. Unchanged records are only sighted, not rewritten. */
export function writePage(database: Database, hold: Hold, page: PageWrite): PageResult {
  return database.transaction(() => {
    checkFence(database, hold);
    const stream = streamOfPass(database, page.passId);
    const scope = scopeId(database, stream.id, page.scope);
    const system = database.get('SELECT demo FROM systems WHERE system = ?', stream.system) ?? {};
    const demo = integer(system, 'demo');
    const at = page.at.toISOString();
    const sql = sqlOf(stream.record);
    const result = { created: 0, updated: 0, unchanged: 0 };

    for (const id of page.removed) {
      database.run(
        'INSERT INTO removals (stream_id, external_id) VALUES (?, ?) ON CONFLICT (stream_id, external_id) DO NOTHING',
        stream.id,
        id,
      );
    }
    const removing =
      database.get('SELECT 1 AS one FROM removals WHERE stream_id = ? LIMIT 1', stream.id) !== undefined;
    const releasing =
      database.get('SELECT 1 AS one FROM quarantine WHERE stream_id = ? LIMIT 1', stream.id) !== undefined;
    const find = database.statement(sql.find);
    const upsert = database.statement(sql.upsert);
    const sighting = database.statement(sight);
    for (const hashed of page.records) {
      const id = hashed.record.externalId;
      const before = find.get(stream.system, stream.stream, id);
      const back = before !== undefined && before['deleted_at'] !== null;
      if (before !== undefined && !back && before['content_hash'] === hashed.hash) {
        result.unchanged += 1;
      } else {
        result[before === undefined ? 'created' : 'updated'] += 1;
        upsert.run(...valuesOf(sql.table, stream, hashed, { at, demo, correlationId: hold.correlationId }));
      }
      sighting.run(stream.id, id, scope, page.passId);
      if (releasing) release(database, sql, stream, id);
      if (removing) revokeRemoval(database, stream, id);
    }
    const tainted = setAside(database, hold, page, stream, scope);
    saveCheckpoint(database, page, scope, tainted);
    count(database, hold, page, stream, result);
    return result;
  });
}

interface StreamRow {
  readonly id: number;
  readonly system: string;
  readonly stream: string;
  readonly record: RecordKind;
}

function valuesOf(
  table: RecordTable,
  stream: StreamRow,
  { record, hash: contentHash }: HashedRecord,
  run: { at: string; demo: number; correlationId: string },
): SQLInputValue[] {
  const columns = record.columns as Readonly<Record<string, unknown>>;
  return [
    stream.system,
    stream.stream,
    record.externalId,
    toSql(columns['name']),
    ...table.columns.map(({ property }) => toSql(columns[property])),
    JSON.stringify(record.attributes),
    contentHash,
    run.at,
    run.at,
    null,
    null,
    run.demo,
    run.correlationId,
  ];
}

function toSql(value: unknown): SQLInputValue {
  if (typeof value === 'string' || typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return null;
}

/** What was seen again is not gone. */
function revokeRemoval(database: Database, stream: StreamRow, id: string): void {
  database.run('DELETE FROM removals WHERE stream_id = ? AND external_id = ?', stream.id, id);
}

/** A good row of a record that was set aside before: the flag and the kept row go. */
function release(database: Database, sql: TableSql, stream: StreamRow, id: string): void {
  database.run(sql.flag, null, stream.system, stream.stream, id);
  database.run('DELETE FROM quarantine WHERE stream_id = ? AND external_id = ?', stream.id, id);
}

/** Keeps the bad rows. One whose id is readable counts as seen; one whose id is not taints the scope. */
function setAside(
  database: Database,
  hold: Hold,
  page: PageWrite,
  stream: StreamRow,
  scope: number,
): boolean {
  const sql = sqlOf(stream.record);
  const at = page.at.toISOString();
  let tainted = false;
  for (const row of page.setAside) {
    if (row.externalId === undefined) tainted = true;
    else {
      database.run(sight, stream.id, row.externalId, scope, page.passId);
      database.run(sql.flag, at, stream.system, stream.stream, row.externalId);
      revokeRemoval(database, stream, row.externalId);
    }
    const known =
      row.externalId === undefined
        ? '(stream_id, raw_hash) WHERE external_id IS NULL'
        : '(stream_id, external_id) WHERE external_id IS NOT NULL';
    database.run(
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
  return tainted;
}

function saveCheckpoint(database: Database, page: PageWrite, scope: number, tainted: boolean): void {
  database.run(
    `INSERT INTO pass_scopes (pass_id, scope_id, checkpoint, tainted) VALUES (?, ?, ?, ?)
     ON CONFLICT (pass_id, scope_id) DO UPDATE SET
       checkpoint = excluded.checkpoint, tainted = max(tainted, excluded.tainted)`,
    page.passId,
    scope,
    JSON.stringify(page.checkpoint ?? null),
    tainted ? 1 : 0,
  );
}

function count(database: Database, hold: Hold, page: PageWrite, stream: StreamRow, result: PageResult): void {
  database.run(
    'UPDATE passes SET fetched = fetched + ?, set_aside = set_aside + ? WHERE id = ?',
    page.fetched,
    page.setAside.length,
    page.passId,
  );
  database.run(
    `INSERT INTO run_streams (run_uid, stream, record, pages, fetched, created, updated, unchanged, failed)
     VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?)
     ON CONFLICT (run_uid, stream) DO UPDATE SET pages = pages + 1, fetched = fetched + excluded.fetched,
       created = created + excluded.created, updated = updated + excluded.updated,
       unchanged = unchanged + excluded.unchanged, failed = failed + excluded.failed`,
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

/** Rows that are set aside, newest first. */
export function quarantine(database: Database, system: string, limit: number) {
  return database
    .all(
      `SELECT t.stream, q.* FROM quarantine q JOIN streams t ON t.id = q.stream_id
       WHERE t.system = ? ORDER BY q.id DESC LIMIT ?`,
      system,
      limit,
    )
    .map((row) => ({
      stream: text(row, 'stream'),
      externalId: typeof row['external_id'] === 'string' ? row['external_id'] : undefined,
      reason: text(row, 'reason'),
      path: text(row, 'path'),
      raw: text(row, 'raw'),
      runUid: text(row, 'run_uid'),
      at: new Date(text(row, 'set_aside_at')),
    }));
}
