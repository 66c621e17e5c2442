// SPDX-License-Identifier: Apache-2.0
import { bounded } from '../../api/bounded.ts';
import type { Column, RecordTable } from '../../inventory/columns.ts';
import type { NormalisedRecord } from '../../inventory/kinds.ts';
import type { PlannedChange } from '../port.ts';
import { optionalTime, type Row } from './sql.ts';

const maxValueCharacters = 200;
/** What a row loses that comes back. */
const marks = [
  ['deletedAt', 'deleted_at'],
  ['withdrawnAt', 'withdrawn_at'],
] as const;

interface Change {
  readonly field: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Columns of a row as `changesOf` reads them: dates as text, since an engine makes local times of them. */
export function comparedColumns(table: RecordTable): string {
  const own = table.columns.map(({ name, type }) =>
    type === 'date' ? `CAST("${name}" AS text) AS "${name}"` : `"${name}"`,
  );
  return ['external_id', 'name', ...own, 'attributes', 'deleted_at', 'withdrawn_at'].join(', ');
}

/** The fields in which a record differs from the row that stands for it. */
export function changesOf(table: RecordTable, before: Row, record: NormalisedRecord): Change[] {
  const columns = record.columns as Readonly<Record<string, unknown>>;
  const named: Column = { property: 'name', name: 'name', type: 'text', required: false, description: '' };
  const changes = [named, ...table.columns].map((column): Change => ({
    field: column.property,
    before: storedText(column, before),
    after: textOf(column.type, columns[column.property]),
  }));
  for (const [field, column] of marks) {
    const marked = optionalTime(before, column);
    if (marked !== undefined) changes.push({ field, before: marked.toISOString(), after: undefined });
  }
  return [...changes, ...attributeChanges(before['attributes'], record.attributes)].filter(
    (change) => change.before !== change.after,
  );
}

/** As people are shown it. */
export function shown(change: Change, redact: (text: string) => string): PlannedChange {
  const cut = (value: string) => bounded(redact(value), maxValueCharacters);
  return {
    field: change.field,
    ...(change.before === undefined ? {} : { before: cut(change.before) }),
    ...(change.after === undefined ? {} : { after: cut(change.after) }),
  };
}

function attributeChanges(stored: unknown, after: NormalisedRecord['attributes']): Change[] {
  const parsed: unknown = typeof stored === 'string' ? JSON.parse(stored) : stored;
  const before = (parsed ?? {}) as Readonly<Record<string, unknown>>;
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].toSorted().map((name) => ({
    field: `attributes.${name}`,
    before: plainText(before[name]),
    after: plainText((after as Readonly<Record<string, unknown>>)[name]),
  }));
}

function storedText({ name, type }: Column, row: Row): string | undefined {
  const value = row[name];
  if (type === 'time') return optionalTime(row, name)?.toISOString();
  return textOf(type, value);
}

function textOf(type: Column['type'], value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (type === 'boolean') return value === true || value === 1 ? 'true' : 'false';
  if (typeof value !== 'string') return JSON.stringify(value);
  return type === 'time' ? new Date(value).toISOString() : value;
}

/** Keys sorted, since an engine may keep them in an order of its own. */
function plainText(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  return typeof value === 'string' ? value : JSON.stringify(sorted(value));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => sorted(one));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [key, sorted(one)]),
  );
}
