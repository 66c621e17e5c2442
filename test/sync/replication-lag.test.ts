// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test } from 'vitest';
import { end, moreLagMs, page, row } from '../kit/fake-connector.ts';
import { SyncBench } from '../kit/sync-bench.ts';

/** A vendor of replicas: an answer may come from one that has not heard of what is new. */

let bench: SyncBench;
beforeEach(async () => {
  bench = await new SyncBench().open();
});
afterEach(() => bench.close());

const full = (...ids: readonly string[]) =>
  bench.run([page([row('first')]), end()], {
    mode: 'Full',
    more: [page(ids.map((id) => row(id))), end()],
  });
const ofMore = ({ streams = [] }: Awaited<ReturnType<typeof full>>) =>
  streams.find(({ name }) => name === 'more');

test('a record that is new and not shown is kept and counted, and goes when it is not shown later either', async () => {
  await full('old');
  bench.time += moreLagMs + 1;
  await full('old', 'new');
  bench.time += moreLagMs - 1;
  const soon = await full();
  expect(soon.phase).toBe('Succeeded');
  expect(ofMore(soon)).toMatchObject({ deleted: 1, withheld: 1, evidence: { young: 1 }, complete: true });
  expect(bench.live()).toEqual(['first', 'new']);
  bench.time += moreLagMs;
  const later = ofMore(await full());
  expect([later?.deleted, later?.withheld]).toEqual([1, undefined]);
  expect(bench.live()).toEqual(['first']);
});

test('what the vendor states as removed goes, however new it is', async () => {
  await full('new');
  const said = await bench.run([page([row('first')]), end()], {
    mode: 'Full',
    more: [{ type: 'page', scope: 'all', rows: [], removed: ['new'], checkpoint: { at: 1 } }, end()],
  });
  expect([ofMore(said)?.deleted, ofMore(said)?.withheld]).toEqual([1, undefined]);
});

test('where nothing is deleted nothing is looked for', async () => {
  bench.spec = { deletion: { policy: 'Keep' } };
  await full('new');
  expect(ofMore(await full())).toMatchObject({ withheld: 1, evidence: { rows: 0 } });
});
