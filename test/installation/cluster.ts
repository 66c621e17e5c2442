// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ExternalSystem, SyncRun } from '../../src/api/resource.ts';
import { isFinal } from '../../src/api/sync-run.ts';
import { system as manifest } from '../kit/manifests.ts';
import { waitFor } from '../kit/wait.ts';

const execute = promisify(execFile);

export const release = 'external-system-operator';
export const inventory = 'inventory';
const chart = fileURLToPath(new URL('../../charts/external-system-operator', import.meta.url));

function setting(name: 'HELM' | 'KUBECTL' | 'IMAGE'): string {
  const value = process.env[`INSTALLATION_${name}`];
  if (value === undefined)
    throw new Error('run this by npm run test:cluster: it needs a node that runs pods');
  return value;
}

async function call(program: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await execute(program, args, { maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    throw new Error(`${args.slice(0, 3).join(' ')}: ${stderr.trim() || String(error)}`, { cause: error });
  }
}

export function kubectl(...args: readonly string[]): Promise<string> {
  return call(setting('KUBECTL'), args);
}

export async function apply(...objects: readonly object[]): Promise<void> {
  const child = execFile(setting('KUBECTL'), ['apply', '--filename=-']);
  child.stdin?.end(objects.map((object) => JSON.stringify(object)).join('\n'));
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error('kubectl apply failed');
}

/** Helm on our release: `helm('upgrade', '--set=…')`. Install and upgrade take the chart, and wait. */
export function helm(verb: string, ...flags: readonly string[]): Promise<string> {
  const withChart = verb === 'install' || verb === 'upgrade';
  const settings = withChart
    ? [
        ...[chart, '--wait', '--timeout=120s', `--set=image.repository=${setting('IMAGE')}`],
        // The system of this test stands on this machine, without TLS.
        '--set=operator.extraArgs={--allow-insecure-upstreams}',
      ]
    : [];
  const names = verb === 'rollback' ? [release, ...flags] : [release, ...settings, ...flags];
  return call(setting('HELM'), [verb, ...names, `--namespace=${release}`]);
}

/** A Namespace; one that is `restricted` admits only pods of that Pod Security level. */
export function namespaceOf(name: string, restricted = false): object {
  const labels = restricted ? { 'pod-security.kubernetes.io/enforce': 'restricted' } : {};
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

/** The ExternalSystem `cmdb` and its Secret. */
export function declareSystem(namespace: string, url: string, password: string): object[] {
  const metadata = { name: 'login', namespace };
  const connector = { serviceNowCmdb: { url, classes: ['cmdb_ci_server'] } };
  // The runs of these stories are asked for, but the first.
  const schedule = { every: '24h' };
  const limits = { requestsPerSecond: 1000, pageSize: 10 };
  return [
    { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { username: 'reader', password } },
    manifest('cmdb', { connector, limits, schedule }, { namespace }),
  ];
}

/** Names of our objects of these kinds, as `kind/name`. */
export async function names(kinds: string, namespace = release): Promise<string[]> {
  const output = await kubectl('get', kinds, `--namespace=${namespace}`, '--output=name');
  return output.split('\n').filter((line) => line !== '');
}

export async function system(): Promise<ExternalSystem> {
  const output = await kubectl('get', 'externalsystem', 'cmdb', `--namespace=${inventory}`, '--output=json');
  return JSON.parse(output) as ExternalSystem;
}

export function runs(): Promise<SyncRun[]> {
  return runsOf(inventory);
}

export async function runsOf(namespace: string): Promise<SyncRun[]> {
  const output = await kubectl('get', 'syncruns', `--namespace=${namespace}`, '--output=json');
  return (JSON.parse(output) as { items: SyncRun[] }).items;
}

/** Waits until a run that fits has ended. */
export function ended(fits: (run: SyncRun) => boolean): Promise<SyncRun> {
  return waitFor(
    'a run to end',
    async () => {
      const all = await runs();
      const found = all.find((run) => fits(run) && isFinal(run.status?.phase));
      if (found === undefined)
        throw new Error(JSON.stringify(all.map(({ metadata, status }) => [metadata.name, status?.phase])));
      return found;
    },
    { timeoutMs: 120_000, intervalMs: 250 },
  );
}

/** Makes a run and waits for its end. */
export async function runNow(name: string, mode = 'Incremental'): Promise<SyncRun> {
  await makeRun(name, mode);
  return ended(({ metadata }) => metadata.name === name);
}

export function makeRun(name: string, mode: string): Promise<void> {
  return apply({
    apiVersion: 'integrations.buildworks.ai/v1alpha1',
    kind: 'SyncRun',
    metadata: { name, namespace: inventory },
    spec: { systemRef: { name: 'cmdb' }, mode },
  });
}

export interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
  readonly status: {
    readonly phase: string;
    readonly containerStatuses?: readonly { readonly ready: boolean; readonly restartCount: number }[];
  };
}

/** The operator's pods that are not on their way out. */
export async function pods(): Promise<Pod[]> {
  const selector = `--selector=app.kubernetes.io/instance=${release}`;
  const output = await kubectl('get', 'pods', `--namespace=${release}`, selector, '--output=json');
  const { items } = JSON.parse(output) as { items: (Pod & { metadata: { deletionTimestamp?: string } })[] };
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/** What a person would look at first; never fails. */
export async function whatIsThere(): Promise<string> {
  const looks = [
    ['get', 'pods,pvc,events', '--all-namespaces'],
    ['describe', 'pods', `--namespace=${release}`],
    ['logs', `deployment/${release}`, `--namespace=${release}`, '--tail=50'],
  ];
  const seen = looks.map(async (args) => {
    const output = await kubectl(...args).catch(String);
    return `$ kubectl ${args.join(' ')}\n${output}`;
  });
  return (await Promise.all(seen)).join('\n');
}

/** Lets pods reach a server that listens on loopback only. */
export async function forward(address: string, url: string) {
  const target = new URL(url);
  const server = createServer((inner) => {
    const outer = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    }
  });
  server.listen(0, address);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return { url: `http://${address}:${port}`, stop: () => server.close() };
}
