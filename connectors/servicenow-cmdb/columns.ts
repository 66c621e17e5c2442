// SPDX-License-Identifier: Apache-2.0
import { hasSecretName } from './secret-fields.ts';

/** The columns to read of a table. */
export interface Columns {
  /** The fields to ask for; undefined asks for all. */
  readonly fields: readonly string[] | undefined;
  /** Whether they come from the dictionary, so that secrets are known by their types, or all are read. */
  readonly source: 'dictionary' | 'all' | 'list';
  /** Whether a field that came back may be kept. */
  keeps(field: string): boolean;
}

/** An allow-list: what is not on it is not kept, whatever a server sends. */
export function allowList(fields: readonly string[]): Columns {
  const listed = new Set(fields);
  return { fields, source: 'list', keeps: (field) => listed.has(field) };
}

/** Everything but what is called like a secret. */
export const allColumns: Columns = {
  fields: undefined,
  source: 'all',
  keeps: (field) => !hasSecretName(field),
};

/** Rows without the fields that may not be kept: before anything of them can be stored, also of a row that is set aside. */
export function keptRows(rows: readonly unknown[], columns: Columns): readonly unknown[] {
  return rows.map((row) => {
    if (typeof row !== 'object' || row === null || Array.isArray(row)) return row;
    const fields = Object.keys(row);
    if (fields.every((field) => columns.keeps(field))) return row;
    return Object.fromEntries(Object.entries(row).filter(([field]) => columns.keeps(field)));
  });
}
