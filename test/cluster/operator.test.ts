// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { statSync } from 'node:fs';
import { apiVersion, annotations } from '../../src/api/group.ts';
import { plantServers, type Planted } from '../connectors/servicenow-cmdb/plant.ts';
import { send } from '../connectors/servicenow-cmdb/instance.ts';
import { OperatorBench, password } from '../kit/operator-bench.ts';
import { waitFor } from '../kit/wait.ts';
import { holdPages } from './hold-pages.ts';

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

const scheduled = (run: { spec: { trigger?: string } }) => run.spec.trigger === 'Schedule';

describe('a good system', () => {
  test('becomes ready, runs at once, and leaves one frozen record, rows and metrics', async () => {
    await bench.start();
    await bench.applySystem(upstream.url);
    const run = await bench.waitForRun(scheduled);
    expect(run.metadata.name).toMatch(/^cmdb-\d{8}$/u);
    expect(run.metadata.ownerReferences).toMatchObject([{ kind: 'ExternalSystem', name: 'cmdb' }]);
    expect(run.status).toMatchObject({
      phase: 'Succeeded',
      mode: 'Full',
      attempt: 1,
      sequence: 1,
      totals: { fetched: 30, created: 30, failed: 0 },
      streams: [{ name: 'cis', record: 'Asset', complete: true }],
    });
    expect(run.status?.digest).toMatch(/^sha256:[0-9a-f]{64}$/u);
    expect(bench.rows('SELECT count(*) AS n FROM current_assets')).toEqual([{ n: 30 }]);
    expect(bench.rows('SELECT DISTINCT system, correlation_id FROM assets')).toEqual([
      { system: `${bench.namespace}/cmdb`, correlation_id: run.metadata.uid },
    ]);
    const system = await waitFor('the system to show the run', async () => {
      const found = await bench.system();
      return found.status?.lastRun === undefined ? undefined : found;
    });
    expect(system.status).toMatchObject({
      observedGeneration: 1,
      consecutiveFailures: 0,
      lastRun: { name: run.metadata.name, phase: 'Succeeded' },
      chainHead: { sequence: 1, digest: run.status?.digest },
    });
    const states = Object.fromEntries(
      (system.status?.conditions ?? []).map(({ type, status }) => [type, status]),
    );
    expect(states).toEqual({
      Ready: 'True',
      Complete: 'True',
      Reconciling: 'False',
      Stalled: 'False',
      CredentialsValid: 'True',
      Connected: 'True',
      Fresh: 'True',
    });
    const expected = [
      `extsys_runs_total{namespace="${bench.namespace}",system="cmdb",connector="serviceNowCmdb",mode="Full",phase="Succeeded",failure="none"} 1`,
      `extsys_ready{namespace="${bench.namespace}",system="cmdb",connector="serviceNowCmdb"} 1`,
    ];
    // Counted right after the write that this test has just seen.
    await waitFor('the metrics of the run', async () => {
      const { text } = await bench.get('/metrics');
      return expected.every((line) => text.includes(line));
    });
    expect((await bench.get('/healthz')).ok).toBe(true);
  });

  test('can be run now by creating a SyncRun, and asked for by an annotation that is acknowledged once', async () => {
    await bench.start();
    await bench.applySystem(upstream.url);
    await bench.waitForRun(scheduled);
    await bench.apply({
      apiVersion,
      kind: 'SyncRun',
      metadata: { name: 'now' },
      spec: { systemRef: { name: 'cmdb' }, mode: 'Full', correlationId: 'ticket-42' },
    });
    const manual = await bench.waitForRun(({ metadata }) => metadata.name === 'now');
    expect(manual.status).toMatchObject({
      phase: 'Succeeded',
      correlationId: 'ticket-42',
      sequence: 2,
      totals: { unchanged: 30 },
    });
    await bench.kubectl(
      'annotate',
      'externalsystem',
      'cmdb',
      `${annotations.runRequested}=token-1`,
      `${annotations.runMode}=Test`,
    );
    const asked = await bench.waitForRun(({ metadata }) => metadata.name.startsWith('cmdb-r-'));
    expect(asked.status).toMatchObject({ phase: 'Succeeded', mode: 'Test' });
    await waitFor(
      'the acknowledgement',
      async () => (await bench.system()).status?.lastHandledRequest === 'token-1',
    );
  });

  test('when suspended runs nothing but tests', async () => {
    await bench.start();
    await bench.applySystem(upstream.url, { suspend: true });
    for (const mode of ['Full', 'Test']) {
      await bench.apply({
        apiVersion,
        kind: 'SyncRun',
        metadata: { name: mode.toLowerCase() },
        spec: { systemRef: { name: 'cmdb' }, mode },
      });
    }
    expect((await bench.waitForRun(({ metadata }) => metadata.name === 'full')).status?.phase).toBe(
      'Skipped',
    );
    expect((await bench.waitForRun(({ metadata }) => metadata.name === 'test')).status?.phase).toBe(
      'Succeeded',
    );
    expect((await bench.runs()).filter(scheduled)).toEqual([]);
    const { text } = await bench.get('/metrics');
    expect(text).toMatch(/^extsys_runs_total\{.*phase="Skipped",failure="none"\} 1$/mu);
  });

  test('is none the worse for a run that is refused: that is told of the run', async () => {
    await bench.start();
    await bench.applySystem(upstream.url);
    await bench.waitForReady('Connected');
    await bench.apply({
      apiVersion,
      kind: 'SyncRun',
      metadata: { name: 'old' },
      spec: { systemRef: { name: 'cmdb', generation: 99 }, mode: 'Full' },
    });
    await waitFor('the event', async () =>
      /Warning .*InvalidConfiguration .*systemRef\.generation.* Who must act/u.test(
        await bench.kubectl('describe', 'syncrun', 'old'),
      ),
    );
    expect(await bench.kubectl('describe', 'externalsystem', 'cmdb')).not.toContain('SyncRun old');
  });

  test('keeps as many finished runs as its history says; the archive keeps all', async () => {
    await bench.start();
    await bench.applySystem(upstream.url, { history: { successful: 1 } });
    await bench.waitForRun(scheduled);
    for (const name of ['one', 'two', 'three']) {
      await bench.apply({
        apiVersion,
        kind: 'SyncRun',
        metadata: { name },
        spec: { systemRef: { name: 'cmdb' }, mode: 'Incremental' },
      });
      await waitFor(
        `run ${name} in the archive`,
        async () => bench.rows(`SELECT 1 FROM runs WHERE run_name = '${name}' AND ended_at IS NOT NULL`)[0],
      );
    }
    await waitFor('the older runs to be pruned', async () => {
      const names = (await bench.runs())
        .filter((run) => !scheduled(run))
        .map(({ metadata }) => metadata.name);
      return names.join() === 'three';
    });
    expect((await bench.runs()).some(scheduled), 'the newest slot is never pruned').toBe(true);
    expect(bench.rows('SELECT count(*) AS n FROM runs')).toEqual([{ n: 4 }]);
  });
});

describe('a system with a problem', () => {
  test('wrong credentials are tried once, said to the owner of the Secret, and tried again when it changes', async () => {
    await bench.start();
    await bench.applySystem(upstream.url, {}, 'wrong-canary-9182');
    const system = await bench.waitForReady('InvalidCredentials');
    const ready = system.status?.conditions?.find(({ type }) => type === 'Ready');
    expect(ready?.message).toContain('owner of the Secret');
    expect(await bench.kubectl('describe', 'externalsystem', 'cmdb')).toMatch(
      /Warning\s+InvalidCredentials/u,
    );
    const tries = upstream.instance.asked.length;
    await bench.applySecret(password);
    const run = await bench.waitForRun(({ metadata }) => metadata.name.startsWith('cmdb-c-'));
    expect(run.status?.phase).toBe('Succeeded');
    expect(tries, 'one spaced retry, no more').toBeLessThanOrEqual(2);
    await bench.waitForReady('Connected');
    const everything = [
      await bench.log(),
      await bench.kubectl('get', 'externalsystems,syncruns,events', '-o', 'yaml'),
      JSON.stringify(bench.rows('SELECT * FROM runs')),
      (await bench.get('/metrics')).text,
    ].join('\n');
    for (const secret of [
      password,
      'wrong-canary-9182',
      Buffer.from(`reader:${password}`).toString('base64'),
    ]) {
      expect(everything).not.toContain(secret);
    }
  });

  test.each<[string, (url: string) => Promise<void>, string, RegExp]>([
    [
      'a missing Secret',
      async (url) => {
        await bench.applySystem(url, { auth: { type: 'Basic', secretRef: { name: 'nowhere' } } });
      },
      'InvalidCredentials',
      /there is no Secret .*\/nowhere; create it/u,
    ],
    [
      'an unknown class',
      async (url) => {
        await bench.applySystem(url, {
          connector: { serviceNowCmdb: { url, classes: ['cmdb_ci_spaceship'] } },
        });
      },
      'InvalidConfiguration',
      /cmdb_ci_spaceship/u,
    ],
    [
      'a host that is down',
      async () => {
        await bench.applySystem('http://127.0.0.1:9', { limits: { maxRetries: 0 } });
      },
      'UpstreamUnavailable',
      /refuses connections/u,
    ],
    [
      'an unknown time zone',
      async (url) => {
        await bench.applySystem(url, { schedule: { cron: ['0 * * * *'], timeZone: 'Mars/Olympus' } });
      },
      'InvalidSpec',
      /spec\.schedule\.timeZone: Mars\/Olympus/u,
    ],
    [
      'a mapping to a value that the field does not take',
      async (url) => {
        const status = { from: 'install_status', values: { 117: 'gone' } };
        await bench.applySystem(url, { mapping: { cis: { status } } });
      },
      'InvalidSpec',
      /spec\.mapping\.cis\.status\.values\.117: "gone" is none of planned/u,
    ],
  ])('%s gets its reason and a message with the remedy', async (_, apply, reason, message) => {
    await bench.start();
    await apply(upstream.url);
    const system = await bench.waitForReady(reason);
    const ready = system.status?.conditions?.find(({ type }) => type === 'Ready');
    expect(ready?.message).toMatch(message);
    const stalled = system.status?.conditions?.find(({ type }) => type === 'Stalled');
    expect(stalled?.status).toBe(reason === 'InvalidSpec' ? 'True' : 'False');
  });

  test('a loopback upstream is refused without the flag', async () => {
    await bench.start('--no-allow-insecure-upstreams');
    await bench.applySystem(upstream.url);
    const system = await bench.waitForReady('InvalidConfiguration');
    expect(JSON.stringify(system.status?.conditions)).toContain('--allow-insecure-upstreams');
    expect(upstream.instance.asked).toEqual([]);
  });
});

describe('a run that is interrupted', () => {
  test('by SIGTERM stays Running and is taken over after the restart, from its checkpoint', async () => {
    const pages = holdPages(upstream.instance);
    await bench.start();
    await bench.applySystem(upstream.url, { limits: { pageSize: 10, requestsPerSecond: 1000 } });
    await waitFor('the second page to be asked for', async () => pages.reached());
    expect(await bench.stop('SIGTERM')).toBe(0);
    const [left] = await bench.runs();
    expect(left?.status?.phase).toBe('Running');
    pages.letGo();
    await bench.start();
    const run = await bench.waitForRun(scheduled);
    expect(run.status).toMatchObject({
      phase: 'Succeeded',
      attempt: 2,
      totals: { fetched: 30, created: 30 },
    });
  });

  test('by SIGKILL is taken over when the lease of its worker has lapsed', async () => {
    const pages = holdPages(upstream.instance);
    await bench.start();
    await bench.applySystem(upstream.url, { limits: { pageSize: 10, requestsPerSecond: 1000 } });
    await waitFor('the second page to be asked for', async () => pages.reached());
    await bench.stop('SIGKILL');
    pages.letGo();
    await bench.start();
    const run = await bench.waitForRun(scheduled);
    expect(run.status).toMatchObject({
      phase: 'Succeeded',
      attempt: 2,
      totals: { fetched: 30, created: 30 },
    });
  });

  test('by the cancel annotation ends as Cancelled; by the deletion of its system it is archived so', async () => {
    const pages = holdPages(upstream.instance);
    await bench.start();
    await bench.applySystem(upstream.url, { limits: { pageSize: 10, requestsPerSecond: 1000 } });
    await waitFor('the second page to be asked for', async () => pages.reached());
    const [running] = await bench.runs();
    await bench.kubectl('annotate', 'syncrun', running?.metadata.name ?? '', `${annotations.cancel}=true`);
    const run = await bench.waitForRun(scheduled);
    expect(run.status).toMatchObject({ phase: 'Cancelled', failure: { code: 'cancelled' } });

    await bench.apply({
      apiVersion,
      kind: 'SyncRun',
      metadata: { name: 'second' },
      spec: { systemRef: { name: 'cmdb' }, mode: 'Full' },
    });
    await waitFor('the second run to be worked on', async () =>
      (await bench.runs()).some(
        ({ metadata, status }) => metadata.name === 'second' && status?.phase === 'Running',
      ),
    );
    await bench.kubectl('delete', 'externalsystem', 'cmdb');
    await waitFor(
      'the record of the second run',
      async () => bench.rows("SELECT 1 FROM runs WHERE run_name = 'second' AND phase = 'Cancelled'")[0],
    );
    expect(bench.rows('SELECT count(*) AS n FROM assets WHERE deleted_at IS NOT NULL')).toEqual([{ n: 0 }]);
  });
});

test('an HTML page instead of data is an outage, not an empty inventory', async () => {
  await bench.start();
  await bench.applySystem(upstream.url);
  await bench.waitForRun(scheduled);
  upstream.instance.before = () => send('<html>log in</html>', 'text/html');
  await bench.apply({
    apiVersion,
    kind: 'SyncRun',
    metadata: { name: 'html' },
    spec: { systemRef: { name: 'cmdb' }, mode: 'Full' },
  });
  await bench.kubectl(
    'patch',
    'externalsystem',
    'cmdb',
    '--type=merge',
    '-p',
    '{"spec":{"limits":{"maxRetries":0}}}',
  );
  const run = await bench.waitForRun(({ status }) => status?.failure?.code === 'unavailable');
  expect(run.status?.phase).toBe('Failed');
  expect(bench.rows('SELECT count(*) AS n FROM current_assets')).toEqual([{ n: 30 }]);
  expect(statSync(bench.database).size).toBeGreaterThan(0);
});
