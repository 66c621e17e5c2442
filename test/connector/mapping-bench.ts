// SPDX-License-Identifier: Apache-2.0
import { expect } from 'vitest';
import type { FieldMapping, Mapping } from '../../src/api/mapping.ts';
import { applyMapping, compileMapping, type MappableRow } from '../../src/connector/mapping.ts';
import type { AttributeMap, NormalisedRecord, RecordKind } from '../../src/inventory/kinds.ts';

export type Row = Readonly<Record<string, string>>;

/** Rows of a source whose paths hold no exclamation mark and whose times are eight digits. */
export const rows: MappableRow<Row> = {
  valueAt: (row, path) => (row[path] === '' ? undefined : row[path]),
  pathProblem: (path) => (path.includes('!') ? 'has a mark that no path has' : undefined),
  toTime: (text) =>
    /^\d{8}$/u.test(text) ? `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}T00:00:00Z` : undefined,
};
export const streams = (['Asset', 'User', 'Membership', 'Relationship'] as const).map(
  (record: RecordKind) => ({
    name: `${record.toLowerCase()}s`,
    record,
    rows,
  }),
);

/** What is wrong with a mapping, as people read it. */
export function problems(mapping: unknown): string[] {
  return compileMapping(mapping as Mapping, streams, 'fake').problems.map(
    ({ path, message }) => `${path}: ${message}`,
  );
}

/** An asset with mapped fields. */
export function mapped(
  fields: Readonly<Record<string, FieldMapping>>,
  row: Row,
  columns: NormalisedRecord<'Asset'>['columns'] = {},
  attributes: AttributeMap = {},
  more: Pick<NormalisedRecord, 'untold' | 'makeshift'> = {},
) {
  const compiled = compileMapping({ assets: fields }, streams, 'fake');
  expect(compiled.problems).toEqual([]);
  const mapping = compiled.byStream.get('assets');
  if (mapping === undefined) throw new Error('no mapping');
  return applyMapping<Row, 'Asset'>(mapping, rows, row, { externalId: 'a', columns, attributes, ...more });
}
