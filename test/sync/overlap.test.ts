// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Failure } from '../../src/connector/failure.ts';
import type { Store } from '../../src/store/port.ts';
import { end, page, row } from '../kit/fake-connector.ts';
import { SyncBench } from '../kit/sync-bench.ts';
import { waitFor } from '../kit/wait.ts';

/* Pages are written one after the other, while those behind them are read and turned into records. */

let bench: SyncBench;
beforeEach(async () => {
  bench = await new SyncBench().open();
});
afterEach(() => bench.close());

/** A store that begins to write a page when it is told to. */
function slowly(begin: (scopeRows: number) => Promise<unknown>): (store: Store) => Store {
  return (store) => ({
    ...store,
    writePage: async (hold, written) => {
      await begin(written.records.length);
      return store.writePage(hold, written);
    },
  });
}

test('the next page is read while one is written, none is written before its turn, and the end comes last', async () => {
  const told: string[] = [];
  const gate = Promise.withResolvers<void>();
  const running = bench.run(
    async function* read() {
      yield page([row('a')], 'all', 1);
      yield page([row('b'), row('c')], 'all', 2);
      told.push('read on');
      yield end();
    },
    {
      store: slowly((rows) => {
        told.push(`write ${rows}`);
        return rows === 1 ? gate.promise : Promise.resolve();
      }),
    },
  );
  await waitFor('the reader to go on', () => told.includes('read on'));
  expect(told).toEqual(['write 1', 'read on']);
  gate.resolve();
  const status = await running;
  expect(status).toMatchObject({ phase: 'Succeeded', totals: { created: 3 } });
  expect(told).toEqual(['write 1', 'read on', 'write 2']);
});

test.each<[string, () => AsyncGenerator<ReturnType<typeof page>>]>([
  [
    'the reading fails after it',
    async function* read() {
      yield page([row('a')], 'all', 1);
      throw new Failure('unavailable', 'the vendor is away');
    },
  ],
  [
    'it is the last',
    async function* read() {
      yield page([row('a')], 'all', 1);
    },
  ],
  [
    'the scope ends behind it',
    async function* read() {
      yield page([row('a')], 'all', 1);
      yield end();
    },
  ],
])('a page that cannot be written is what the run fails by, also when %s', async (_when, read) => {
  const status = await bench.run(read, {
    store: slowly(() => Promise.reject(new Error('the disk is full'))),
  });
  expect(status.phase).toBe('Failed');
  expect(status.failure).toMatchObject({
    code: 'internal',
    message: expect.stringContaining('the disk is full'),
  });
  expect(bench.live()).toEqual([]);
});

test('what was read before the vendor went away is kept', async () => {
  const status = await bench.run(async function* read() {
    yield page([row('a')], 'all', 1);
    yield page([row('b')], 'all', 2);
    throw new Failure('unavailable', 'the vendor is away');
  });
  expect(status).toMatchObject({ phase: 'Failed', totals: { created: 2 }, failure: { code: 'unavailable' } });
  expect(bench.live()).toEqual(['a', 'b']);
});
