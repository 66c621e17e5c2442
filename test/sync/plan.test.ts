// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SyncBench } from '../kit/sync-bench.ts';
import { end, page, row } from '../kit/fake-connector.ts';

let bench: SyncBench;
beforeEach(async () => {
  bench = await new SyncBench().open();
});
afterEach(() => bench.close());

const full = { mode: 'Full' } as const;
const plan = { mode: 'Plan' } as const;

/** Every row of every table but the archive, the chain that it ends in, and what plans keep. */
function inventory(of: SyncBench): Record<string, unknown> {
  const tables = of.rows("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
  const own = /^(?:runs|system_objects|sqlite_sequence|plan_passes|plan_fields|plan_samples)$/u;
  const names = tables.map(({ name }) => name as string).filter((name) => !own.test(name));
  return Object.fromEntries(
    names.map((name) => {
      const columns = name === 'systems' ? 'system, source, demo, full_at' : '*';
      return [name, of.rows(`SELECT ${columns} FROM "${name}"`)];
    }),
  );
}

test('a plan tells what a full run would do, with fields and reasons, and leaves the inventory as it is', async () => {
  const rows = ['a', 'b', 'c', 'd', 'e'].map((id) => row(id));
  await bench.run([page(rows), end()], full);
  const before = inventory(bench);
  const events = [page([row('a'), row('b', 'renamed'), { id: 'c', name: 5 }, row('n')]), end()];
  const status = await bench.run(events, { ...plan, uid: 'plan-1' });
  expect(status).toMatchObject({
    phase: 'PartiallySucceeded',
    mode: 'Plan',
    totals: { fetched: 4, created: 1, updated: 1, unchanged: 1, deleted: 2, failed: 1 },
  });
  expect(inventory(bench)).toEqual(before);
  expect(await bench.store.plan({ run: 'plan-1' })).toEqual({
    system: 'inventory/fake',
    runUid: 'plan-1',
    runName: 'fake-plan-1',
    streams: [
      {
        stream: 'items',
        fields: [{ field: 'name', records: 1 }],
        samples: [
          { action: 'create', externalId: 'n', name: 'item n' },
          { action: 'delete', externalId: 'd', name: 'item d' },
          { action: 'delete', externalId: 'e', name: 'item e' },
          { action: 'setAside', externalId: 'c', reason: expect.stringContaining('name') },
          {
            action: 'update',
            externalId: 'b',
            name: 'renamed',
            changes: [{ field: 'name', before: 'item b', after: 'renamed' }],
          },
        ],
      },
    ],
  });
});

test('a plan says which deletions the budget would withhold, and why; the system is no less ready for it', async () => {
  await bench.run([page([...Array(40).keys()].map((n) => row(`r${n}`))), end()], full);
  const status = await bench.run([page([row('r0')]), end()], { ...plan, uid: 'plan-1' });
  expect(status).toMatchObject({
    failure: { code: 'deletionBudget' },
    totals: { deleted: 0 },
    streams: [{ withheld: 39 }],
  });
  const [stream] = (await bench.store.plan({}))?.streams ?? [];
  expect(stream?.withheldReason).toContain('39 of 40 records of scope all look gone');
  expect(stream?.samples.filter(({ action }) => action === 'withhold')).toHaveLength(20);
  const history = await bench.store.history('inventory/fake', 'system-uid');
  expect(history).toMatchObject({ consecutiveFailures: 0, withheld: 0, lastVerdict: { mode: 'Full' } });
});

test('what a plan counts is neither success nor start, and its texts are free of secrets', async () => {
  await bench.run([page([row('a')]), end()], full);
  const before = await bench.store.history('inventory/fake', 'system-uid');
  bench.time += 60_000;
  const redact = (text: string) => text.replaceAll('hunter2', '[redacted]');
  await bench.run([page([row('a', 'now hunter2'), row('hunter2')]), end()], { ...plan, redact });
  const after = await bench.store.history('inventory/fake', 'system-uid');
  for (const key of ['lastSuccessAt', 'lastFailureAt', 'lastStartedAt', 'lastFullAt'] as const)
    expect(after[key]).toEqual(before[key]);
  expect(JSON.stringify(bench.rows('SELECT * FROM plan_samples'))).not.toContain('hunter2');
});

test('a plan that lost its worker starts the stream anew, and leaves nothing that it worked with', async () => {
  await bench.run([page([row('a'), row('b')]), end()], full);
  const before = inventory(bench);
  const stop = new AbortController();
  const { RunStop } = await import('../../src/sync/control.ts');
  const crash = () => stop.abort(new RunStop('shutdown', 'shutting down'));
  const options = { ...plan, uid: 'plan-1' };
  await expect(
    bench.run([page([row('a'), row('x')]), page([row('y')]), crash, end()], {
      ...options,
      signal: stop.signal,
    }),
  ).rejects.toThrow('shutting down');
  const status = await bench.run([page([row('a')]), end()], { ...options, attempt: 2 });
  expect(status.totals).toMatchObject({ fetched: 1, created: 0, unchanged: 1, deleted: 1 });
  expect(inventory(bench)).toEqual(before);
});

test('what a plan left that never came to its end is cleared by the next run', async () => {
  const stop = new AbortController();
  const { RunStop } = await import('../../src/sync/control.ts');
  const crash = () => stop.abort(new RunStop('shutdown', 'shutting down'));
  const broken = bench.run([page([row('a')]), page([row('b')]), crash, end()], {
    ...plan,
    signal: stop.signal,
  });
  await expect(broken).rejects.toThrow('shutting down');
  expect(bench.rows('SELECT * FROM plan_sightings')).not.toEqual([]);
  await bench.run([page([row('a')]), end()], full);
  expect(bench.rows('SELECT * FROM plan_sightings')).toEqual([]);
});

test('only the newest ten plans are kept', async () => {
  for (let number = 1; number <= 12; number += 1)
    await bench.run([page([row('a')]), end()], { ...plan, uid: `plan-${number}` });
  expect(bench.rows('SELECT run_uid FROM plan_passes ORDER BY id').map((one) => one['run_uid'])).toEqual(
    [3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((number) => `plan-${number}`),
  );
});
