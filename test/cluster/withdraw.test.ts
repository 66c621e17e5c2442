// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test } from 'vitest';
import { plantServers, type Planted } from '../connectors/servicenow-cmdb/plant.ts';
import { OperatorBench, password } from '../kit/operator-bench.ts';
import { waitFor } from '../kit/wait.ts';

let bench: OperatorBench;
let upstream: Planted;

beforeEach(async () => {
  bench = await OperatorBench.create();
  upstream = await plantServers(5, { username: 'reader', password });
});

afterEach(async () => {
  await bench.close();
  await upstream[Symbol.asyncDispose]();
});

const withdrawn = () => Number(bench.rows('SELECT count(withdrawn_at) AS n FROM assets')[0]?.['n']);
const current = () => Number(bench.rows('SELECT count(*) AS n FROM current_assets')[0]?.['n']);
const scheduled = (run: { spec: { trigger?: string } }) => run.spec.trigger === 'Schedule';

/** The leader has begun all that it does when it begins to lead; what is in hand is done before it ends. */
async function dutiesBegun(of = bench): Promise<boolean> {
  const { text } = await of.get('/metrics');
  const begun = /^extsys_queue_latency_seconds_count\{queue="leader"\} (\d+)$/mu.exec(text);
  return Number(begun?.[1] ?? 0) >= 3;
}

/** An ExternalSystem whose first run has read the five servers. */
async function synced(): Promise<void> {
  await bench.applySystem(upstream.url);
  await bench.waitForRun(scheduled);
  expect(current()).toBe(5);
}

test('the rows of a deleted system are withdrawn, and back with the first run of the object that is made again', async () => {
  await bench.start();
  await synced();
  await bench.kubectl('delete', 'externalsystem', 'cmdb');
  // At once, not only when the leader looks at all systems, which it does once a minute.
  await waitFor('the rows to be withdrawn', () => withdrawn() === 5, { timeoutMs: 30_000 });
  expect(current()).toBe(0);
  expect(bench.rows('SELECT DISTINCT withdrawn_reason AS why, deleted_at FROM assets')).toEqual([
    { why: 'the ExternalSystem was deleted', deleted_at: null },
  ]);
  await waitFor('the metric', async () =>
    (await bench.get('/metrics')).text.includes(
      `extsys_systems_withdrawn_total{namespace="${bench.namespace}"} 1`,
    ),
  );
  await synced();
  expect(withdrawn()).toBe(0);
  const again = await bench.waitForRun((run) => scheduled(run) && run.status?.actions !== undefined);
  expect(again.status).toMatchObject({
    streams: [{ mode: 'Full', updated: 5 }],
    actions: [{ kind: 'withdraw' }],
  });
});

test('a system that was deleted while no operator ran is withdrawn when one leads again, once', async () => {
  await bench.start();
  await synced();
  await bench.stop();
  await bench.kubectl('delete', 'externalsystem', 'cmdb');
  for (const start of ['first', 'second']) {
    await bench.start();
    await waitFor(`the rows to be withdrawn by the ${start} start`, () => withdrawn() === 5);
    await waitFor('its duties to begin', () => dutiesBegun());
    await bench.stop();
  }
  expect(bench.rows("SELECT kind FROM actions WHERE kind = 'withdraw'")).toHaveLength(1);
});

test('an operator of another namespace leaves the system alone', async () => {
  await bench.start();
  await synced();
  await bench.stop();
  await bench.kubectl('delete', 'externalsystem', 'cmdb');
  const other = await OperatorBench.create();
  try {
    await other.start('--store', `sqlite:${bench.database}`);
    await waitFor('its duties to begin', () => dutiesBegun(other));
    await other.stop();
    expect(withdrawn()).toBe(0);
  } finally {
    await other.close();
  }
});
