// SPDX-License-Identifier: Apache-2.0
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import pRetry from 'p-retry';
import type { RecordTable } from '../../inventory/columns.ts';
import { keptColumns, recordColumns, type RecordRows, type Sql, type SqlValue } from '../sql/sql.ts';

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

  constructor(file: string) {
    this.connection = new DatabaseSync(file, { timeout: 30_000, enableForeignKeyConstraints: true });
    // So that INSERT OR REPLACE meets the trigger that keeps archived runs.
    this.connection.exec('PRAGMA recursive_triggers = ON');
    // FULL: a committed page survives a power cut. The record of a run is worth the fsync.
    this.connection.exec('PRAGMA synchronous = FULL');
    this.connection.exec('PRAGMA cache_size = -16384');
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
    });
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
    this.connection.exec(begin);
    try {
      const result = await work(this.sql);
      this.connection.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.connection.isTransaction) this.connection.exec('ROLLBACK');
      throw error;
    }
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

function upsertOf(table: RecordTable): string {
  const columns = recordColumns(table);
  const changed = columns.filter((name) => !keptColumns.has(name));
  return `INSERT INTO "${table.name}" (${columns.map((name) => `"${name}"`).join(', ')})
    VALUES (${columns.map(() => '?').join(', ')})
    ON CONFLICT (system, stream, external_id) DO UPDATE SET
    ${changed.map((name) => `"${name}" = excluded."${name}"`).join(', ')}`;
}
