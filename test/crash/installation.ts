// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dump } from 'js-yaml';
import { annotations } from '../../src/api/group.ts';
import { isFinal, type RunMode } from '../../src/api/sync-run.ts';
import { syncCommand } from '../../src/cli/sync.ts';
import { call } from '../cli/cli-bench.ts';
import { startOperatorProcess, type OperatorProcess } from '../demo/operator-process.ts';
import { applyCrds, freshNamespace, sharedCluster } from '../kit/control-plane/shared.ts';
import { run, system } from '../kit/manifests.ts';
import { waitFor } from '../kit/wait.ts';
import { audit } from './auditor.ts';
import type { InstallationDatabase } from './installation-database.ts';
import type { ProcessFault } from './preload/process-boundary.ts';
import { RunVersions } from './run-versions.ts';
import { ServiceNowUpstream } from './service-now-upstream.ts';

const login = { username: 'reader', password: 'canary-of-the-crash-6120' };
const preload = fileURLToPath(new URL('preload/register.ts', import.meta.url));
/** A takeover waits for Leases to lapse; the machine may be busy with other tests. */
const patience = { timeoutMs: 90_000, intervalMs: 100 };

/** How often slots come. */
const slotsMs = { '1m': 60_000, '24h': 24 * 3_600_000 } as const;

export interface Replica {
  readonly process: OperatorProcess;
  /** Calls of the ports so far, each with how it ended. */
  readonly calls: () => readonly string[];
}

/** Real operator processes on a real API server, one database and an upstream that never rests. */
export class Installation {
  readonly upstream: ServiceNowUpstream;
  readonly database: InstallationDatabase;
  private readonly every: keyof typeof slotsMs;
  private readonly namespace: string;
  private readonly folder = mkdtempSync(join(tmpdir(), 'extsys-crash-'));
  private readonly objects = new RunVersions(sharedCluster().kubeConfig());
  private readonly replicas: OperatorProcess[] = [];

  private constructor(
    namespace: string,
    database: InstallationDatabase,
    upstream: ServiceNowUpstream,
    every: keyof typeof slotsMs,
  ) {
    this.every = every;
    this.namespace = namespace;
    this.database = database;
    this.upstream = upstream;
  }

  static async create(
    database: InstallationDatabase,
    seed: number,
    every: keyof typeof slotsMs,
  ): Promise<Installation> {
    await applyCrds();
    const upstream = await ServiceNowUpstream.start(login, seed);
    const namespace = await freshNamespace(sharedCluster(), 'crash');
    const made = new Installation(namespace, database, upstream, every);
    await made.objects.watch(made.namespace);
    await made.apply(...made.manifests());
    return made;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // One that stands still hears nothing else.
    await Promise.all(this.replicas.map((replica) => replica.stop('SIGKILL')));
    await this.upstream.stop();
    await this.database.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private manifests(): object[] {
    const { url } = this.upstream;
    const metadata = { namespace: this.namespace };
    const spec = {
      connector: { serviceNowCmdb: { url, classes: ['cmdb_ci_server'] } },
      limits: { requestsPerSecond: 1000, pageSize: 5, maxRetries: 1 },
      schedule: { every: this.every, jitter: '0s' },
      history: { successful: 1, failed: 1 },
      deletion: { budget: { maxPercent: 100, maxRecords: 1000 } },
    };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { ...metadata, name: 'login' } };
    return [
      { ...secret, type: 'kubernetes.io/basic-auth', stringData: login },
      system('cmdb', spec, metadata),
    ];
  }

  private async apply(...objects: object[]): Promise<void> {
    const input = objects.map((object) => dump(object)).join('---\n');
    await sharedCluster().kubectl(['--namespace', this.namespace, 'apply', '-f', '-'], { input });
  }

  /** A process of the operator; the fault tells where it is stopped. */
  start(fault: Partial<ProcessFault> = {}): Replica {
    const name = `replica-${this.replicas.length + 1}`;
    const trace = join(this.folder, `${name}.trace`);
    const told: ProcessFault = { call: '.', at: 0, where: 'before', signal: 'SIGKILL', ...fault, trace };
    const args = [
      ...['--kubeconfig', sharedCluster().kubeconfigPath, '--namespace', this.namespace],
      ...['--lease-namespace', this.namespace, '--store', this.database.url],
      ...['--listen', '127.0.0.1:0', '--allow-insecure-upstreams'],
    ];
    const process = startOperatorProcess(args, join(this.folder, `${name}.log`), () => undefined, {
      nodeArgs: ['--import', preload],
      env: { CRASH_FAULT: JSON.stringify(told) },
    });
    this.replicas.push(process);
    const calls = () =>
      existsSync(trace)
        ? readFileSync(trace, 'utf8')
            .split('\n')
            .filter((line) => line !== '')
        : [];
    return { process, calls };
  }

  /** Asks for a run as a person does. */
  ask(name: string, mode: RunMode): Promise<void> {
    return this.apply(run(name, { mode }));
  }

  /** Asks by the annotation that Git would hold. */
  async askByAnnotation(token: string): Promise<void> {
    const args = ['annotate', 'externalsystem', 'cmdb', `${annotations.runRequested}=${token}`];
    await sharedCluster().kubectl(['--namespace', this.namespace, ...args]);
  }

  /** Waits until a run of such a name was made, has ended, and was pruned. */
  async pruned(prefix: string): Promise<void> {
    const found = () => this.objects.versions.filter(({ metadata }) => metadata.name.startsWith(prefix));
    const gone = () =>
      found().length > 0 && found().every(({ metadata }) => !this.objects.standing.has(metadata.uid));
    await waitFor(`${prefix}… to be pruned`, gone, patience);
  }

  /** `extsys sync` on the same system and database; answers what it printed. */
  async fromFile(): Promise<string> {
    const yaml = this.manifests()
      .map((object) => dump(object))
      .join('---\n');
    const flags = ['-f', '-', '--store', this.database.url, '--output', 'json', '--quiet'];
    const { out, err } = await call(syncCommand, flags, yaml);
    return `${out}${err}`;
  }

  /** Waits until a replica stands still. */
  async frozen({ calls }: Replica): Promise<void> {
    await waitFor('the process to stand still', () => calls().at(-1)?.endsWith('SIGSTOP'), patience);
  }

  /** What the database has of rows and runs, and the newest versions of the objects: all that a process can write. */
  async written(): Promise<unknown> {
    const { query } = this.database;
    return {
      rows: await query('SELECT * FROM crash_journal ORDER BY number'),
      runs: await query(
        'SELECT run_uid, attempt, worker, digest FROM runs WHERE ended_at IS NOT NULL ORDER BY run_uid',
      ),
      ended: this.objects.versions.filter(({ status }) => isFinal(status?.phase)),
    };
  }

  /** Waits until every run that was ever made has ended. */
  async allEnded(signal?: AbortSignal): Promise<void> {
    await waitFor(
      'every run to end',
      async () => {
        const last = new Map(this.objects.versions.map((version) => [version.metadata.uid, version]));
        const open = [...last.values()].filter(
          ({ metadata, status }) => this.objects.standing.has(metadata.uid) && !isFinal(status?.phase),
        );
        if (last.size === 0 || open.length > 0)
          throw new Error(JSON.stringify(open.map(({ metadata, status }) => [metadata.name, status])));
        const rows = await this.database.query('SELECT run_name FROM runs WHERE ended_at IS NULL');
        if (rows.length > 0) throw new Error(`open in the database: ${JSON.stringify(rows)}`);
        return true;
      },
      signal === undefined ? patience : { ...patience, signal },
    );
  }

  /** Waits until a run with that name has ended, and answers how. */
  async ended(name: string): Promise<string> {
    const version = await waitFor(
      `${name} to end`,
      () =>
        this.objects.versions.find(
          ({ metadata, status }) => metadata.name === name && isFinal(status?.phase),
        ),
      patience,
    );
    return version.status?.phase ?? '';
  }

  /** A last full run against an upstream that rests; then nobody is left who could write. */
  async finish(): Promise<string[]> {
    await this.allEnded();
    this.upstream.settle();
    await this.ask('final', 'Full');
    const phase = await this.ended('final');
    await this.allEnded();
    await Promise.all(this.replicas.map((replica) => replica.stop()));
    const open = await this.database.query('SELECT run_name FROM runs WHERE ended_at IS NULL');
    await this.objects.stop();
    const findings = await audit({
      system: `${this.namespace}/cmdb`,
      slotMs: slotsMs[this.every],
      query: this.database.query,
      versions: this.objects.versions,
      standing: this.objects.standing,
      upstream: this.upstream.history,
    });
    const unfinished = phase === 'Succeeded' ? [] : [`the last run is ${phase}`];
    return [...unfinished, ...open.map((row) => `open at the end: ${String(row['run_name'])}`), ...findings];
  }

  /** What the processes have said, to be shown when something is wrong. */
  log(): string {
    return this.replicas
      .map((_, index) => readFileSync(join(this.folder, `replica-${index + 1}.log`), 'utf8'))
      .join('\n');
  }
}
