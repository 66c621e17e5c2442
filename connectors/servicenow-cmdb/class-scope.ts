// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { Failure } from '../../src/connector/failure.ts';
import type { ClassDictionary, ClassFields, ClassTree } from './class-model.ts';
import type { ReadWindow } from './scope-end.ts';
import type { Session } from './session.ts';
import { storedText } from './walk.ts';

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
  readonly dictionary: ClassDictionary;
}

/** The table that knows most columns of a class: its own, or the scope's where the class tree does not hold it. */
export function tableOf(tree: ClassTree, className: string, scope: Scope): string {
  return tree.has(className) ? className : scope.table;
}

export async function columnsOf({ dictionary }: ClassContext, table: string): Promise<ClassFields> {
  const columns = (await dictionary.fieldsOf([table])).get(table);
  if (columns === undefined) throw new Failure('internal', `the dictionary has no entry for ${table}`);
  return columns;
}

export function classNameOf(row: unknown, table: string): string {
  const name = storedText(row, 'sys_class_name');
  if (name !== undefined && /^[A-Za-z0-9_]{1,128}$/u.test(name)) return name;
  throw new Failure(
    'contract',
    `table ${table}: a row has no readable sys_class_name; grant read access to the field sys_class_name of ${table}`,
  );
}

/** Rows without secret fields, where the request could not leave them out by a list of fields. */
export function withoutSecrets(rows: readonly unknown[], columns: ClassFields): readonly unknown[] {
  if (columns.fields !== undefined) return rows;
  return rows.map((row) =>
    typeof row === 'object' && row !== null && !Array.isArray(row)
      ? Object.fromEntries(Object.entries(row).filter(([field]) => !columns.isSecret(field)))
      : row,
  );
}
