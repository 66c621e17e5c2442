// SPDX-License-Identifier: Apache-2.0
import type { KubeConfig } from '@kubernetes/client-node';
import type { ExternalSystem, OwnerReference, SyncRun } from '../api/resource.ts';
import { finalPhases, type SyncRunStatus } from '../api/sync-run.ts';
import { Failure } from '../connector/failure.ts';
import type { ArchivedRun, Store } from '../store/port.ts';
import type { Progress, SyncRequest } from '../sync/engine.ts';
import { statusFromArchive } from '../sync/run-record.ts';
import { missedBetween, resolveSchedule } from '../sync/schedule.ts';
import type { Check } from '../telemetry/http-server.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { OperatorBase } from './base.ts';
import type { ClusterPort, SecretContent } from './cluster-port.ts';
import { ControllerMetrics } from './controller-metrics.ts';
import { CredentialWatch } from './credential-watch.ts';
import { EventRecorder } from './events.ts';
import { externalSystems, kubeCluster, syncRuns } from './kube-cluster.ts';
import { defaultLeaseTimes, LeaseKeeper, ReplicaWatch, type LeaseTimes } from './lease.ts';
import { keyOf, type Reflector } from './reflector.ts';
import { RunWorker, systemKeyOf } from './run-worker.ts';
import { announceEnd, announceVerdict } from './announce.ts';
import { SystemReconciler } from './system-reconciler.ts';
import { WorkQueue } from './work-queue.ts';

/** What the controller needs to carry out one run; the wiring knows connectors and upstreams. */
export interface RunInput {
  readonly request: SyncRequest;
  readonly system: ExternalSystem;
  readonly signal: AbortSignal;
  readonly readSecret: () => Promise<Readonly<Record<string, string>> | undefined>;
  readonly onConnected: () => void;
  readonly onProgress: (progress: Progress) => void;
}

export interface ControllerOptions {
  readonly config: KubeConfig;
  readonly store: Store;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Unique per start of the process; also the name of its Lease. */
  readonly identity: string;
  readonly leaseNamespace: string;
  /** Owner of this replica's Lease, so that it goes with the Pod; absent outside of one. */
  readonly pod?: OwnerReference | undefined;
  /** All namespaces when absent. */
  readonly namespace?: string | undefined;
  readonly concurrentRuns: number;
  readonly leaseTimes?: LeaseTimes;
  readonly specProblem: (system: ExternalSystem) => string | undefined;
  readonly connectorOf: (system: ExternalSystem) => string;
  readonly sync: (input: RunInput) => Promise<ArchivedRun>;
  readonly redact: (text: string) => string;
  readonly now: () => Date;
  readonly monotonicMs: () => number;
  readonly random: () => number;
}

const leaderLease = 'external-system-operator-leader';
/** Longer than any watch stays silent (bookmarks come about once a minute) and than any key should wait. */
const longestSilenceMs = 240_000;
const longestWaitMs = 300_000;
const longestUnrenewedMs = 240_000;

/** The operator: one leader makes runs and judges systems, every replica works on runs. */
export class Controller extends OperatorBase {
  private readonly options: ControllerOptions;
  private readonly cluster: ClusterPort;
  private readonly events: EventRecorder;
  private readonly counts: ControllerMetrics;
  private readonly credentialWatch: CredentialWatch;
  private readonly replicas: ReplicaWatch;
  private readonly worker: RunWorker;
  private readonly reconciler: SystemReconciler;
  private readonly systemQueue: WorkQueue;
  private readonly runQueue: WorkQueue;
  private readonly leader: LeaseKeeper;
  private readonly replica: LeaseKeeper;
  /** Generation whose connection the run in hand has proven, by system. */
  private readonly connected = new Map<string, number>();
  private systems!: Reflector<ExternalSystem>;
  private runs!: Reflector<SyncRun>;
  private watching = false;

  constructor(options: ControllerOptions) {
    const counts = new ControllerMetrics(options.metrics, options.connectorOf);
    super(options.config, libraryLogger(options.logger), counts.kubeRequest);
    this.options = options;
    this.counts = counts;
    const { logger, now, monotonicMs, random, store } = options;
    this.cluster = kubeCluster(this.client);
    this.credentialWatch = new CredentialWatch(this.cluster);
    this.replicas = new ReplicaWatch(this.client, options.leaseNamespace, monotonicMs);
    this.events = new EventRecorder({
      client: this.client,
      instance: options.identity,
      now,
      redact: options.redact,
      onError: (error) => logger.warn('event not written', { error }),
    });
    this.worker = new RunWorker({
      identity: options.identity,
      cluster: this.cluster,
      store,
      getRun: (key) => this.runs.get(key),
      getSystem: (key) => this.systems.get(key),
      lapsed: (replica) => this.replicas.lapsed(replica),
      sync: (request, system, signal) => this.sync(request, system, signal),
      missedSlots: (system, run) => this.missedSlots(system, run),
      now,
      onClaimed: (run, system) => this.claimed(run, system),
      onEnded: (run, archived) => this.ended(run, archived),
    });
    this.reconciler = new SystemReconciler({
      cluster: this.cluster,
      store,
      credentialWatch: this.credentialWatch,
      getSystem: (key) => this.systems.get(key),
      activeRuns: (key) => this.runs.list().filter((run) => systemKeyOf(run) === key),
      specProblem: options.specProblem,
      connectedNow: (key, generation) => this.connected.get(key) === generation,
      now,
      onRunMade: (system, name) => logger.info('run made', { system: keyOf(system), run: name }),
      onJudged: (system, status) => announceVerdict(this.events, system, status),
    });
    const onError = (queue: string) => (key: string, error: unknown) =>
      logger.warn('work failed, trying again', { queue, key, error });
    this.systemQueue = new WorkQueue({
      name: 'systems',
      concurrency: 4,
      work: async (key) => (this.leader.held ? this.reconciler.reconcile(key) : undefined),
      onError: onError('systems'),
      onWaited: (ms) => counts.queueWaited('systems', ms),
      monotonicMs,
      random,
    });
    this.runQueue = new WorkQueue({
      name: 'runs',
      concurrency: options.concurrentRuns,
      work: (key) => this.workOnRun(key),
      onError: onError('runs'),
      onWaited: (ms) => counts.queueWaited('runs', ms),
      monotonicMs,
      random,
    });
    const lease = {
      client: this.client,
      namespace: options.leaseNamespace,
      holder: options.identity,
      times: options.leaseTimes ?? defaultLeaseTimes,
      now,
      monotonicMs,
      onError: (error: unknown) => logger.warn('lease not renewed', { error }),
    };
    this.leader = new LeaseKeeper({ ...lease, name: leaderLease }, (held) => this.leadershipChanged(held));
    // Nobody else ever takes the Lease of a replica, so it goes with the replica.
    const own = {
      ...lease,
      name: options.identity,
      atEnd: 'delete' as const,
      ...(options.pod === undefined ? {} : { owner: options.pod }),
    };
    this.replica = new LeaseKeeper(own, (held) => this.replicaLeaseChanged(held));
  }

  protected override async init(): Promise<void> {
    const { logger, namespace, monotonicMs, random, metrics } = this.options;
    const common = { namespace, monotonicMs, random };
    this.systems = this.reflect<ExternalSystem>({
      ...common,
      resource: externalSystems,
      onAdd: (system) => this.systemQueue.add(keyOf(system)),
      onUpdate: (system) => this.systemQueue.add(keyOf(system)),
      onDelete: (system) => this.systemDeleted(system),
      onError: (error) => logger.warn('watch broke, going on', { resource: 'externalsystems', error }),
    });
    this.runs = this.reflect<SyncRun>({
      ...common,
      resource: syncRuns,
      // Memory and start do not grow with history.
      fieldSelector: finalPhases.map((phase) => `status.phase!=${phase}`).join(','),
      onAdd: (run) => this.runQueue.add(keyOf(run)),
      onUpdate: (run) => {
        this.worker.observe(run);
        this.runQueue.add(keyOf(run));
      },
      onDelete: (run) => this.runGone(run),
      onError: (error) => logger.warn('watch broke, going on', { resource: 'syncruns', error }),
    });
    metrics.onScrape(() => {
      this.counts.fill({
        systems: this.systems.list(),
        now: this.options.now(),
        activeRuns: this.worker.activeRuns,
        leader: this.leader.held,
        queues: { systems: this.systemQueue.depth, runs: this.runQueue.depth },
      });
    });
    this.watching = true;
    this.replica.start();
    await Promise.all([this.systems.synced, this.runs.synced]);
    this.leader.start();
    logger.info('watching', { systems: this.systems.list().length, runs: this.runs.list().length });
  }

  /** The run in hand stops at its checkpoint and stays Running, for takeover; then everything ends. */
  async shutdown(): Promise<void> {
    this.worker.shutdown();
    await Promise.all([this.runQueue.stop(), this.systemQueue.stop()]);
    await this.leader.stop();
    await this.replica.stop();
    await this.stopWatching();
  }

  /** What a restart could mend: a watch, a queue or a Lease that has stood still for too long. */
  live(): readonly Check[] {
    if (!this.watching) return [{ name: 'start', ok: true, detail: 'not watching yet' }];
    const { unrenewedForMs } = this.replica;
    const silentMs = Math.max(this.systems.silentForMs, this.runs.silentForMs);
    const waitMs = Math.max(
      this.systemQueue.oldestMs,
      this.worker.activeRuns > 0 ? 0 : this.runQueue.oldestMs,
    );
    return [
      {
        name: 'watch',
        ok: silentMs < longestSilenceMs,
        detail: `API server heard of ${seconds(silentMs)} ago`,
      },
      { name: 'queue', ok: waitMs < longestWaitMs, detail: `oldest key waits ${seconds(waitMs)}` },
      {
        name: 'lease',
        ok: unrenewedForMs < longestUnrenewedMs,
        detail: `renewed ${seconds(unrenewedForMs)} ago`,
      },
    ];
  }

  async ready(): Promise<readonly Check[]> {
    const synced = this.watching && this.systems.isSynced && this.runs.isSynced;
    const database = await this.options.store.ping().then(
      () => ({ ok: true, detail: 'answers' }),
      (error: unknown) => ({ ok: false, detail: error instanceof Error ? error.message : String(error) }),
    );
    return [
      { name: 'caches', ok: synced, detail: synced ? 'filled' : 'being filled' },
      { name: 'lease', ok: this.replica.held, detail: this.replica.held ? 'held' : 'not held' },
      { name: 'database', ...database },
    ];
  }

  private async workOnRun(key: string) {
    // Without its own lease nobody could tell that this replica is alive.
    if (!this.replica.held) return { afterMs: 1_000 };
    const holder = this.runs.get(key)?.status?.worker;
    if (holder !== undefined && holder !== this.options.identity) await this.replicas.look(holder);
    return this.worker.process(key);
  }

  private sync(request: SyncRequest, system: ExternalSystem, signal: AbortSignal): Promise<ArchivedRun> {
    const key = keyOf(system);
    const { namespace } = system.metadata;
    const log = this.options.logger.with({
      correlationId: request.run.spec.correlationId ?? request.run.uid,
      system: key,
      run: request.run.name,
    });
    let read: SecretContent | undefined;
    return this.options
      .sync({
        request,
        system,
        signal,
        readSecret: async () => {
          read = await this.cluster
            .getSecret(namespace, system.spec.auth.secretRef?.name ?? '')
            .catch((error: unknown) => {
              throw new Failure(
                'internal',
                `the Secret could not be read: ${error instanceof Error ? error.message : String(error)}`,
                { cause: error },
              );
            });
          return read?.data;
        },
        onConnected: () => {
          this.connected.set(key, request.system.generation);
          this.systemQueue.add(key);
        },
        onProgress: (progress) => log.debug('stream progress', { ...progress }),
      })
      .then((archived) => {
        // What a failed run has just tried is what a change is judged against.
        if (archived.failureCode === 'credentials') this.credentialWatch.remember(key, read);
        return archived;
      })
      .finally(() => this.connected.delete(key));
  }

  private async missedSlots(system: ExternalSystem, run: SyncRun): Promise<SyncRunStatus['missedSlots']> {
    const { scheduledTime } = run.spec;
    if (scheduledTime === undefined) return undefined;
    const schedule = resolveSchedule(system.spec.schedule, system.metadata.uid);
    if ('problem' in schedule) return undefined;
    const { lastScheduledSlot } = await this.options.store.history(keyOf(system));
    return missedBetween(schedule, lastScheduledSlot, new Date(scheduledTime));
  }

  private claimed(run: SyncRun, system: ExternalSystem): void {
    const { logger, now } = this.options;
    const correlationId = run.spec.correlationId ?? run.metadata.uid;
    logger.info('run started', {
      correlationId,
      system: keyOf(system),
      run: run.metadata.name,
      attempt: run.status?.attempt,
    });
    if (run.spec.scheduledTime !== undefined && run.status?.attempt === 1)
      this.counts.started(run.spec.scheduledTime, now());
  }

  private ended(run: SyncRun, archived: ArchivedRun): void {
    const status = statusFromArchive(archived);
    const correlationId = status.correlationId ?? archived.runUid;
    const facts = { correlationId, system: archived.system, run: archived.runName, phase: archived.phase };
    this.options.logger.info('run ended', {
      ...facts,
      totals: status.totals,
      failure: status.failure,
      sequence: archived.sequence,
      digest: archived.digest,
    });
    const system = this.systems.get(archived.system);
    this.counts.ended(system, archived, status);
    announceEnd(this.events, run, system, status);
    this.systemQueue.add(archived.system);
  }

  private runGone(run: SyncRun): void {
    this.worker.forget(run);
    // The next run of the system may have been waiting for this one.
    for (const other of this.runs.list())
      if (systemKeyOf(other) === systemKeyOf(run)) this.runQueue.add(keyOf(other));
    this.systemQueue.add(systemKeyOf(run));
  }

  private systemDeleted(system: ExternalSystem): void {
    const key = keyOf(system);
    this.worker.cancelSystem(key, 'the ExternalSystem was deleted');
    this.connected.delete(key);
    this.systemQueue.add(key);
  }

  private leadershipChanged(held: boolean): void {
    this.options.logger.info(held ? 'leading' : 'not leading', { identity: this.options.identity });
    if (held) for (const system of this.systems.list()) this.systemQueue.add(keyOf(system));
  }

  /** Without its lease the replica's runs may be taken over any moment: it lets go of them first. */
  private replicaLeaseChanged(held: boolean): void {
    if (held) for (const run of this.runs.list()) this.runQueue.add(keyOf(run));
    else this.worker.letGo();
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}

/** The library logs a few lines of its own. */
function libraryLogger(logger: Logger) {
  return {
    debug: (message: string) => logger.debug('base', { message }),
    info: (message: string) => logger.info('base', { message }),
    warn: (message: string) => logger.warn('base', { message }),
    error: (message: string) => logger.error('base', { message }),
  };
}
