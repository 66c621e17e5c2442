// SPDX-License-Identifier: Apache-2.0
import type { TSchema } from 'typebox';
import { beforeEach, describe, expect, it } from 'vitest';
import { tableOf, type Column } from '../../src/inventory/columns.ts';
import { kinds, recordKinds, type RecordKind } from '../../src/inventory/kinds.ts';
import { ContractBench, type OpenStore } from './contract-bench.ts';
import { load, type Columns } from './inventory-load.ts';

/** A record with a value in every column, as long and as large as its schema allows; another one for each `n` from 0 to 9. */
function whole(kind: RecordKind, n: number): Columns {
  const properties = Object.entries(kinds[kind].properties as Record<string, TSchema>);
  return Object.fromEntries(properties.map(([property, schema]) => [property, valueOf(schema, n)]));
}

function valueOf(schema: TSchema, n: number): string | number | boolean {
  const given = schema as {
    type?: string;
    enum?: string[];
    maxLength?: number;
    maximum?: number;
    'x-column'?: string;
  };
  if (given.enum !== undefined) return given.enum[n % given.enum.length] ?? '';
  if (given['x-column'] === 'time') return `2026-01-02T03:04:05.12${n}Z`;
  if (given['x-column'] === 'date') return `2026-01-0${n + 1}`;
  if (given.type === 'integer') return (given.maximum ?? 0) - n;
  if (given.type === 'boolean') return n % 2 === 0;
  return `${n}\t'"\\ü > `.padEnd(given.maxLength ?? 0, 'x');
}

/** What a reader gets, in the form in which it was written: each engine gives times, flags and numbers in a form of its own. */
function asWritten(value: unknown, { type }: Column): unknown {
  if (type === 'time') return new Date(value as string).toISOString();
  if (type === 'boolean') return Boolean(value);
  return type === 'integer' ? Number(value) : value;
}

/** What holds for the table of every kind. */
export function kindContract(engine: string, open: OpenStore): void {
  const bench = new ContractBench(open, 'suite');
  let tests = 0;
  let system = '';
  beforeEach(() => {
    tests += 1;
    system = `inventory/system-${tests}`;
  });

  describe.each(recordKinds)(`${engine}: %s`, (kind) => {
    const { name, columns } = tableOf(kind);
    const loaded = (runUid: string, rows: Readonly<Record<string, Columns>>, scope = 'all') =>
      load(bench.store, `${system}-${runUid}`, { kind, system, stream: 'all', rows, scope });
    const read = async (externalId: string) => {
      // Drivers read a date as midnight somewhere.
      const selected = columns.map((column) =>
        column.type === 'date' ? `CAST("${column.name}" AS text) AS "${column.name}"` : `"${column.name}"`,
      );
      const [row] = await bench.tested.query(
        `SELECT name, ${selected.join(', ')} FROM current_${name} WHERE system = '${system}' AND external_id = '${externalId}'`,
      );
      if (row === undefined) return undefined;
      const values = columns.map((column) => [column.property, asWritten(row[column.name], column)]);
      return { name: row['name'], ...Object.fromEntries(values) };
    };

    it('keeps the value of every column, of a new row and of one that changed', async () => {
      expect(await loaded('run-1', { a: whole(kind, 0), b: whole(kind, 1) })).toMatchObject({ created: 2 });
      expect(await read('a')).toEqual(whole(kind, 0));
      expect(await loaded('run-2', { a: whole(kind, 2), b: whole(kind, 1) })).toMatchObject({
        updated: 1,
        unchanged: 1,
      });
      expect(await read('a')).toEqual(whole(kind, 2));
      expect(await read('b')).toEqual(whole(kind, 1));
    });

    it('is left out of its current view once it is gone or no longer read, and counted', async () => {
      await loaded('run-1', { a: whole(kind, 0), b: whole(kind, 1) });
      expect(await loaded('run-2', { a: whole(kind, 0) })).toMatchObject({ deleted: 1 });
      expect(await read('b')).toBeUndefined();
      expect(await loaded('run-3', { c: whole(kind, 2) }, 'other')).toMatchObject({ withdrawn: 1 });
      expect(await read('a')).toBeUndefined();
      expect(await bench.store.recordCounts(system)).toContainEqual({
        ...{ kind, live: 1, deleted: 1, withdrawn: 1 },
      });
    });

    it('is shown by its view of demo rows alone when its system is a demo', async () => {
      await load(bench.store, `${system}-run-1`, {
        ...{ kind, system, stream: 'all', rows: { a: whole(kind, 0) }, demo: true },
      });
      expect(await read('a')).toBeUndefined();
      expect(
        await bench.tested.query(`SELECT external_id FROM demo_${name} WHERE system = '${system}'`),
      ).toEqual([{ external_id: 'a' }]);
    });
  });
}
