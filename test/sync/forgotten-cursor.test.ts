// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test } from 'vitest';
import { end, page, row } from '../kit/fake-connector.ts';
import { SyncBench } from '../kit/sync-bench.ts';

/** A vendor that has forgotten a cursor gives everything, although the run asked for the changes only. */

let bench: SyncBench;
beforeEach(async () => {
  bench = await new SyncBench().open();
});
afterEach(() => bench.close());

const ids = (count: number) => Array.from({ length: count }, (_, at) => row(`r${at}`));
const history = () => bench.store.history('inventory/fake', 'system-uid');

test('an incremental run that was given everything counts as a full reading of its stream', async () => {
  await bench.run([page(ids(50)), end()], { mode: 'Full' });
  bench.time += 60_000;
  const startedAt = new Date(bench.time).toISOString();
  const given = await bench.run([page(ids(49)), end('all', 'Full', 2)]);
  expect(given).toMatchObject({ mode: 'Incremental', phase: 'Succeeded', totals: { deleted: 1 } });
  expect(given.streams).toMatchObject([{ mode: 'Full' }]);
  expect(bench.rows('SELECT last_full_at FROM streams')).toEqual([{ last_full_at: startedAt }]);
});

test('what it may not delete is proposed, and stays said over the runs that read changes only', async () => {
  await bench.run([page(ids(50)), end()], { mode: 'Full' });
  const passed = await bench.run([page(ids(20)), end('all', 'Full', 2)]);
  expect(passed).toMatchObject({ failure: { code: 'deletionBudget' }, streams: [{ withheld: 30 }] });
  await bench.run([end('all', 'Window', 3)]);
  expect(await history()).toMatchObject({ withheld: 30, proposal: { records: 30, state: 'open' } });
});

test('what a person has approved goes by it, too', async () => {
  await bench.run([page(ids(50)), end()], { mode: 'Full' });
  await bench.run([page(ids(20)), end()], { mode: 'Full' });
  const { proposal } = await history();
  bench.approval = `${proposal?.runName}@${proposal?.digest}`;
  const given = await bench.run([page(ids(20)), end('all', 'Full', 2)]);
  expect(given).toMatchObject({ phase: 'Succeeded', totals: { deleted: 30 } });
  expect(await history()).toMatchObject({ withheld: 0, proposal: undefined });
});

test('one that was given everything of a part only stays an incremental reading', async () => {
  await bench.run([page(ids(50)), end(), page([row('x')], 'other'), end('other')], { mode: 'Full' });
  const windowed = await bench.run([...[page(ids(20)), end('all', 'Full', 2)], end('other', 'Window', 2)]);
  expect(windowed).toMatchObject({ streams: [{ mode: 'Incremental', withheld: 30 }] });
  const left = await bench.run([page(ids(20)), end('all', 'Full', 3)]);
  expect(left).toMatchObject({ streams: [{ mode: 'Incremental', withheld: 30 }] });
  expect(await history()).toMatchObject({ withheld: 0 });
});
