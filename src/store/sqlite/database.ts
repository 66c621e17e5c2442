// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import pRetry from 'p-retry';
import type { RecordTable } from '../../inventory/columns.ts';
import { DatabaseTrouble } from '../refusals.ts';
import { keptColumns, recordColumns, type RecordRows, type Sql, type SqlValue } from '../sql/sql.ts';
import { troubleOf } from './trouble.ts';

const sqliteBusy = 5;

/**
 * One connection to the file. Statements are prepared once and kept by their text. Every transaction that writes is
 * BEGIN IMMEDIATE, so that two processes (the operator and the CLI) take turns instead of failing half-way; those of this process
 * stand in a line, since they share the connection.
 */
export class Database {
  private readonly connection: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();
  private readonly upserts = new Map<string, StatementSync>();
  private line: Promise<unknown> = Promise.resolve();
  private readonly file: string;
  private readonly readOnly: boolean;
  /** Which file it is, known once it is written; undefined in memory. */
  private identity: string | undefined;

  /** Throws DatabaseTrouble when the file cannot be used. */
  constructor(file: string, { readOnly = false } = {}) {
    this.file = file;
    this.readOnly = readOnly;
    try {
      this.connection = connect(file, readOnly);
    } catch (error) {
      throw troubleOf(file, error, readOnly);
    }
  }

  /**
   * Readers and one writer side by side. Changing a new file to it does not wait for another process that does the same, so
   * that is tried again.
   */
  async useWriteAheadLog(): Promise<void> {
    await pRetry(() => this.connection.exec('PRAGMA journal_mode = WAL'), {
      retries: 100,
      factor: 1,
      minTimeout: 50,
      shouldRetry: ({ error }) => 'errcode' in error && error.errcode === sqliteBusy,
    }).catch((error: unknown) => {
      throw troubleOf(this.file, error);
    });
    this.identity = identityOf(this.file);
  }

  /** Rolls back on any error. */
  readonly transaction = <T>(work: (sql: Sql) => Promise<T>): Promise<T> =>
    this.inLine('BEGIN IMMEDIATE', work);

  readonly read = <T>(work: (sql: Sql) => Promise<T>): Promise<T> => this.inLine('BEGIN', work);

  private inLine<T>(begin: string, work: (sql: Sql) => Promise<T>): Promise<T> {
    const turn = this.line.then(() => this.alone(begin, work));
    this.line = turn.catch(() => undefined);
    return turn;
  }

  private async alone<T>(begin: string, work: (sql: Sql) => Promise<T>): Promise<T> {
    this.checkFile();
    try {
      this.connection.exec(begin);
      const result = await work(this.sql);
      this.connection.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.connection.isTransaction) this.connection.exec('ROLLBACK');
      throw troubleOf(this.file, error, this.readOnly);
    }
  }

  /** A file that was removed or replaced takes writes as before, for nobody ever to read. */
  private checkFile(): void {
    if (this.identity === undefined || identityOf(this.file) === this.identity) return;
    throw new DatabaseTrouble(
      `database ${this.file}: the file was removed or replaced while it was open; put it back, and restart this program`,
    );
  }

  async close(): Promise<void> {
    await this.line;
    this.statements.clear();
    this.upserts.clear();
    if (this.connection.isOpen) this.connection.close();
  }

  private readonly sql: Sql = {
    // A transaction has the whole file to itself.
    forUpdate: '',
    textsOfJson: 'json_each(?)',
    jsonItem: (column, index) => `${column} ->> ${index}`,
    tableNamed: "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?",
    amongTexts: 'IN (SELECT value FROM json_each(?))',
    run: async (statement, ...values) => Number(this.prepared(statement).run(...values).changes),
    get: async (statement, ...values) => this.prepared(statement).get(...values),
    all: async (statement, ...values) => this.prepared(statement).all(...values),
    script: async (statements) => this.connection.exec(statements),
    // It looks up by the keys that the joins name.
    expectLargeJoins: async () => undefined,
    putRecords: async (table, rows) => this.putRecords(table, rows),
  };

  private prepared(statement: string): StatementSync {
    const known = this.statements.get(statement);
    if (known !== undefined) return known;
    const made = this.connection.prepare(statement);
    this.statements.set(statement, made);
    return made;
  }

  private putRecords(table: RecordTable, { created, replaced }: RecordRows): void {
    const statement = this.upserts.get(table.name) ?? this.connection.prepare(upsertOf(table));
    this.upserts.set(table.name, statement);
    for (const row of created) statement.run(...(row as SqlValue[]));
    for (const row of replaced) statement.run(...(row as SqlValue[]));
  }
}

function connect(file: string, readOnly: boolean): DatabaseSync {
  const connection = new DatabaseSync(file, { readOnly, timeout: 30_000, enableForeignKeyConstraints: true });
  // So that INSERT OR REPLACE meets the trigger that keeps archived runs.
  connection.exec('PRAGMA recursive_triggers = ON');
  // FULL: a committed page survives a power cut. The record of a run is worth the fsync.
  connection.exec('PRAGMA synchronous = FULL');
  connection.exec('PRAGMA cache_size = -16384');
  return connection;
}

/** Which file stands under a path; undefined for none, and for a database in memory. */
function identityOf(file: string): string | undefined {
  const found = statSync(file, { throwIfNoEntry: false, bigint: true });
  return found === undefined ? undefined : `${found.dev} ${found.ino}`;
}

function upsertOf(table: RecordTable): string {
  const columns = recordColumns(table);
  const changed = columns.filter((name) => !keptColumns.has(name));
  return `INSERT INTO "${table.name}" (${columns.map((name) => `"${name}"`).join(', ')})
    VALUES (${columns.map(() => '?').join(', ')})
    ON CONFLICT (system, stream, external_id) DO UPDATE SET
    ${changed.map((name) => `"${name}" = excluded."${name}"`).join(', ')}`;
}
