// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { Type, type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { expect, test } from 'vitest';
import type { NormalisedRecord } from '../../../src/inventory/kinds.ts';
import { Instance } from './instance.ts';
import { open, readStream } from './reading.ts';

const Row = Type.Record(Type.String(), Type.Union([Type.String(), Type.Object({ value: Type.String() })]));
const Recording = Type.Object({
  exchanges: Type.Array(
    Type.Object({
      request: Type.Object({ url: Type.String() }),
      response: Type.Object({ body: Type.Object({ result: Type.Array(Row) }) }),
    }),
  ),
});

/** Where a stored value stands in a record: its column, the attributes, or the external id. */
function holds(record: NormalisedRecord, field: string, stored: string): boolean {
  return (
    record.externalId === stored ||
    record.attributes[field] === stored ||
    Object.values(record.columns).map(String).includes(stored)
  );
}

test('a recording of a real form loses no field, even without dictionary and with class rows that have no id', async () => {
  const text = await readFile(new URL('recording.json', import.meta.url), 'utf8');
  const recording = Compile(Recording).Parse(JSON.parse(text));
  await using instance = new Instance();
  const rows: Static<typeof Row>[] = [];
  for (const { request, response } of recording.exchanges) {
    const table = new URL(request.url).pathname.split('/').at(-1) ?? '';
    instance.put(table, ...response.body.result);
    if (table !== 'sys_db_object') rows.push(...response.body.result);
  }
  instance.put('sys_dictionary');
  await using opened = await open(await instance.start());
  const { records, invalid, ends } = await readStream(opened.stream('cis'));
  expect(invalid).toEqual([]);
  expect(ends).toMatchObject([
    { type: 'end', coverage: 'Full', evidence: { rows: rows.length, columns: 'all', classes: 3 } },
  ]);
  expect(records.size).toBe(rows.length);
  for (const row of rows) {
    const record = [...records.values()].find(({ externalId }) => externalId === row['sys_id']);
    if (record === undefined) throw new Error('a row is lost');
    expect(record.columns).toMatchObject({ class: row['sys_class_name'], type: 'server' });
    for (const [field, cell] of Object.entries(row)) {
      const stored = typeof cell === 'string' ? cell : cell.value;
      if (stored !== '') expect(holds(record, field, stored), `${field}=${stored}`).toBe(true);
      else expect(record.attributes).not.toHaveProperty(field);
    }
  }
});
