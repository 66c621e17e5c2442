// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { contentHash, normalForm } from '../../src/inventory/hash.ts';
import type { NormalisedRecord } from '../../src/inventory/kinds.ts';
import type { ColumnValues, StoredValueReader } from '../../src/store/port.ts';
import { withUntold } from '../../src/sync/untold.ts';

const stream = { system: 'inventory/x', stream: 'users', record: 'User' } as const;

function hashed(
  externalId: string,
  columns: NormalisedRecord<'User'>['columns'],
  untold?: readonly string[],
) {
  const record = { externalId, columns, attributes: {}, ...(untold === undefined ? {} : { untold }) };
  return { record, hash: contentHash(normalForm('User', record)) };
}

function store(standing: Readonly<Record<string, ColumnValues>>) {
  const asked: unknown[] = [];
  const reader: StoredValueReader = {
    storedValues(of, ids, columns) {
      asked.push({ of, ids, columns });
      return Promise.resolve(new Map(Object.entries(standing)));
    },
  };
  return { ...reader, asked };
}

describe('what a reading could not tell', () => {
  const time = '2026-03-01T00:00:00Z';

  test('stays as it stands, and the record has the hash of the whole', async () => {
    const known = store({ a: { lastLoginAt: time } });
    const [record] = await withUntold(known, stream, [hashed('a', { name: 'Ana' }, ['lastLoginAt'])]);
    expect(record?.record.columns).toEqual({ name: 'Ana', lastLoginAt: time });
    expect(record?.hash).toBe(hashed('a', { name: 'Ana', lastLoginAt: time }).hash);
    expect(known.asked).toEqual([{ of: stream, ids: ['a'], columns: ['lastLoginAt'] }]);
  });

  test('is not asked for where everything was told', async () => {
    const known = store({});
    const records = [hashed('a', { name: 'Ana' }), hashed('b', { lastLoginAt: time }, ['lastLoginAt'])];
    expect(await withUntold(known, stream, records)).toEqual(records);
    expect(known.asked).toEqual([]);
  });

  test('is nothing of a record that is new, or that has none', async () => {
    const records = [hashed('a', {}, ['lastLoginAt']), hashed('b', {}, ['lastLoginAt'])];
    expect(await withUntold(store({ b: {} }), stream, records)).toEqual(records);
  });

  test('gives way to what a mapping gives', async () => {
    const mapped = hashed('a', { title: 'Lead' }, ['title', 'lastLoginAt']);
    const known = store({ a: { title: 'Old', lastLoginAt: time } });
    const [record] = await withUntold(known, stream, [mapped]);
    expect(record?.record.columns).toEqual({ title: 'Lead', lastLoginAt: time });
  });

  test('and was given a makeshift stays as it stands, while the column that tells is the same', async () => {
    const given = (externalId: string, userName: string) => {
      const { record, hash } = hashed(externalId, { name: externalId, userName });
      return { record: { ...record, makeshift: { columns: ['name'], whileSame: 'userName' } }, hash };
    };
    const known = store({
      a: { name: 'Ana', userName: 'one' },
      b: { name: 'Bob', userName: 'other' },
    });
    const records = await withUntold(known, stream, [
      given('a', 'one'),
      given('b', 'one'),
      given('new', 'one'),
    ]);
    expect(records.map(({ record }) => record.columns.name)).toEqual(['Ana', 'b', 'new']);
    expect(records[0]?.hash).toBe(hashed('a', { name: 'Ana', userName: 'one' }).hash);
  });
});
