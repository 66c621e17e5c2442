// SPDX-License-Identifier: Apache-2.0
import { tableOf, type Column } from '../../inventory/columns.ts';
import type { ColumnValues, StoredValueReader } from '../port.ts';
import { integer, optionalText, optionalTime, text, type Row, type Sql } from './sql.ts';

type Request = Parameters<StoredValueReader['storedValues']>;

export async function storedValues(
  sql: Sql,
  { system, stream, record }: Request[0],
  externalIds: Request[1],
  properties: Request[2],
): Promise<Map<string, ColumnValues>> {
  const table = tableOf(record);
  const columns = properties.map((property) => columnOf(record, property));
  if (columns.length === 0 || externalIds.length === 0) return new Map();
  const rows = await sql.all(
    `SELECT external_id, ${columns.map(selected).join(', ')} FROM "${table.name}"
     WHERE system = ? AND stream = ? AND external_id ${sql.amongTexts}`,
    system,
    stream,
    JSON.stringify(externalIds),
  );
  return new Map(rows.map((row) => [text(row, 'external_id'), valuesIn(row, columns)]));
}

type Named = Pick<Column, 'property' | 'name' | 'type'>;

function columnOf(record: Request[0]['record'], property: string): Named {
  // One of the common columns, of every kind that has it.
  if (property === 'name') return { property, name: 'name', type: 'text' };
  const column = tableOf(record).columns.find((one) => one.property === property);
  if (column === undefined) throw new TypeError(`${record} has no column ${property}`);
  return column;
}

/** A day comes as one, not as a time in somebody's zone. */
function selected({ name, type }: Named): string {
  return type === 'date' ? `CAST("${name}" AS text) AS "${name}"` : `"${name}"`;
}

function valuesIn(row: Row, columns: readonly Named[]): ColumnValues {
  const values = columns.flatMap((column) => {
    const value = row[column.name] === null ? undefined : valueIn(row, column);
    return value === undefined ? [] : [[column.property, value] as const];
  });
  return Object.fromEntries(values);
}

function valueIn(row: Row, { name, type }: Named): string | number | boolean | undefined {
  switch (type) {
    case 'text':
    case 'date':
      return optionalText(row, name);
    case 'integer':
      return integer(row, name);
    case 'boolean':
      return integer(row, name) === 1;
    case 'time':
      // As records have it: without a fraction that says nothing.
      return optionalTime(row, name)?.toISOString().replace('.000Z', 'Z');
  }
}
