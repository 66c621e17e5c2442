// SPDX-License-Identifier: Apache-2.0
import type { TSchema } from 'typebox';
import { kinds, recordKinds, type RecordKind } from './kinds.ts';

export interface Column {
  /** Property of the record. */
  readonly property: string;
  /** Column of the table. */
  readonly name: string;
  readonly type: 'text' | 'integer' | 'boolean' | 'time' | 'date';
  readonly required: boolean;
  readonly description: string;
}

export interface RecordTable {
  readonly kind: RecordKind;
  /** Snake-case plural: `assets`. `groups` is a word of some SQL dialects: always quote it. */
  readonly name: string;
  /** The kind's own columns; `name` is one of the common columns and not among them. */
  readonly columns: readonly Column[];
}

const tableNames: Readonly<Record<RecordKind, string>> = {
  Asset: 'assets',
  User: 'users',
  Group: 'groups',
  Membership: 'memberships',
  Relationship: 'relationships',
  Device: 'devices',
  RoleAssignment: 'role_assignments',
  SsoApplication: 'sso_applications',
};

/** The table of each record kind, derived from its schema. */
export const recordTables: readonly RecordTable[] = recordKinds.map((kind) => ({
  kind,
  name: tableNames[kind],
  columns: Object.entries(kinds[kind].properties as Record<string, TSchema>)
    .filter(([property]) => property !== 'name')
    .map(([property, schema]) => ({
      property,
      name: snakeCase(property),
      type: sqlType(schema),
      required: ((kinds[kind] as { required?: string[] }).required ?? []).includes(property),
      description: (schema as { description?: string }).description ?? '',
    })),
}));

const byKind = new Map(recordTables.map((table) => [table.kind, table]));

export function tableOf(kind: RecordKind): RecordTable {
  const table = byKind.get(kind);
  if (table === undefined) throw new TypeError(`no table for record kind ${kind}`);
  return table;
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`);
}

function sqlType(schema: TSchema): Column['type'] {
  const { type, 'x-column': column } = schema as { type?: string; 'x-column'?: 'time' | 'date' };
  if (column !== undefined) return column;
  if (type === 'integer') return 'integer';
  if (type === 'boolean') return 'boolean';
  return 'text';
}
