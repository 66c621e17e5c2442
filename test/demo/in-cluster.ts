// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { externalSystemKind } from '../../src/api/group.ts';
import type { SyncRun } from '../../src/api/resource.ts';
import { isFinal } from '../../src/api/sync-run.ts';
import { progressPrinter } from '../../src/cli/sync.ts';
import { renderRun } from '../../src/cli/output.ts';
import type { Progress } from '../../src/sync/engine.ts';
import { leaderLease } from '../../src/operator/leader.ts';
import type { Lease } from '../../src/operator/lease.ts';
import { waitFor } from '../kit/wait.ts';
import { startOperatorProcess } from './operator-process.ts';
import { inNamespace, namesIn } from './sample.ts';
import type { Stage } from './stage.ts';

const run = promisify(execFile);
const crds = fileURLToPath(new URL('../../crds', import.meta.url));

export interface DemoCluster {
  readonly kubectl: string;
  readonly kubeconfig: string | undefined;
  /** Of a cluster of the user's, where nothing may be touched that is not the demo's own. */
  readonly context: string | undefined;
}

/** What keeps the demo from beginning; told in one sentence. */
export class DemoRefused extends Error {
  override readonly name = 'DemoRefused';
}

/** Installs, applies, watches one run, and goes on until Ctrl-C unless one run was asked for. Answers the exit status. */
export async function demoInCluster(stage: Stage, cluster: DemoCluster): Promise<number> {
  const { say, options } = stage;
  const place = [
    ...(cluster.kubeconfig === undefined ? [] : ['--kubeconfig', cluster.kubeconfig]),
    ...(cluster.context === undefined ? [] : ['--context', cluster.context]),
  ];
  const kubectl = kubectlOf(cluster.kubectl, place, stage.signal);
  const namespace = cluster.context === undefined ? 'inventory' : 'extsys-demo';
  if (cluster.context !== undefined) await checkForeignCluster(kubectl, namespace);
  say('installing the CRDs');
  await kubectl('apply', '--server-side', '--force-conflicts', '-f', crds);
  await kubectl('wait', '--for=condition=Established', '--timeout=60s', '-f', crds);
  await kubectl('create', 'namespace', namespace);

  const database = join(stage.folder, 'inventory.db');
  let metrics = '';
  const showProgress = progressPrinter(say);
  const operator = startOperatorProcess(
    [
      ...place,
      ...['--store', `sqlite:${database}`, '--listen', '127.0.0.1:0'],
      ...['--allow-insecure-upstreams', '--log-level', 'debug'],
      ...['--namespace', namespace, '--lease-namespace', namespace],
    ],
    join(stage.folder, 'operator.log'),
    (line) => {
      if (line.msg === 'listening' && typeof line['url'] === 'string') metrics = line['url'];
      if (line.msg === 'run started') say(`run ${String(line['run'])}`);
      if (line.msg === 'stream progress') showProgress(line as unknown as Progress);
    },
  );
  try {
    const objects = namesIn(stage.manifests);
    const words = objects.map(({ kind, name }) => `${kind} ${name}`).join(', ');
    say(`the operator runs; applying the sample: ${words}`);
    await apply(cluster.kubectl, place, inNamespace(stage.manifests, namespace));
    const finished = await firstRun(kubectl, namespace, stage, operator.ended);
    say('');
    if (options.once) process.stdout.write(renderRun(finished, options.form));
    for (const kind of ['externalsystems', 'syncruns']) {
      const { stdout } = await kubectl('get', kind, '-n', namespace);
      say(`$ kubectl get ${kind} -n ${namespace}\n${stdout}`);
    }
    if (options.once) return finished.status?.phase === 'Succeeded' ? 0 : 1;
    say(`inventory   sqlite3 ${database} "${stage.look}"`);
    say(`metrics     curl ${metrics}/metrics`);
    const named = objects.find(({ kind }) => kind === externalSystemKind)?.name ?? '';
    say(`kubectl     ${cluster.kubectl} ${place.join(' ')} describe externalsystem ${named} -n ${namespace}`);
    say(`log         ${join(stage.folder, 'operator.log')}`);
    say('A run follows every minute. Ctrl-C stops everything and removes it.');
    if (!stage.signal.aborted) await Promise.race([operator.ended, once(stage.signal, 'abort')]);
    return 0;
  } finally {
    await operator.stop();
    if (cluster.context !== undefined) {
      say(
        `removing the namespace ${namespace}; the CRDs stay: kubectl delete -f crds/ removes them with all systems and runs`,
      );
      await kubectlOf(cluster.kubectl, place)('delete', 'namespace', namespace, '--wait=false');
    }
  }
}

async function apply(program: string, place: readonly string[], manifests: string): Promise<void> {
  const child = run(program, [...place, 'apply', '-f', '-']);
  child.child.stdin?.end(manifests);
  await child;
}

/** Refuses a namespace that is somebody's, and a cluster where another operator would take the demo's runs. */
async function checkForeignCluster(kubectl: Kubectl, namespace: string): Promise<void> {
  const found = await kubectl('get', 'namespace', namespace, '--ignore-not-found', '-o', 'name');
  if (found.stdout.trim() !== '')
    throw new DemoRefused(
      `the namespace ${namespace} is there already; delete it first, the demo makes its own`,
    );
  const { stdout } = await kubectl('get', 'leases', '--all-namespaces', '-o', 'json');
  const { items } = JSON.parse(stdout) as { items: Lease[] };
  const leader = items.find(({ metadata, spec }) => {
    const renewedMs = Date.now() - Date.parse(spec.renewTime ?? '');
    return metadata.name === leaderLease && spec.holderIdentity !== '' && renewedMs < 60_000;
  });
  if (leader === undefined) return;
  const where = `${leader.metadata.namespace}/${leader.metadata.name}`;
  throw new DemoRefused(
    `an operator leads in this cluster (Lease ${where}) and would take the demo's runs; stop it, or use another cluster`,
  );
}

type Kubectl = (...args: string[]) => Promise<{ stdout: string }>;

/** A failure is told with kubectl's own last line. */
function kubectlOf(program: string, place: readonly string[], signal?: AbortSignal): Kubectl {
  return (...args) =>
    run(program, [...place, ...args], signal === undefined ? {} : { signal }).catch(
      (error: Error & { stderr?: string; code?: unknown }) => {
        if (signal?.aborted === true) throw signal.reason;
        if (error.code === 'ENOENT') throw new DemoRefused(`there is no ${program} on the PATH; install it`);
        const said = (error.stderr ?? '').trim().split('\n').at(-1);
        throw new DemoRefused(
          `kubectl ${args.join(' ')}: ${said === '' || said === undefined ? error.message : said}`,
        );
      },
    );
}

/** Waits for the first run to end, or for Ctrl-C. */
async function firstRun(
  kubectl: Kubectl,
  namespace: string,
  stage: Stage,
  operatorEnded: Promise<number>,
): Promise<SyncRun> {
  const gone = operatorEnded.then((code) => {
    if (stage.signal.aborted) throw stage.signal.reason;
    throw new Error(`the operator ended with ${code}; see ${join(stage.folder, 'operator.log')}`);
  });
  const finished = waitFor(
    'the first run to end',
    async () => {
      const { stdout } = await kubectl('get', 'syncruns', '-n', namespace, '-o', 'json');
      const { items } = JSON.parse(stdout) as { items: SyncRun[] };
      return items.find(({ status }) => isFinal(status?.phase));
    },
    { timeoutMs: 600_000, intervalMs: 500, signal: stage.signal },
  );
  return Promise.race([finished, gone]);
}
