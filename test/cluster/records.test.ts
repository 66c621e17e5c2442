// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { annotations } from '../../src/api/group.ts';
import { plantServers, type Planted } from '../connectors/servicenow-cmdb/plant.ts';
import { run } from '../kit/manifests.ts';
import { OperatorBench, password } from '../kit/operator-bench.ts';
import { stays, waitFor } from '../kit/wait.ts';
import { holdPages } from './hold-pages.ts';

/* Every run leaves one record, and no run is judged or stopped by another. */

let bench: OperatorBench;
let upstream: Planted;

beforeEach(async () => {
  bench = await OperatorBench.create();
  upstream = await plantServers(30, { username: 'reader', password });
});

afterEach(async () => {
  await bench.close();
  await upstream[Symbol.asyncDispose]();
});

const small = { limits: { pageSize: 10, requestsPerSecond: 1000 } };
const scheduled = ({ spec }: { spec: { trigger?: string } }) => spec.trigger === 'Schedule';

async function named(name: string) {
  return (await bench.runs()).find(({ metadata }) => metadata.name === name);
}

function recordOf(name: string) {
  return bench.rows(
    `SELECT phase, attempt, json FROM runs WHERE run_name = '${name}' AND ended_at IS NOT NULL`,
  )[0];
}

describe('a run that is deleted', () => {
  test(
    'while it waits, and one that is deleted while nobody works on it, leave a record',
    { timeout: 150_000 },
    async () => {
      const pages = holdPages(upstream.instance);
      await bench.start();
      await bench.applySystem(upstream.url, small);
      await waitFor('the second page to be asked for', async () => pages.reached());
      await bench.apply(run('waiting', { mode: 'Full' }));
      await bench.kubectl('delete', 'syncrun', 'waiting');
      const record = await waitFor('the record of the run that waited', async () => recordOf('waiting'));
      expect(record).toMatchObject({ phase: 'Cancelled', attempt: 0 });

      const under = (await bench.runs()).find(scheduled)?.metadata.name ?? '';
      await bench.stop('SIGKILL');
      await bench.kubectl('delete', 'syncrun', under);
      pages.letGo();
      await bench.start();
      const lost = await waitFor('the record of the run in hand', async () => recordOf(under), {
        timeoutMs: 90_000,
      });
      expect(lost).toMatchObject({ phase: 'Cancelled', attempt: 1 });
      expect(JSON.parse(String(lost['json']))).toMatchObject({
        status: { totals: { fetched: 10 }, failure: { message: 'the SyncRun was deleted' } },
      });
      // The system goes on.
      await bench.apply(run('next'));
      expect((await bench.waitForRun(({ metadata }) => metadata.name === 'next')).status?.phase).toBe(
        'Succeeded',
      );
    },
  );
});

test('two replicas work on one run of a system at a time', async () => {
  const pages = holdPages(upstream.instance);
  await bench.start();
  await bench.applySystem(upstream.url, small);
  await waitFor('the second page to be asked for', async () => pages.reached());
  await bench.startSecond();
  await bench.apply(run('mine', { mode: 'Test' }));
  const waits = async () => (await named('mine'))?.status === undefined;
  await stays('the second run waits', waits, { forMs: 5_000 });
  const first = (await bench.runs()).find(scheduled);
  expect(first?.status).toMatchObject({ phase: 'Running', attempt: 1 });
  pages.letGo();
  // What was held stays held; the run goes on by itself only when that has timed out.
  await bench.kubectl('annotate', 'syncrun', first?.metadata.name ?? '', `${annotations.cancel}=true`);
  expect((await bench.waitForRun(({ metadata }) => metadata.name === 'mine')).status?.phase).toBe(
    'Succeeded',
  );
  expect((await bench.waitForRun(scheduled)).status?.failure?.message).toContain('cancelled by annotation');
});

test('a system that is made again under its name runs at once and is judged by that run alone', async () => {
  await bench.start();
  await bench.applySystem(upstream.url);
  const before = await bench.waitForRun(scheduled);
  await bench.waitForReady('Connected');
  await bench.kubectl('delete', 'externalsystem', 'cmdb');
  await bench.applySystem('http://127.0.0.1:9', { limits: { maxRetries: 0 } });
  const system = await bench.waitForReady('UpstreamUnavailable');
  expect(system.status).toMatchObject({ consecutiveFailures: 1, lastRun: { phase: 'Failed' } });
  expect(system.status?.chainHead?.sequence, 'the chain goes on').toBe(2);
  const runs = await bench.runs();
  expect(runs.map(({ metadata }) => metadata.uid)).not.toContain(before.metadata.uid);
});

test('a request that is not understood is said, and not acknowledged until it is mended', async () => {
  await bench.start();
  await bench.applySystem(upstream.url);
  await bench.waitForRun(scheduled);
  await bench.kubectl(
    'annotate',
    'externalsystem',
    'cmdb',
    `${annotations.runRequested}=one`,
    `${annotations.runMode}=full`,
  );
  await waitFor('the message', async () =>
    /run-mode: full is not known; use Incremental, Full/u.test(JSON.stringify((await bench.system()).status)),
  );
  await waitFor('the event', async () =>
    (await bench.kubectl('describe', 'externalsystem', 'cmdb')).includes('RequestRefused'),
  );
  expect((await bench.system()).status?.lastHandledRequest).toBeUndefined();
  await bench.kubectl('annotate', 'externalsystem', 'cmdb', '--overwrite', `${annotations.runMode}=Full`);
  const asked = await bench.waitForRun(({ metadata }) => metadata.name.startsWith('cmdb-r-'));
  expect(asked).toMatchObject({ spec: { mode: 'Full' }, status: { phase: 'Succeeded' } });
  await waitFor(
    'the acknowledgement',
    async () => (await bench.system()).status?.lastHandledRequest === 'one',
  );
});
