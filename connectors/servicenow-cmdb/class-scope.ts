// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { Failure } from '../../src/connector/failure.ts';
import type { Columns } from './columns.ts';
import type { ClassTree } from './class-tree.ts';
import type { Dictionary } from './dictionary.ts';
import { storedText } from './raw-row.ts';
import type { ReadWindow } from './read-window.ts';
import type { Session } from './session.ts';

/** A listed class with all classes below it, as far as the query of the configuration takes them in. */
export interface Scope {
  readonly name: string;
  /** The listed class. */
  readonly table: string;
  /** Condition that holds for all rows of the scope: the query of the configuration. */
  readonly query: string;
  readonly window: ReadWindow;
}

/**
 * The name of a scope holds its query: rows that only another query leaves out belong to another scope, and so a changed
 * configuration proves nothing gone.
 */
export function scopeName(table: string, query: string | undefined): string {
  return query === undefined ? table : `${table}?${hash('sha256', query, 'hex').slice(0, 8)}`;
}

export interface ClassContext {
  readonly session: Session;
  readonly tree: ClassTree;
  readonly dictionary: Dictionary;
  /** The columns to read of a table, with what the mapping asks for. */
  readonly columnsOf: (table: string) => Promise<Columns>;
}

/**
 * The table that knows all columns of a class: its own. Only where the class tree does not hold it, the scope's. A class that
 * it holds is never read from a table above, where its columns would be missing and look emptied.
 */
export function tableOf(tree: ClassTree, className: string, scope: Scope): string {
  return tree.has(className) ? className : scope.table;
}

export function classNameOf(row: unknown, table: string): string {
  const name = storedText(row, 'sys_class_name');
  if (name !== undefined && /^[A-Za-z0-9_]{1,128}$/u.test(name)) return name;
  throw new Failure(
    'contract',
    `table ${table}: a row has no readable sys_class_name; grant read access to the field sys_class_name of ${table}`,
  );
}
