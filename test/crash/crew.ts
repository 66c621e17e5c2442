// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { annotations } from '../../src/api/group.ts';
import type { ExternalSystem, SyncRun } from '../../src/api/resource.ts';
import { isFinal } from '../../src/api/sync-run.ts';
import { runLocal } from '../../src/cli/local-run.ts';
import { ApiError } from '../../src/operator/api-error.ts';
import type { ClusterPort } from '../../src/operator/cluster-port.ts';
import { keyOf } from '../../src/operator/keys.ts';
import type { Store } from '../../src/store/port.ts';
import { Redactor } from '../../src/telemetry/redactor.ts';
import { fakeConnector } from '../kit/fake-connector.ts';
import { noUpstream } from '../kit/no-upstream.ts';
import { FakeCluster } from '../operator/fake-cluster.ts';
import { minuteMs, system, World } from '../operator/world.ts';
import { audit, type Evidence } from './auditor.ts';
import { Boundaries, type Fault } from './boundaries.ts';
import type { Query } from './journal.ts';
import { LivingUpstream } from './living-upstream.ts';

export const slotMs = 15 * minuteMs;

/** Every method of the store but what opens and closes it. */
function callsOf(store: Store): readonly (keyof Store)[] {
  return (Object.keys(store) as (keyof Store)[]).filter((name) => !['open', 'close', 'bind'].includes(name));
}

const clusterCalls: readonly (keyof ClusterPort)[] = [
  ...(['createRun', 'getRun', 'runsOf', 'updateRunStatus', 'deleteRun', 'updateSystemStatus'] as const),
  ...(['getSecret', 'hasSystem'] as const),
];

/** An API server of maps that keeps every version of every run and, as the CRD does, refuses to change one that has ended. */
class RecordingCluster extends FakeCluster {
  readonly versions: SyncRun[] = [];

  override put(run: SyncRun): SyncRun {
    const before = this.runs.get(keyOf(run));
    const ended = before?.metadata.uid === run.metadata.uid && isFinal(before.status?.phase);
    if (ended && !isDeepStrictEqual(before.status, run.status))
      throw new ApiError(422, 'Invalid', 'status is frozen once phase is final');
    this.versions.push(run);
    return super.put(run);
  }
}

/** What a test puts in the place of a port, to break a promise of it. */
export interface Sabotage {
  /** Behind the calls at which a process may stop. */
  readonly database?: (store: Store) => Store;
  /** Before them: what is done in one call without it may be done in two. */
  readonly store?: (store: Store) => Store;
  readonly cluster?: (cluster: FakeCluster) => FakeCluster;
}

/** For one process; `change` writes into the database past the store. */
export type Saboteur = (change: (sql: string) => void) => Sabotage;

export type AuditOptions = Partial<Pick<Evidence, 'lateCreates' | 'unseenDeletions'>>;

export interface CrewDatabase {
  readonly store: Store;
  readonly query: Query;
  /** What nobody but a test does to it. */
  readonly change: (sql: string) => void;
}

/** Processes of one installation that come, stand still and go: one database, one API server, one upstream that never rests. */
export class Crew {
  readonly upstream: LivingUpstream;
  readonly errors: unknown[] = [];
  private readonly database: CrewDatabase;
  private readonly sabotage: Saboteur | undefined;
  private readonly cluster: RecordingCluster;
  private readonly born = Date.parse('2026-03-02T12:07:30Z');
  private readonly crashed = new Set<string>();
  private readonly files: Promise<void>[] = [];
  private timeMs = this.born;
  private started = 0;
  private uid = 'system-uid';
  private generation = 1;

  constructor(database: CrewDatabase, seed: number, sabotage?: Saboteur) {
    this.database = database;
    this.sabotage = sabotage;
    this.upstream = new LivingUpstream(seed, 14);
    this.cluster = new RecordingCluster(() => new Date(this.timeMs));
    this.cluster.systems.set(system, this.system());
    this.cluster.secrets.set('ns/login', { uid: 'secret-uid', resourceVersion: '1', data: {} });
  }

  private system(): ExternalSystem {
    return {
      apiVersion: 'integrations.buildworks.ai/v1alpha1',
      kind: 'ExternalSystem',
      metadata: this.cluster.meta('cmdb', this.uid, { generation: this.generation }),
      spec: {
        connector: { fake: {} },
        auth: { type: 'Basic', secretRef: { name: 'login' } },
        schedule: { every: '15m', jitter: '0s' },
        history: { successful: 1, failed: 1 },
        deletion: { budget: { maxPercent: 100, maxRecords: 1000 } },
      },
      status: { observedGeneration: -1 },
    };
  }

  /** A new process; the ones that are said to be gone have lost their Leases. */
  start(fault?: Fault): Process {
    this.started += 1;
    const boundaries = new Boundaries(fault);
    const broken = this.sabotage?.(this.database.change) ?? {};
    const given = this.database.store;
    const atDatabase = boundaries.around(broken.database?.(given) ?? given, callsOf(given));
    const atServer = boundaries.around(this.cluster, clusterCalls);
    const store = broken.store?.(atDatabase) ?? atDatabase;
    const cluster = broken.cluster?.(atServer) ?? atServer;
    const world = World.process(`process-${this.started}`, store, cluster);
    world.script.events = this.upstream.reader((name, call) => boundaries.pass(name, call));
    world.pass(this.timeMs - this.born);
    for (const identity of this.crashed) world.lapsed.add(identity);
    return new Process(this, world, boundaries, `process-${this.started}`);
  }

  /** `extsys sync` on the same system and database. */
  async fromFile(fault?: Fault): Promise<Boundaries> {
    const boundaries = new Boundaries(fault);
    const store = boundaries.around(this.database.store, callsOf(this.database.store));
    const events = this.upstream.reader((name, call) => boundaries.pass(name, call));
    const { spec } = this.system();
    const local = { system: { ...this.system(), spec: { ...spec }, metadata: fileMetadata }, secret: {} };
    const run = runLocal(
      {
        local,
        connector: fakeConnector({ events, asked: [] }),
        store,
        mode: 'Incremental',
        signal: new AbortController().signal,
        onProgress: () => undefined,
        onCheck: () => undefined,
      },
      this.runtime(),
    );
    const ended = run.then(
      () => undefined,
      (error: unknown) => void this.errors.push(error),
    );
    this.files.push(ended);
    await Promise.race([ended, boundaries.frozen]);
    return boundaries;
  }

  /** Every run from a file has come to its end. */
  async filesEnded(): Promise<void> {
    await Promise.all(this.files);
  }

  private runtime(): Parameters<typeof runLocal>[1] {
    const now = () => new Date(this.timeMs);
    return {
      now,
      monotonicMs: () => 0,
      redactor: new Redactor(),
      dependencies: (input) => ({
        ...input,
        credentials: async () => ({
          ...{ type: 'None', source: 'no Secret', account: '' },
          ...{ value: () => '', optional: () => undefined },
        }),
        upstream: noUpstream,
        now,
        monotonicMs: () => 0,
        redact: (text) => text,
        learnSecret: () => undefined,
      }),
    };
  }

  /** Somebody changes the spec. */
  changeSpec(): void {
    const { spec } = this.object();
    this.generation += 1;
    const limits = { softTimeLimit: `${this.generation}m` };
    this.cluster.systems.set(system, { ...this.system(), spec: { ...spec, limits } });
  }

  /** Somebody deletes the system and makes it again; its runs go with it, or stay until the garbage collector comes. */
  makeAgain({ collected }: { readonly collected: boolean }): void {
    this.generation = 1;
    this.uid = `${this.uid}-again`;
    this.cluster.systems.set(system, this.system());
    if (collected) for (const key of [...this.cluster.runs.keys()]) this.cluster.runs.delete(key);
  }

  /** Somebody deletes the run that is being worked on. */
  deleteRunning(): void {
    for (const [key, run] of this.cluster.runs)
      if (run.status?.phase === 'Running') this.cluster.runs.delete(key);
  }

  /** Somebody asks for a full run in Git. */
  askByAnnotation(token: string): void {
    const { metadata, ...rest } = this.object();
    const asked = { [annotations.runRequested]: token, [annotations.runMode]: 'Full' };
    const resourceVersion = this.cluster.next();
    this.cluster.systems.set(system, {
      ...rest,
      metadata: { ...metadata, resourceVersion, annotations: asked },
    });
  }

  private object(): ExternalSystem {
    return this.cluster.systems.get(system) ?? this.system();
  }

  pass(ms: number): void {
    this.timeMs += ms;
  }

  get nowMs(): number {
    return this.timeMs;
  }

  /** From now on the others take it for gone. */
  gone(identity: string): void {
    this.crashed.add(identity);
  }

  /** Everything has come to its end: what does the auditor say? */
  audit(options: AuditOptions = {}): Promise<string[]> {
    return audit({
      ...options,
      system,
      slotMs,
      query: this.database.query,
      versions: this.cluster.versions,
      standing: new Set([...this.cluster.runs.values()].map(({ metadata }) => metadata.uid)),
      upstream: this.upstream.history,
    });
  }

  get active(): number {
    return this.cluster.active(system).length;
  }

  openRows(): Promise<readonly unknown[]> {
    return this.database.query('SELECT * FROM runs WHERE ended_at IS NULL');
  }
}

const fileMetadata = {
  ...{ name: 'cmdb', namespace: 'ns', uid: `file-${randomUUID()}`, generation: 1 },
  ...{ resourceVersion: '', creationTimestamp: '1970-01-01T00:00:00Z' },
};

/** One process of the operator: leader and worker, one step after the other. */
export class Process {
  readonly boundaries: Boundaries;
  readonly identity: string;
  private readonly crew: Crew;
  private readonly world: World;
  private inHand: Promise<void> = Promise.resolve();

  constructor(crew: Crew, world: World, boundaries: Boundaries, identity: string) {
    this.crew = crew;
    this.world = world;
    this.boundaries = boundaries;
    this.identity = identity;
  }

  /** Makes what is due, carries it out, judges, prunes, and looks after runs whose objects are gone. */
  async round(): Promise<void> {
    this.world.pass(this.crew.nowMs - this.world.now().getTime());
    await this.step(() => this.world.reconcile());
    await this.step(() => this.world.work());
    await this.step(() => this.world.reconcile());
    await this.step(() => this.world.goneRuns.sweep());
  }

  /** Two slots, of which the second finds records to update and runs to prune. */
  async day(): Promise<void> {
    await this.round();
    this.crew.pass(slotMs);
    await this.round();
    this.crew.pass(slotMs);
    await this.round();
  }

  /** Looks until nothing is left to do. */
  async tidy(): Promise<void> {
    for (let look = 0; look < 12; look += 1) {
      await this.round();
      if (this.crew.active === 0 && (await this.crew.openRows()).length === 0) return;
      this.crew.pass(10_000);
    }
  }

  /** Two more slots, the second a day later: a full run against an upstream that rests. */
  async finish(): Promise<void> {
    await this.tidy();
    this.crew.pass(slotMs);
    await this.tidy();
    this.crew.upstream.settle();
    this.crew.pass(25 * 60 * minuteMs);
    await this.tidy();
  }

  /** Its Leases are lost: the others go on without it, and whatever it had begun it learns of only when it wakes. */
  loseLeases(): void {
    this.world.leads = false;
    this.crew.gone(this.identity);
  }

  /** It goes on where it stood; with `told` it hears at once that its Lease is lost. */
  wake(told: boolean): void {
    if (told) this.world.me.letGo();
    this.boundaries.thaw();
  }

  /** What it had begun has come to its end. */
  idle(): Promise<void> {
    return this.inHand;
  }

  /** What a queue does with work that throws: nothing else stops, and it comes again. */
  private step(work: () => Promise<unknown>): Promise<void> {
    if (this.world.leads) {
      this.inHand = work().then(
        () => undefined,
        (error: unknown) => void this.crew.errors.push(error),
      );
    }
    return this.inHand;
  }
}
