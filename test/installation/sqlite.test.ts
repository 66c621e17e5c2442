// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { SyncRun } from '../../src/api/resource.ts';
import { holdPages } from '../cluster/hold-pages.ts';
import { plantServers, type Planted } from '../connectors/servicenow-cmdb/plant.ts';
import { hostAddress } from '../kit/node/node.ts';
import { waitFor } from '../kit/wait.ts';
import {
  apply,
  declareSystem,
  ended,
  forward,
  helm,
  inventory,
  kubectl,
  makeRun,
  names,
  namespaceOf,
  pods,
  release,
  runNow,
  runs,
  system,
  whatIsThere,
} from './cluster.ts';

// One story, in order: each test goes on from where the one before it ended.

const password = 'canary-of-the-installation-6640';

let upstream: Planted;
let proxy: Awaited<ReturnType<typeof forward>>;
/** The newest record, which the next one must name. */
let head: SyncRun;

beforeAll(async () => {
  upstream = await plantServers(30, { username: 'reader', password });
  proxy = await forward(hostAddress, upstream.url);
  await apply(namespaceOf(release, true), namespaceOf(inventory));
});

afterAll(async () => {
  proxy.stop();
  await upstream[Symbol.asyncDispose]();
});

// The node is gone when somebody reads of the failure.
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') console.error(await whatIsThere());
});

function expectNext(run: SyncRun): void {
  expect(run.status).toMatchObject({
    phase: 'Succeeded',
    sequence: (head.status?.sequence ?? 0) + 1,
    previousDigest: head.status?.digest,
  });
  head = run;
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const startedMs = performance.now();
  const result = await work();
  console.log(`installation: ${what} took ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  return result;
}

async function onlyPod() {
  const [pod, ...others] = await pods();
  expect(others).toEqual([]);
  if (pod === undefined) throw new Error('there is no pod of the operator');
  return pod;
}

test('helm install --wait brings up one ready pod in a namespace of the level restricted', async () => {
  await timed('helm install --wait', () => helm('install'));
  expect((await onlyPod()).status).toMatchObject({
    phase: 'Running',
    containerStatuses: [{ ready: true, restartCount: 0 }],
  });
  expect(await names('pvc')).toEqual([`persistentvolumeclaim/${release}`]);
});

test('a declared system becomes ready and is read', async () => {
  await apply(...declareSystem(inventory, proxy.url, password));
  head = await ended(({ spec }) => spec.trigger === 'Schedule');
  expect(head.status).toMatchObject({ phase: 'Succeeded', sequence: 1, totals: { created: 30 } });
  await kubectl('wait', '--for=condition=Ready', 'externalsystem/cmdb', `--namespace=${inventory}`);
});

test('the Service gives the metrics', async () => {
  const path = `/api/v1/namespaces/${release}/services/${release}-metrics:metrics/proxy/metrics`;
  const text = await kubectl('get', '--raw', path);
  expect(text).toMatch(/^extsys_runs_total\{.*phase="Succeeded".*\} 1$/mu);
});

test('the Lease of a replica goes with its Pod, also when that is killed', async () => {
  const pod = await onlyPod();
  const owned = await kubectl(
    'get',
    'leases',
    `--namespace=${release}`,
    `--output=jsonpath={.items[?(@.metadata.ownerReferences[0].uid=="${pod.metadata.uid}")].metadata.name}`,
  );
  expect(owned).toMatch(/^extsys-/u);
  await kubectl('delete', 'pod', pod.metadata.name, `--namespace=${release}`, '--grace-period=0', '--force');
  await kubectl('rollout', 'status', `deployment/${release}`, `--namespace=${release}`, '--timeout=120s');
  await waitFor(
    'the Lease to be gone',
    async () => !(await names('leases')).some((name) => name.endsWith(owned)),
  );
  expectNext(await runNow('after-a-kill'));
});

test('helm upgrade with a run in hand: the new pod takes it over and brings it to its end', async () => {
  const pages = holdPages(upstream.instance);
  await makeRun('through-the-upgrade', 'Full');
  await waitFor('the second page to be asked for', () => pages.reached());
  const before = await onlyPod();
  const upgrade = timed('helm upgrade --wait, with a run in hand', () =>
    helm('upgrade', '--set=image.tag=next', '--set=operator.concurrentRuns=2'),
  );
  await waitFor('the old pod to be told to end', async () =>
    (await pods()).every(({ metadata }) => metadata.uid !== before.metadata.uid),
  );
  // What the old pod asked for stays without an answer.
  pages.letGo();
  await upgrade;
  const after = await onlyPod();
  expect(after.metadata.uid).not.toBe(before.metadata.uid);
  expect(after.spec.containers[0]?.image).toMatch(/:next$/u);
  const run = await ended(({ metadata }) => metadata.name === 'through-the-upgrade');
  expect(run.status).toMatchObject({ attempt: 2, totals: { fetched: 30, unchanged: 30 } });
  expectNext(run);
});

test('an upgrade to an image that is not there is rolled back by Helm, and the operator works on', async () => {
  await expect(
    helm('upgrade', '--set=image.tag=missing', '--rollback-on-failure', '--timeout=20s'),
  ).rejects.toThrow(/missing|rolled back|context deadline|not ready/u);
  await kubectl('rollout', 'status', `deployment/${release}`, `--namespace=${release}`, '--timeout=120s');
  expect((await onlyPod()).spec.containers[0]?.image).toMatch(/:next$/u);
  expectNext(await runNow('after-a-failed-upgrade'));
});

test('helm rollback goes back to the first revision', async () => {
  await timed('helm rollback --wait', () => helm('rollback', '1', '--wait', '--timeout=120s'));
  expect((await onlyPod()).spec.containers[0]?.image).not.toMatch(/:next$/u);
  expectNext(await runNow('after-the-rollback'));
});

test('helm uninstall leaves the systems, their runs and the database, and nothing that runs', async () => {
  const before = { system: await system(), runs: (await runs()).map(({ metadata }) => metadata.uid) };
  await timed('helm uninstall --wait', () => helm('uninstall', '--wait'));
  expect(await names('deployments,services,serviceaccounts,roles,rolebindings')).toEqual([
    'serviceaccount/default',
  ]);
  expect(await names('clusterroles,clusterrolebindings')).not.toContain(
    `clusterrole.rbac.authorization.k8s.io/${release}`,
  );
  await waitFor('the pods to be gone', async () => (await names('pods')).length === 0);
  expect(await names('pvc')).toEqual([`persistentvolumeclaim/${release}`]);
  expect((await system()).metadata.uid).toBe(before.system.metadata.uid);
  expect((await runs()).map(({ metadata }) => metadata.uid)).toEqual(before.runs);
});

test('installed again, it goes on where it was: same system, same history, and a record that names the last one', async () => {
  const { uid } = (await system()).metadata;
  await timed('helm install --wait, again', () => helm('install'));
  expectNext(await runNow('installed-again', 'Full'));
  expect(head.status).toMatchObject({ totals: { created: 0, unchanged: 30 } });
  // Once the new pod leads: the Lease of the old one may have to lapse first.
  const after = await waitFor('the system to name the newest record', async () => {
    const found = await system();
    return found.status?.chainHead?.digest === head.status?.digest ? found : undefined;
  });
  expect(after.metadata.uid).toBe(uid);
});

test('no secret is in a log of the operator; it can be uninstalled again', async () => {
  const log = await kubectl('logs', `deployment/${release}`, `--namespace=${release}`);
  expect(log).toContain('"msg":"run ended"');
  expect(log).not.toContain(password);
  await helm('uninstall', '--wait');
});
