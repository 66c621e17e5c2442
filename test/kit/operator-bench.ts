// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { dump } from 'js-yaml';
import { apiVersion } from '../../src/api/group.ts';
import type { ExternalSystem, SyncRun } from '../../src/api/resource.ts';
import { isFinal } from '../../src/api/sync-run.ts';
import { startOperatorProcess, type OperatorProcess } from '../demo/operator-process.ts';
import { applyCrds, freshNamespace, sharedCluster } from './control-plane/shared.ts';
import { waitFor } from './wait.ts';

export const password = 'canary-password-7431';

/** A namespace, a database file and an operator process of its own, on the shared API server. */
export class OperatorBench {
  readonly namespace: string;
  readonly folder: string;
  metricsUrl = '';
  private operator: OperatorProcess | undefined;
  private second: OperatorProcess | undefined;

  private constructor(namespace: string, folder: string) {
    this.namespace = namespace;
    this.folder = folder;
  }

  static async create(): Promise<OperatorBench> {
    await applyCrds();
    return new OperatorBench(await freshNamespace(), await mkdtemp(join(tmpdir(), 'extsys-operator-')));
  }

  get database(): string {
    return join(this.folder, 'inventory.db');
  }

  get logFile(): string {
    return join(this.folder, 'operator.log');
  }

  async start(...extra: string[]): Promise<void> {
    this.metricsUrl = '';
    this.operator = startOperatorProcess(this.flags(extra), this.logFile, (line) => {
      if (line.msg === 'listening' && typeof line['url'] === 'string') this.metricsUrl = line['url'];
    });
    await waitFor('the operator to be ready', async () => (await this.get('/readyz')).ok);
  }

  /** A second replica beside the first; resolves when it watches. */
  async startSecond(): Promise<void> {
    let watching = false;
    this.second = startOperatorProcess(this.flags([]), join(this.folder, 'second.log'), ({ msg }) => {
      if (msg === 'watching') watching = true;
    });
    await waitFor('the second replica to watch', () => watching);
  }

  private flags(extra: readonly string[]): string[] {
    return [
      ...['--kubeconfig', sharedCluster().kubeconfigPath, '--namespace', this.namespace],
      ...['--lease-namespace', this.namespace],
      // Another database, of another bench, when that is given.
      ...(extra.includes('--store') ? [] : ['--store', `sqlite:${this.database}`]),
      ...['--listen', '127.0.0.1:0', '--allow-insecure-upstreams', '--log-level', 'debug', ...extra],
    ];
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
    const { operator } = this;
    this.operator = undefined;
    await operator?.stop(signal);
    return (await operator?.ended) ?? 0;
  }

  async close(): Promise<void> {
    await Promise.all([this.stop(), this.second?.stop()]);
    await rm(this.folder, { recursive: true, force: true });
  }

  async get(path: string): Promise<{ readonly ok: boolean; readonly text: string }> {
    if (this.metricsUrl === '') return { ok: false, text: '' };
    const response = await fetch(`${this.metricsUrl}${path}`);
    return { ok: response.ok, text: await response.text() };
  }

  kubectl(...args: string[]): Promise<string> {
    return sharedCluster().kubectl(['--namespace', this.namespace, ...args]);
  }

  async apply(...objects: object[]): Promise<void> {
    const input = objects.map((object) => dump(object)).join('---\n');
    await sharedCluster().kubectl(['--namespace', this.namespace, 'apply', '-f', '-'], { input });
  }

  /** The Secret and the ExternalSystem `cmdb`, pointed at an upstream. */
  async applySystem(url: string, spec: object = {}, secret = password): Promise<void> {
    await this.applySecret(secret);
    await this.apply({
      apiVersion,
      kind: 'ExternalSystem',
      metadata: { name: 'cmdb' },
      spec: {
        connector: { serviceNowCmdb: { url, classes: ['cmdb_ci_server'] } },
        auth: { type: 'Basic', secretRef: { name: 'login' } },
        limits: { requestsPerSecond: 1000 },
        ...spec,
      },
    });
  }

  async applySecret(secret: string): Promise<void> {
    const stringData = { username: 'reader', password: secret };
    await this.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'login' },
      type: 'kubernetes.io/basic-auth',
      stringData,
    });
  }

  async system(): Promise<ExternalSystem> {
    return JSON.parse(await this.kubectl('get', 'externalsystem', 'cmdb', '-o', 'json')) as ExternalSystem;
  }

  async runs(): Promise<SyncRun[]> {
    const list = JSON.parse(await this.kubectl('get', 'syncruns', '-o', 'json')) as { items: SyncRun[] };
    return list.items;
  }

  /** Waits until a condition has a reason, and answers the system. */
  waitForReady(reason: string): Promise<ExternalSystem> {
    return waitFor(`Ready to have the reason ${reason}`, async () => {
      const system = await this.system();
      const ready = system.status?.conditions?.find(({ type }) => type === 'Ready');
      if (ready?.reason !== reason) throw new Error(`Ready is ${JSON.stringify(ready)}`);
      return system;
    });
  }

  /** Waits until a run that fits has ended. */
  waitForRun(fits: (run: SyncRun) => boolean): Promise<SyncRun> {
    return waitFor('a run to end', async () => {
      const runs = await this.runs();
      const found = runs.find((run) => fits(run) && isFinal(run.status?.phase));
      if (found === undefined)
        throw new Error(
          `runs: ${JSON.stringify(runs.map(({ metadata, status }) => [metadata.name, status?.phase]))}`,
        );
      return found;
    });
  }

  /** Requests of the operator to the API server about its own two kinds, by verb and code. */
  async kubeRequests(verbs: RegExp, codes: RegExp): Promise<number> {
    const { text } = await this.get('/metrics');
    let sum = 0;
    for (const [, verb = '', resource = '', code = '', count] of text.matchAll(
      /^extsys_kube_requests_total\{verb="(.*?)",resource="(.*?)",code="(.*?)"\} (\d+)$/gmu,
    )) {
      const own = resource === 'syncruns' || resource === 'externalsystems';
      if (own && verbs.test(verb) && codes.test(code)) sum += Number(count);
    }
    return sum;
  }

  rows(sql: string): Record<string, unknown>[] {
    const connection = new DatabaseSync(this.database, { readOnly: true });
    try {
      return connection.prepare(sql).all();
    } finally {
      connection.close();
    }
  }

  /** What nobody but a test does to the database. */
  change(sql: string): void {
    const connection = new DatabaseSync(this.database);
    try {
      connection.exec(sql);
    } finally {
      connection.close();
    }
  }

  log(): Promise<string> {
    return readFile(this.logFile, 'utf8');
  }
}
