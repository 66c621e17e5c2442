// SPDX-License-Identifier: Apache-2.0
import type { RecordTable } from '../../inventory/columns.ts';

export type SqlValue = string | number | null;
export type Row = Readonly<Record<string, unknown>>;

/** What the engines say differently. */
export interface Dialect {
  /** Appended to a SELECT of a row that must not change until the transaction ends. */
  readonly forUpdate: string;
  /** A table expression with the one column `value`: the texts of a JSON array that is its parameter. */
  readonly textsOfJson: string;
  /** Behind a column: that it is one of the texts of a JSON array, in a form that always finds them by the index. */
  readonly amongTexts: string;
  /** An item of the JSON array in a column of texts, as text. */
  readonly jsonItem: (column: string, index: number) => string;
  /** A query that answers a row when there is a table with the name that is its parameter. */
  readonly tableNamed: string;
}

/**
 * Statements of one transaction. Parameters are `?`, in order; times are RFC 3339, JSON is text, flags are 0 and 1. What comes back
 * is read with the functions below, since engines give times and large numbers in forms of their own.
 */
export interface Sql extends Dialect {
  run(statement: string, ...values: readonly SqlValue[]): Promise<number>;
  get(statement: string, ...values: readonly SqlValue[]): Promise<Row | undefined>;
  all(statement: string, ...values: readonly SqlValue[]): Promise<readonly Row[]>;
  /** Several statements without parameters. */
  script(statements: string): Promise<void>;
  /**
   * Called before statements that join whole tables. After a first load no engine knows yet how large they are, and a planner that takes
   * them for small looks up each row among all the others.
   */
  expectLargeJoins(): Promise<void>;
  /** Writes whole rows of a record table: those that are new, and those that replace the row with their key. */
  putRecords(table: RecordTable, rows: RecordRows): Promise<void>;
}

/** Rows with the values of `recordColumns(table)`. */
export interface RecordRows {
  readonly created: readonly (readonly SqlValue[])[];
  readonly replaced: readonly (readonly SqlValue[])[];
}

/** A database that runs one transaction after another, or several beside each other where it can. */
export interface SqlEngine {
  /** Rolls back on any error. `work` may be called again when the database asks for it. */
  readonly transaction: <T>(work: (sql: Sql) => Promise<T>) => Promise<T>;
  /** For statements that only read: they hold back no writer, and see one state of the database. */
  readonly read: <T>(work: (sql: Sql) => Promise<T>) => Promise<T>;
}

const leading = ['system', 'stream', 'external_id', 'name'] as const;
const trailing = [
  'attributes',
  'content_hash',
  'first_seen_at',
  'changed_at',
  'deleted_at',
  'quarantined_at',
  'demo',
  'correlation_id',
  'withdrawn_at',
  'withdrawn_reason',
] as const;

/** Columns of a record table in the order in which rows are handed over. */
export function recordColumns(table: RecordTable): readonly string[] {
  return [...leading, ...table.columns.map(({ name }) => name), ...trailing];
}

/** Of these a row that is replaced keeps what stood there. */
export const keptColumns: ReadonlySet<string> = new Set(['system', 'stream', 'external_id', 'first_seen_at']);

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new TypeError(`column ${column} holds no text`);
  return value;
}

export function optionalText(row: Row | undefined, column: string): string | undefined {
  const value = row?.[column];
  return typeof value === 'string' ? value : undefined;
}

/** 0 where there is none. */
export function integer(row: Row | undefined, column: string): number {
  return Number(row?.[column] ?? 0);
}

export function time(row: Row, column: string): Date {
  const value = optionalTime(row, column);
  if (value === undefined) throw new TypeError(`column ${column} holds no time`);
  return value;
}

export function optionalTime(row: Row | undefined, column: string): Date | undefined {
  const value = row?.[column];
  if (value instanceof Date) return value;
  return typeof value === 'string' ? new Date(value) : undefined;
}

export function optionalJson(row: Row, column: string): unknown {
  const json = optionalText(row, column);
  return json === undefined ? undefined : JSON.parse(json);
}
