// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test } from 'vitest';
import { apiVersion } from '../../src/api/group.ts';
import type { SyncRun } from '../../src/api/resource.ts';
import { planCommand } from '../../src/cli/plan.ts';
import { call } from '../cli/cli-bench.ts';
import { OperatorBench, password } from '../kit/operator-bench.ts';
import { ServiceNow, startServiceNow } from '../simulators/servicenow/index.ts';

let bench: OperatorBench;
let instance: Awaited<ReturnType<typeof startServiceNow>>;

beforeEach(async () => {
  bench = await OperatorBench.create();
});

afterEach(async () => {
  await bench.close();
  await instance.stop();
});

async function upstream(options: { clockSkewMs?: number; zoneMinutes?: number } = {}): Promise<void> {
  const basic = { username: 'reader', password };
  instance = await startServiceNow({ seed: 1, counts: { servers: 60 }, basic, ...options });
}

async function run(name: string, mode: string): Promise<SyncRun> {
  await bench.apply({
    apiVersion,
    kind: 'SyncRun',
    metadata: { name },
    spec: { systemRef: { name: 'cmdb' }, mode },
  });
  return bench.waitForRun(({ metadata }) => metadata.name === name);
}

const readyOf = async () => (await bench.system()).status?.conditions?.find(({ type }) => type === 'Ready');
const records = () =>
  bench.rows('SELECT external_id, name, content_hash, deleted_at FROM assets ORDER BY external_id');

test('a plan counts what would change, writes no record and leaves Ready alone, also while suspended', async () => {
  await upstream();
  await bench.start();
  await bench.applySystem(instance.url);
  await bench.waitForRun(({ spec }) => spec.trigger === 'Schedule');
  await bench.applySystem(instance.url, { suspend: true });
  await bench.waitForReady('Suspended');
  const [before, ready] = [records(), await readyOf()];
  const [gone, renamed] = [ServiceNow.id('0c', 1), ServiceNow.id('0c', 2)];
  instance.removeUnaudited('cmdb_ci_linux_server', gone);
  // Before the run settles: what changes meanwhile is read twice.
  const earlier = new Date(Date.now() - 600_000);
  instance.update('cmdb_ci_linux_server', renamed, { name: 'renamed' }, earlier);
  const { status } = await run('cmdb-plan', 'Plan');
  expect(status).toMatchObject({
    phase: 'Succeeded',
    mode: 'Plan',
    totals: { fetched: 59, created: 0, updated: 1, unchanged: 58, deleted: 1, failed: 0 },
    streams: [{ name: 'cis', complete: true, mode: 'Full', updated: 1, deleted: 1 }],
  });
  expect(records()).toEqual(before);
  expect(await readyOf()).toEqual(ready);
  const shown = await call(planCommand.run, ['show', 'cmdb-plan', '--store', `sqlite:${bench.database}`]);
  expect(shown.out).toContain('cis: 0 to create, 1 to update, 1 to delete, 0 withheld, 0 to set aside');
  expect(shown.out).toContain(gone);
  expect(shown.out).toContain('renamed');
});

test('a test of a suspended system warns of a clock and a time zone that differ, and succeeds', async () => {
  await upstream({ clockSkewMs: -120_000, zoneMinutes: 60 });
  await bench.start();
  await bench.applySystem(instance.url, { suspend: true });
  const { status } = await run('cmdb-test', 'Test');
  expect(status).toMatchObject({ phase: 'Succeeded', mode: 'Test', totals: { fetched: 0, created: 0 } });
  expect(status?.checks).toMatchObject([
    { name: 'connection', result: 'Passed' },
    { name: 'timeZone', result: 'Warning', message: expect.stringContaining('UTC+01:00') },
    {
      name: 'clock',
      result: 'Warning',
      message: expect.stringMatching(/^vendor clock 1[12]\d s behind ours/u),
    },
    { name: 'cis', result: 'Passed' },
  ]);
  expect(bench.rows('SELECT count(*) AS n FROM assets')).toEqual([{ n: 0 }]);
});
