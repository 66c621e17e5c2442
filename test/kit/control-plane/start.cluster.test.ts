// SPDX-License-Identifier: Apache-2.0
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { AuthenticationV1Api, CoreV1Api, type KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeScript } from './fake-programs.ts';
import { freshNamespace, sharedCluster } from './shared.ts';
import { startControlPlane, type ControlPlane } from './start.ts';
import { waitFor } from '../wait.ts';

async function whoAmI(config: KubeConfig): Promise<{ username?: string; groups?: string[] }> {
  const api = config.makeApiClient(AuthenticationV1Api);
  const review = await api.createSelfSubjectReview({ body: {} });
  return review.status?.userInfo ?? {};
}

describe('an own control plane', () => {
  let own: ControlPlane;
  beforeAll(async () => {
    own = await startControlPlane(sharedCluster().binaries, { audit: true });
  });
  afterAll(() => own?.stop());

  test('checks the server by the certificate authority in its kubeconfig', async () => {
    const cluster = own.kubeConfig().getCurrentCluster();
    expect(cluster).toMatchObject({ server: own.server, skipTLSVerify: false, caData: expect.any(String) });
    await expect(whoAmI(own.kubeConfig())).resolves.toMatchObject({
      groups: expect.arrayContaining(['system:masters']),
    });
  });

  test('makes any user in any groups', async () => {
    const { kubeConfig } = own.kubeConfigFor('alice', ['auditors']);
    await expect(whoAmI(kubeConfig)).resolves.toMatchObject({
      username: 'alice',
      groups: ['auditors', 'system:authenticated'],
    });
    await expect(kubeConfig.makeApiClient(CoreV1Api).listNamespace()).rejects.toMatchObject({ code: 403 });
  });

  test('refuses a token that it did not sign', async () => {
    const { kubeConfig, token } = own.kubeConfigFor('alice');
    const forged = Buffer.from(JSON.stringify({ user: 'admin', groups: ['system:masters'] })).toString(
      'base64url',
    );
    Object.assign(kubeConfig.getCurrentUser() ?? {}, { token: `${forged}.${token.split('.')[1]}` });
    await expect(whoAmI(kubeConfig)).rejects.toMatchObject({ code: 401 });
  });

  test('gives the own token of a service account', async () => {
    await own.kubectl(['create', 'serviceaccount', 'robot']);
    const { kubeConfig } = await own.kubeConfigForServiceAccount('default', 'robot');
    await expect(whoAmI(kubeConfig)).resolves.toMatchObject({
      username: 'system:serviceaccount:default:robot',
    });
  });

  test('keeps its objects, address and certificate over a restart of the API server', async () => {
    const namespace = await freshNamespace(own);
    const api = own.kubeConfig().makeApiClient(CoreV1Api);
    await own.stopApiServer();
    await expect(api.readNamespace({ name: namespace })).rejects.toThrow('fetch failed');
    await own.startApiServer();
    await expect(api.readNamespace({ name: namespace })).resolves.toMatchObject({
      metadata: { name: namespace },
    });
  });

  test('logs requests for audit', async () => {
    await own.kubectl(['get', 'configmaps', '--namespace', 'kube-public']);
    const logged = async () =>
      (await readFile(own.auditLogPath ?? '', 'utf8')).includes('/namespaces/kube-public/configmaps');
    await waitFor('the request in the audit log', logged, { timeoutMs: 10_000 });
  });

  test('tells what kubectl wrote to standard error', async () => {
    await expect(own.kubectl(['get', 'nothing'])).rejects.toThrow(
      /kubectl get nothing: error: .*resource type "nothing"/,
    );
  });
});

test('stop ends the processes and removes the files, also when called twice', async () => {
  const own = await startControlPlane(sharedCluster().binaries);
  const directory = dirname(own.kubeconfigPath);
  await own.stop();
  await own.stop();
  expect(existsSync(directory)).toBe(false);
  await expect(fetch(own.server)).rejects.toThrow('fetch failed');
});

test('the controller manager, where it is at hand, deletes namespaces and collects garbage', async ({
  skip,
}) => {
  const { binaries } = sharedCluster();
  skip(binaries.controllerManager === undefined, 'kube-controller-manager is not among the programs');
  await using own = await startControlPlane(binaries, { controllerManager: true });
  const api = own.kubeConfig().makeApiClient(CoreV1Api);
  const namespace = await freshNamespace(own);
  const owner = await api.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'owner' } } });
  const ownerReferences = [
    { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata?.uid ?? '' },
  ];
  await api.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'owned', ownerReferences } } });
  await api.deleteNamespacedConfigMap({ namespace, name: 'owner' });
  const names = async () =>
    (await api.listNamespacedConfigMap({ namespace })).items.map((item) => item.metadata?.name);
  await waitFor('the owned object to be collected', async () => !(await names()).includes('owned'));
  await api.deleteNamespace({ name: namespace });
  const gone = () =>
    api.readNamespace({ name: namespace }).then(
      () => false,
      (error: { code?: number }) => error.code === 404,
    );
  await waitFor('the namespace to be gone', gone);
});

test('a program that ends at once is told with the end of its log', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bad-apiserver-'));
  const apiserver = join(folder, 'kube-apiserver');
  await writeScript(apiserver, 'echo "invalid argument: no such flag" >&2; exit 3');
  const starting = startControlPlane({ ...sharedCluster().binaries, apiserver });
  await expect(starting).rejects.toThrow(
    /kube-apiserver ended \(exit code 3\)[\s\S]*invalid argument: no such flag/,
  );
  await rm(folder, { recursive: true });
});

const starter = fileURLToPath(new URL('start-and-wait.fixture.ts', import.meta.url));

// macOS has no signal for the death of the parent; there only an exit that runs JavaScript cleans up.
const signals = process.platform === 'linux' ? (['SIGINT', 'SIGKILL'] as const) : (['SIGINT'] as const);
test.each(signals)('the processes end when the one who started them gets %s', async (signal) => {
  const child = spawn(process.execPath, [starter], {
    env: { ...process.env, BINARIES: JSON.stringify(sharedCluster().binaries) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(child.stdout, 'data');
  const { server, pids, directory } = JSON.parse(String(line));
  child.kill(signal);
  await once(child, 'exit');
  await waitFor('the API server to be gone', () => fetch(server).then(() => false, isRefused));
  for (const pid of pids) await waitFor(`process ${pid} to be gone`, async () => !(await isRunning(pid)));
  if (signal === 'SIGINT') expect(existsSync(directory)).toBe(false);
  await rm(directory, { recursive: true, force: true });
});

test.runIf(process.getuid?.() === 0)('starts without root', async ({ skip }) => {
  const asNobody = { uid: 65_534, gid: 65_534 };
  const readable = spawnSync(
    process.execPath,
    ['--eval', `require('fs').accessSync(${JSON.stringify(starter)})`],
    asNobody,
  );
  skip(readable.status !== 0, 'this checkout lies in a folder that only root can enter');
  const folder = await mkdtemp(join(tmpdir(), 'not-root-'));
  await chmod(folder, 0o755);
  const { binaries } = sharedCluster();
  await mkdir(join(folder, 'tmp'));
  await chmod(join(folder, 'tmp'), 0o777);
  // The cache may lie in root's home, which others cannot enter.
  const copies = {
    etcd: join(folder, 'etcd'),
    apiserver: join(folder, 'kube-apiserver'),
    kubectl: join(folder, 'kubectl'),
  };
  const { etcd, apiserver, kubectl } = binaries;
  await promisify(execFile)('cp', [etcd, apiserver, kubectl, folder]);
  const child = spawn(process.execPath, [starter], {
    ...asNobody,
    env: {
      PATH: process.env['PATH'],
      TMPDIR: join(folder, 'tmp'),
      BINARIES: JSON.stringify({ ...binaries, ...copies }),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(child.stdout, 'data');
  expect(JSON.parse(String(line))).toMatchObject({ uid: 65_534 });
  child.kill('SIGINT');
  await once(child, 'exit');
  await rm(folder, { recursive: true });
});

function isRefused(error: unknown): boolean {
  return (
    error instanceof Error && error.cause instanceof Error && error.cause.message.includes('ECONNREFUSED')
  );
}

/** A zombie answers signals, but is gone: its state stands behind the name in parentheses. */
async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) Z /.test(stat);
}
