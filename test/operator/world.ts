// SPDX-License-Identifier: Apache-2.0
import { apiVersion, annotations as known } from '../../src/api/group.ts';
import type { ExternalSystemSpec } from '../../src/api/external-system.ts';
import type { ExternalSystem, SyncRun } from '../../src/api/resource.ts';
import { isFinal, type SyncRunSpec } from '../../src/api/sync-run.ts';
import { ArchiveRecovery, type Recovered } from '../../src/operator/archive-recovery.ts';
import type { Credentials } from '../../src/connector/contract.ts';
import { CertificateWatch } from '../../src/operator/certificates.ts';
import { CredentialWatch } from '../../src/operator/credential-watch.ts';
import { GoneRuns } from '../../src/operator/gone-runs.ts';
import { keyOf } from '../../src/operator/keys.ts';
import { whileLeading } from '../../src/operator/leading-cluster.ts';
import { LiveProgress } from '../../src/operator/live-progress.ts';
import { RunCarrier } from '../../src/operator/run-carrier.ts';
import { RunEnder } from '../../src/operator/run-ending.ts';
import { RunMaker } from '../../src/operator/run-maker.ts';
import { RunWorker, type RunWorkerDependencies } from '../../src/operator/run-worker.ts';
import { SystemReconciler } from '../../src/operator/system-reconciler.ts';
import type { ArchivedRun, Store } from '../../src/store/port.ts';
import { sqliteStore } from '../../src/store/sqlite/index.ts';
import { runSync } from '../../src/sync/engine.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { end, fakeConnector, page, row, type Script } from '../kit/fake-connector.ts';
import { noUpstream } from '../kit/no-upstream.ts';
import { FakeCluster } from './fake-cluster.ts';

export const system = 'ns/cmdb';
export const minuteMs = 60_000;

/**
 * The leader and the workers of an operator, on a real store and an API server of maps whose caches are never behind. Nothing
 * happens by itself and time moves only when told.
 */
export class World {
  readonly store: Store;
  readonly script: Script = { events: [page([row('1')]), end()], asked: [] };
  readonly made: SyncRun[] = [];
  readonly ended: ArchivedRun[] = [];
  readonly refusedRequests: string[] = [];
  readonly log: Record<string, unknown>[] = [];
  /** Workers whose Lease has lapsed. */
  readonly lapsed = new Set<string>();
  readonly cluster: FakeCluster;
  readonly recovery: ArchiveRecovery;
  readonly recovered: Recovered[] = [];
  reconciler: SystemReconciler;
  readonly me: RunWorker;
  readonly goneRuns: GoneRuns;
  /** What runs log in with. */
  credentials: Credentials = {
    type: 'Basic',
    account: 'reader',
    source: 'no Secret',
    value: () => '',
    optional: () => undefined,
  };
  /** What the leader's process takes a run in hand to have proven. */
  connected = false;
  /** This process holds the leader's Lease. */
  leads = true;
  private readonly credentialWatch: CredentialWatch;
  private readonly timers = new Set<{ readonly atMs: number; readonly work: () => void }>();
  private timeMs = Date.parse('2026-03-02T12:07:30Z');

  private constructor(store: Store, cluster?: FakeCluster, identity = 'me') {
    this.store = store;
    const now = () => this.now();
    this.cluster = cluster ??= new FakeCluster(now);
    this.credentialWatch = new CredentialWatch(cluster);
    this.recovery = new ArchiveRecovery({
      store,
      cluster,
      getSystem: (key) => cluster.systems.get(key),
      onRecovered: (recovered) => this.recovered.push(recovered),
    });
    this.reconciler = this.newReconciler();
    this.me = this.worker(identity);
    this.goneRuns = new GoneRuns({
      store,
      cluster,
      ender: this.ender('leader'),
      getRun: (key) => cluster.cached(key),
      watches: (key) => key.startsWith('ns/'),
      archiveBehind: (key) => this.recovery.behind(key),
      alive: async (worker, uid) => (worker === identity ? this.me.worksOn(uid) : !this.lapsed.has(worker)),
      monotonicMs: () => this.timeMs,
      onEnded: (archived) => this.ended.push(archived),
      onError: (error) => {
        throw error;
      },
    });
  }

  /** The leader of a process that begins now; the cluster and the database stay. */
  restart(): void {
    this.reconciler = this.newReconciler();
  }

  private newReconciler(): SystemReconciler {
    const { store, credentialWatch } = this;
    const cluster = whileLeading(this.cluster, () => this.leads);
    const now = () => this.now();
    const getSystem = (key: string) => this.cluster.systems.get(key);
    const runMaker = new RunMaker({
      cluster,
      store,
      credentialWatch,
      activeRuns: (key) => this.cluster.active(key),
      now,
      onRunMade: (_, run) => this.made.push(run),
    });
    return new SystemReconciler({
      cluster,
      store,
      credentialWatch,
      certificates: new CertificateWatch(store, (text) => text),
      recovery: this.recovery,
      runMaker,
      getSystem,
      specProblem: () => undefined,
      connectedNow: () => this.connected,
      now,
      redact: (text) => text,
      onJudged: () => undefined,
      onRequestRefused: (_, problem) => this.refusedRequests.push(problem),
    });
  }

  static async create(change: (store: Store) => Store = (store) => store): Promise<World> {
    const store = sqliteStore(':memory:');
    await store.open();
    return new World(change(store));
  }

  /** One process of several on the same database and API server, each with a clock of its own. */
  static process(identity: string, store: Store, cluster: FakeCluster): World {
    return new World(store, cluster, identity);
  }

  now(): Date {
    return new Date(this.timeMs);
  }

  pass(ms: number): void {
    this.timeMs += ms;
    for (const timer of this.timers) {
      if (timer.atMs > this.timeMs) continue;
      this.timers.delete(timer);
      timer.work();
    }
  }

  /** Whether anything waits for its time. */
  get waits(): boolean {
    return this.timers.size > 0;
  }

  private after(ms: number, work: () => void): () => void {
    const timer = { atMs: this.timeMs + ms, work };
    this.timers.add(timer);
    return () => void this.timers.delete(timer);
  }

  /** Applies the ExternalSystem; what is left out of a known one is taken away. */
  apply(options: {
    readonly uid?: string;
    readonly generation?: number;
    readonly spec?: Partial<ExternalSystemSpec>;
    readonly annotations?: Readonly<Record<string, string>>;
  }): void {
    const { uid = 'system-uid', generation = 1, spec = {}, annotations = {} } = options;
    const before = this.cluster.systems.get(system);
    const same = before?.metadata.uid === uid ? before : undefined;
    this.cluster.systems.set(system, {
      apiVersion,
      kind: 'ExternalSystem',
      metadata: this.cluster.meta('cmdb', uid, {
        generation,
        annotations,
        ...(same === undefined ? {} : { creationTimestamp: same.metadata.creationTimestamp }),
      }),
      spec: { connector: { fake: {} }, auth: { type: 'Basic', secretRef: { name: 'login' } }, ...spec },
      status: same?.status ?? { observedGeneration: -1 },
    });
  }

  /** Annotations that ask for a run. */
  ask(token: string, mode?: string): void {
    const found = this.system();
    const annotations = {
      [known.runRequested]: token,
      ...(mode === undefined ? {} : { [known.runMode]: mode }),
    };
    const { uid, generation } = found.metadata;
    this.apply({ uid, generation, spec: found.spec, annotations });
  }

  deleteSystem(): void {
    this.cluster.systems.delete(system);
  }

  secret(resourceVersion: string, password: string): void {
    this.cluster.secrets.set('ns/login', {
      uid: 'secret-uid',
      resourceVersion,
      data: { password: Buffer.from(password).toString('base64') },
    });
  }

  /** Creates a SyncRun as a person does. */
  create(name: string, spec: Partial<SyncRunSpec> = {}): SyncRun {
    return this.cluster.put({
      apiVersion,
      kind: 'SyncRun',
      metadata: this.cluster.meta(name, `uid-of-${name}`),
      spec: { systemRef: { name: 'cmdb' }, mode: 'Incremental', ...spec },
    });
  }

  cancel(name: string): void {
    const run = this.run(name);
    const metadata = {
      ...run.metadata,
      annotations: { [known.cancel]: 'true' },
      resourceVersion: this.cluster.next(),
    };
    this.me.observe(this.cluster.put({ ...run, metadata }));
  }

  reconcile(): ReturnType<SystemReconciler['reconcile']> {
    return this.reconciler.reconcile(system);
  }

  /** Works on every run that has not ended, once, in the order in which they were made. */
  async work(worker: RunWorker = this.me): Promise<void> {
    for (const [key, run] of this.cluster.runs) if (!isFinal(run.status?.phase)) await worker.process(key);
  }

  /** Makes what is due, carries it out, and judges. */
  async round(): Promise<void> {
    await this.reconcile();
    await this.work();
    await this.reconcile();
  }

  worker(identity: string, change: Partial<RunWorkerDependencies> = {}): RunWorker {
    const { cluster, store } = this;
    const carrier = new RunCarrier({
      cluster,
      credentialWatch: this.credentialWatch,
      logger: createLogger({
        level: 'debug',
        destination: { write: (line) => void this.log.push(JSON.parse(line) as Record<string, unknown>) },
        redact: (text) => text,
      }),
      onConnected: () => undefined,
      sync: async ({ request, readSecret, ...input }) => {
        await readSecret();
        return runSync(request, {
          ...input,
          store,
          connector: fakeConnector(this.script),
          credentials: async () => this.credentials,
          upstream: noUpstream,
          now: () => this.now(),
          monotonicMs: () => 0,
          learnSecret: () => undefined,
          redact: (text) => text,
        });
      },
    });
    return new RunWorker({
      identity,
      cluster,
      store,
      ender: this.ender(identity),
      getRun: (key) => cluster.cached(key),
      getSystem: (key) => cluster.systems.get(key),
      activeRuns: (key) => cluster.active(key),
      lapsed: (worker) => this.lapsed.has(worker),
      archiveBehind: (key) => this.recovery.behind(key),
      sync: (...run) => carrier.carry(...run),
      liveProgress: (run) =>
        new LiveProgress(run, {
          cluster,
          now: () => this.now(),
          monotonicMs: () => this.timeMs,
          after: (ms, work) => this.after(ms, work),
          onError: (error) => this.log.push({ msg: 'progress not written', error }),
        }),
      now: () => this.now(),
      onClaimed: () => undefined,
      onEnded: (archived) => this.ended.push(archived),
      ...change,
    });
  }

  system(): ExternalSystem {
    const found = this.cluster.systems.get(system);
    if (found === undefined) throw new Error('there is no ExternalSystem');
    return found;
  }

  run(name: string): SyncRun {
    const found = this.cluster.runs.get(`ns/${name}`);
    if (found === undefined)
      throw new Error(`there is no SyncRun ${name}; there are ${this.names().join(', ')}`);
    return found;
  }

  names(): string[] {
    return [...this.cluster.runs.values()].map(({ metadata }) => metadata.name);
  }

  /** The newest run that the operator made. */
  newest(): SyncRun {
    const name = this.made.at(-1)?.metadata.name;
    return this.run(name ?? '');
  }

  /** Status, reason and message of a condition. */
  condition(type: string): string {
    const found = this.system().status?.conditions?.find((one) => one.type === type);
    return found === undefined ? '' : `${found.status} ${found.reason}: ${found.message}`;
  }

  private ender(identity: string): RunEnder {
    return new RunEnder({
      identity,
      store: this.store,
      getSystem: (key) => this.cluster.systems.get(key),
      now: () => this.now(),
      redact: (text) => text,
    });
  }

  key(run: SyncRun): string {
    return keyOf(run);
  }
}
