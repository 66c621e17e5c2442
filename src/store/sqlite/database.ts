// SPDX-License-Identifier: Apache-2.0
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import pRetry from 'p-retry';

const sqliteBusy = 5;

export type Row = Record<string, null | number | bigint | string | Uint8Array>;

/**
 * One connection to the file. Statements are prepared once and kept by their text. Every transaction is
 * BEGIN IMMEDIATE, so that two processes (the operator and the CLI) take turns instead of failing half-way.
 */
export class Database {
  private readonly connection: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();

  constructor(file: string) {
    this.connection = new DatabaseSync(file, { timeout: 30_000, enableForeignKeyConstraints: true });
    // So that INSERT OR REPLACE meets the trigger that keeps archived runs.
    this.connection.exec('PRAGMA recursive_triggers = ON');
    // FULL: a committed page survives a power cut. The record of a run is worth the fsync.
    this.connection.exec('PRAGMA synchronous = FULL');
    this.connection.exec('PRAGMA cache_size = -65536');
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

  statement(sql: string): StatementSync {
    let statement = this.statements.get(sql);
    if (statement === undefined) {
      statement = this.connection.prepare(sql);
      this.statements.set(sql, statement);
    }
    return statement;
  }

  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.statement(sql).run(...values).changes);
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.statement(sql).get(...values);
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.statement(sql).all(...values);
  }

  script(sql: string): void {
    this.connection.exec(sql);
  }

  /** Rolls back on any error. */
  transaction<T>(work: () => T): T {
    this.connection.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.connection.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.connection.isTransaction) this.connection.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.statements.clear();
    if (this.connection.isOpen) this.connection.close();
  }
}

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new TypeError(`column ${column} holds no text`);
  return value;
}

export function optionalText(row: Row, column: string): string | undefined {
  const value = row[column];
  return typeof value === 'string' ? value : undefined;
}

export function integer(row: Row, column: string): number {
  return Number(row[column] ?? 0);
}

export function optionalTime(row: Row, column: string): Date | undefined {
  const value = optionalText(row, column);
  return value === undefined ? undefined : new Date(value);
}
