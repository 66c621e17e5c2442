// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { SyncRun } from '../../src/api/resource.ts';
import { isFinal } from '../../src/api/sync-run.ts';
import { progressPrinter } from '../../src/cli/sync.ts';
import { renderRun } from '../../src/cli/output.ts';
import type { Progress } from '../../src/sync/engine.ts';
import { waitFor } from '../kit/wait.ts';
import { startOperatorProcess } from './operator-process.ts';
import type { Stage } from './stage.ts';

const run = promisify(execFile);
const crds = fileURLToPath(new URL('../../crds', import.meta.url));
const namespace = 'inventory';

export interface DemoCluster {
  readonly kubectl: string;
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
}

/** Installs, applies, watches one run, and goes on until Ctrl-C unless one run was asked for. Answers the exit status. */
export async function demoInCluster(stage: Stage, cluster: DemoCluster): Promise<number> {
  const { say, options } = stage;
  const place = [
    ...(cluster.kubeconfig === undefined ? [] : ['--kubeconfig', cluster.kubeconfig]),
    ...(cluster.context === undefined ? [] : ['--context', cluster.context]),
  ];
  const kubectl = (...args: string[]) => run(cluster.kubectl, [...place, ...args], { signal: stage.signal });
  say('installing the CRDs');
  await kubectl('apply', '--server-side', '--force-conflicts', '-f', crds);
  await kubectl('wait', '--for=condition=Established', '--timeout=60s', '-f', crds);
  await kubectl('create', 'namespace', namespace).catch((error: unknown) => {
    if (!String(error).includes('AlreadyExists')) throw error;
  });

  const database = join(stage.folder, 'inventory.db');
  let metrics = '';
  const showProgress = progressPrinter(say);
  const operator = startOperatorProcess(
    [
      ...place,
      ...['--store', `sqlite:${database}`, '--listen', '127.0.0.1:0'],
      ...['--allow-insecure-upstreams', '--log-level', 'debug', '--namespace', namespace],
    ],
    join(stage.folder, 'operator.log'),
    (line) => {
      if (line.msg === 'listening' && typeof line['url'] === 'string') metrics = line['url'];
      if (line.msg === 'stream progress') showProgress(line as unknown as Progress);
    },
  );
  try {
    say('the operator runs; applying the sample: Secret servicenow-login, ExternalSystem cmdb');
    await apply(cluster.kubectl, place, stage.manifests);
    const finished = await firstRun(kubectl, stage, operator.ended);
    say('');
    if (options.once) process.stdout.write(renderRun(finished, options.form));
    for (const kind of ['externalsystems', 'syncruns']) {
      const { stdout } = await kubectl('get', kind, '-n', namespace);
      say(`$ kubectl get ${kind} -n ${namespace}\n${stdout}`);
    }
    if (options.once) return finished.status?.phase === 'Succeeded' ? 0 : 1;
    say(`inventory   sqlite3 ${database} "select name, type, status from demo_assets limit 5"`);
    say(`metrics     curl ${metrics}/metrics`);
    say(`kubectl     ${cluster.kubectl} ${place.join(' ')} describe externalsystem cmdb -n ${namespace}`);
    say(`log         ${join(stage.folder, 'operator.log')}`);
    say('A run follows every minute. Ctrl-C stops everything and removes it.');
    await Promise.race([operator.ended, aborted(stage.signal)]);
    return 0;
  } finally {
    await operator.stop();
    if (cluster.context !== undefined) await cleanUp(cluster.kubectl, place);
  }
}

async function apply(program: string, place: readonly string[], manifests: string): Promise<void> {
  const child = run(program, [...place, 'apply', '-f', '-']);
  child.child.stdin?.end(manifests);
  await child;
}

/** In a cluster of the user's, the demo takes away what it applied; the CRDs and the namespace stay. */
async function cleanUp(program: string, place: readonly string[]): Promise<void> {
  await run(program, [
    ...place,
    'delete',
    '-n',
    namespace,
    'externalsystem/cmdb',
    'secret/servicenow-login',
    '--ignore-not-found',
  ]);
}

type Kubectl = (...args: string[]) => Promise<{ stdout: string }>;

/** Waits for the first run to end. */
async function firstRun(kubectl: Kubectl, stage: Stage, operatorEnded: Promise<number>): Promise<SyncRun> {
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
    { timeoutMs: 600_000, intervalMs: 500 },
  );
  return Promise.race([finished, gone]);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
