// SPDX-License-Identifier: Apache-2.0
import { integer, optionalText, text, type Row } from '../../src/store/sql/sql.ts';

export type Query = (sql: string) => Promise<readonly Row[]>;

/** One write of one row of `assets`, as the database itself has noted it. */
export interface RowWrite {
  readonly kind: 'insert' | 'update' | 'delete';
  readonly system: string;
  readonly id: string;
  /** After the write, or of what was erased. */
  readonly name: string;
  readonly deleted: boolean;
  /** The write took a record out, or changed what it says. */
  readonly tombstoned: boolean;
  readonly contentChanged: boolean;
  /** Of the run that wrote the row last. */
  readonly correlationId: string;
  readonly atMs: number;
}

const columns =
  'kind, system, external_id, name, old_hash, hash, old_deleted, deleted, correlation_id, at_ms';

const table = (id: string) => `CREATE TABLE crash_journal (
  number ${id}, kind TEXT, system TEXT, external_id TEXT, name TEXT, old_hash TEXT, hash TEXT, old_deleted TEXT, deleted TEXT,
  correlation_id TEXT, at_ms BIGINT)`;

function sqliteTrigger(kind: RowWrite['kind']): string {
  const row = kind === 'delete' ? 'OLD' : 'NEW';
  const before = (column: string) => (kind === 'insert' ? 'NULL' : `OLD.${column}`);
  return `CREATE TRIGGER crash_${kind} AFTER ${kind} ON assets BEGIN
    INSERT INTO crash_journal (${columns}) VALUES ('${kind}', ${row}.system, ${row}.external_id, ${row}.name,
      ${before('content_hash')}, ${row}.content_hash, ${before('deleted_at')}, ${row}.deleted_at, ${row}.correlation_id,
      CAST(unixepoch('subsec') * 1000 AS INTEGER)); END`;
}

/** Statements that make a SQLite database note every write of a row, whoever does it. */
export const sqliteJournal: readonly string[] = [
  table('INTEGER PRIMARY KEY AUTOINCREMENT'),
  ...(['insert', 'update', 'delete'] as const).map(sqliteTrigger),
];

/** The same for PostgreSQL, in the schema of the connection. */
export const postgresJournal: readonly string[] = [
  table('BIGINT GENERATED ALWAYS AS IDENTITY'),
  `CREATE FUNCTION crash_note() RETURNS trigger LANGUAGE plpgsql AS $$
   DECLARE row assets%ROWTYPE; old_hash TEXT; old_deleted TEXT;
   BEGIN
     IF TG_OP = 'DELETE' THEN row := OLD; ELSE row := NEW; END IF;
     IF TG_OP <> 'INSERT' THEN old_hash := OLD.content_hash; old_deleted := OLD.deleted_at::text; END IF;
     INSERT INTO crash_journal (${columns}) VALUES (lower(TG_OP), row.system, row.external_id, row.name, old_hash,
       row.content_hash, old_deleted, row.deleted_at::text, row.correlation_id,
       floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint);
     RETURN NULL;
   END $$`,
  'CREATE TRIGGER crash_note AFTER INSERT OR UPDATE OR DELETE ON assets FOR EACH ROW EXECUTE FUNCTION crash_note()',
];

/** All writes of rows in the order in which they were done. */
export async function writesOf(query: Query): Promise<RowWrite[]> {
  return (await query('SELECT * FROM crash_journal ORDER BY number')).map((row): RowWrite => {
    const kind = text(row, 'kind') as RowWrite['kind'];
    const deleted = optionalText(row, 'deleted') !== undefined;
    const wasDeleted = optionalText(row, 'old_deleted') !== undefined;
    return {
      kind,
      system: text(row, 'system'),
      id: text(row, 'external_id'),
      name: optionalText(row, 'name') ?? '',
      deleted,
      tombstoned: kind === 'update' && deleted && !wasDeleted,
      contentChanged:
        kind === 'update' &&
        !deleted &&
        (wasDeleted || optionalText(row, 'old_hash') !== optionalText(row, 'hash')),
      correlationId: text(row, 'correlation_id'),
      atMs: integer(row, 'at_ms'),
    };
  });
}
