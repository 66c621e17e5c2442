// SPDX-License-Identifier: Apache-2.0
import type { ExternalSystem, SyncRun } from '../api/resource.ts';
import { finalPhases } from '../api/sync-run.ts';
import type { ArchivedRun } from '../store/port.ts';
import { statusFromArchive } from '../sync/run-record.ts';
import type { Check } from '../telemetry/http-server.ts';
import type { Logger } from '../telemetry/logger.ts';
import { announceEnd } from './announce.ts';
import { ArchiveRecovery } from './archive-recovery.ts';
import { OperatorBase, type WatchOptions } from './base.ts';
import { fillCertificates } from './certificate-metrics.ts';
import { ControllerMetrics } from './controller-metrics.ts';
import { CredentialWatch } from './credential-watch.ts';
import { EventRecorder } from './events.ts';
import { liveChecks } from './health.ts';
import { Installation } from './installation.ts';
import { keyOf, systemKeyOf } from './keys.ts';
import { externalSystems, kubeCluster, syncRuns } from './kube-cluster.ts';
import { Leader } from './leader.ts';
import { ReplicaWatch } from './lease.ts';
import type { Caches, ControllerOptions, Parts } from './parts.ts';
import { ReflectorSet } from './reflector-set.ts';
import { Replica } from './replica.ts';
import { RunEnder } from './run-ending.ts';
import type { Reflected } from './watch-events.ts';

/** The operator: watches both kinds, and tells the leader's part and the replica's what has happened. */
export class Controller extends OperatorBase {
  private readonly options: ControllerOptions;
  private readonly parts: Parts;
  private readonly replica: Replica;
  private readonly leader: Leader;
  private readonly installation: Installation;
  private readonly stopped = new AbortController();
  private systems!: ReflectorSet<ExternalSystem>;
  private runs!: ReflectorSet<SyncRun>;
  private watching = false;

  constructor(options: ControllerOptions) {
    const counts = new ControllerMetrics(options.metrics, options.connectorOf);
    super(options.config, libraryLogger(options.logger), counts.kubeRequest);
    this.options = options;
    const { logger, now, redact, identity, store, leaseNamespace, monotonicMs } = options;
    const { client } = this;
    const cluster = kubeCluster(client);
    const caches = this.caches();
    this.parts = {
      options,
      client,
      cluster,
      caches,
      replicas: new ReplicaWatch(client, leaseNamespace, monotonicMs),
      recovery: new ArchiveRecovery({
        store,
        cluster,
        getSystem: caches.getSystem,
        onRecovered: (recovered) => logger.warn('archive was behind the cluster', { ...recovered }),
      }),
      credentialWatch: new CredentialWatch(cluster),
      ender: new RunEnder({ identity, store, getSystem: caches.getSystem, now, redact }),
      events: new EventRecorder({
        client,
        instance: identity,
        now,
        redact,
        onError: (error) => logger.warn('event not written', { error }),
      }),
      counts,
      onEnded: (archived, run) => this.ended(archived, run),
    };
    this.replica = new Replica(this.parts, (key) => this.leader.lookAt(key));
    this.leader = new Leader(this.parts, this.replica);
    this.installation = new Installation({
      client,
      store,
      adopt: options.adoptDatabase,
      onAdopted: (from, installation) => logger.warn('database taken over', { from, installation }),
      onError: (error) => logger.warn('installation not known yet', { error }),
    });
  }

  /** Throws DatabaseRefused when the database belongs to another installation. */
  protected override async init(): Promise<void> {
    await this.installation.bind(this.stopped.signal);
    if (this.stopped.signal.aborted) return;
    const { logger, monotonicMs, random, metrics } = this.options;
    const common = { monotonicMs, random };
    this.systems = this.reflectAll<ExternalSystem>({
      ...common,
      resource: externalSystems,
      onAdd: (system) => this.leader.lookAt(keyOf(system)),
      onUpdate: (system) => this.leader.lookAt(keyOf(system)),
      onDelete: (system) => {
        this.replica.systemGone(system);
        this.leader.systemGone(system);
      },
      onError: (error) => logger.warn('watch broke, going on', { resource: 'externalsystems', error }),
    });
    this.runs = this.reflectAll<SyncRun>({
      ...common,
      resource: syncRuns,
      // Memory and start do not grow with history.
      fieldSelector: finalPhases.map((phase) => `status.phase!=${phase}`).join(','),
      onAdd: (run) => this.replica.runChanged(run),
      onUpdate: (run) => this.replica.runChanged(run),
      onDelete: (run) => {
        this.replica.runGone(run);
        this.leader.runGone(run);
      },
      onError: (error) => logger.warn('watch broke, going on', { resource: 'syncruns', error }),
    });
    metrics.onScrape(() => this.fillMetrics());
    this.watching = true;
    this.replica.start();
    await Promise.all([this.systems.synced, this.runs.synced]);
    this.leader.start();
    logger.info('watching', { systems: this.systems.list().length, runs: this.runs.list().length });
  }

  /** The runs in hand stop at their checkpoints and stay Running, for takeover; then everything ends. */
  async shutdown(): Promise<void> {
    this.stopped.abort();
    await Promise.all([this.replica.stopRuns(), this.leader.stop()]);
    await this.replica.stop();
    await this.stopWatching();
  }

  live(): readonly Check[] {
    if (!this.watching) return [{ name: 'start', ok: true, detail: 'not watching yet' }];
    return liveChecks({
      watchSilentMs: Math.max(this.systems.silentForMs, this.runs.silentForMs),
      keyWaitsMs: Math.max(this.leader.oldestMs, this.replica.oldestMs),
      leaseIdleMs: this.replica.leaseIdleMs,
    });
  }

  async ready(): Promise<readonly Check[]> {
    const waiting = this.watching ? [...this.systems.unsynced, ...this.runs.unsynced] : ['all'];
    const synced = waiting.length === 0;
    const { held } = this.replica;
    const database = await this.options.store.ping().then(
      () => ({ ok: true, detail: 'answers' }),
      (error: unknown) => ({ ok: false, detail: error instanceof Error ? error.message : String(error) }),
    );
    return [
      this.installation.check,
      {
        name: 'caches',
        ok: synced,
        detail: synced ? 'filled' : `being filled, namespaces: ${[...new Set(waiting)].join(', ')}`,
      },
      { name: 'lease', ok: held, detail: held ? 'held' : 'not held' },
      { name: 'database', ...database },
    ];
  }

  private reflectAll<Kind extends Reflected>(
    options: Omit<WatchOptions<Kind>, 'namespace'>,
  ): ReflectorSet<Kind> {
    return new ReflectorSet(this.options.namespaces, (namespace) =>
      this.reflect<Kind>({ ...options, namespace }),
    );
  }

  private caches(): Caches {
    return {
      getSystem: (key) => this.systems.get(key),
      getRun: (key) => this.runs.get(key),
      systems: () => this.systems.list(),
      runs: () => this.runs.list(),
      runsOf: (key) => this.runs.list().filter((run) => systemKeyOf(run) === key),
    };
  }

  private fillMetrics(): void {
    fillCertificates(this.options.metrics, this.systems.list(), (key) => this.leader.certificatesOf(key));
    this.parts.counts.fill({
      systems: this.systems.list(),
      runs: this.runs.list(),
      now: this.options.now(),
      activeRuns: this.replica.activeRuns,
      leader: this.leader.held,
      queues: { ...this.leader.depths, runs: this.replica.depth },
    });
  }

  private ended(archived: ArchivedRun, run: SyncRun | undefined): void {
    const { events, counts } = this.parts;
    const status = statusFromArchive(archived);
    this.options.logger.info('run ended', {
      correlationId: status.correlationId ?? archived.runUid,
      system: archived.system,
      run: archived.runName,
      phase: archived.phase,
      totals: status.totals,
      failure: status.failure,
      sequence: archived.sequence,
      digest: archived.digest,
    });
    const system = this.systems.get(archived.system);
    counts.ended(system, archived, status);
    // That somebody's run was refused is told of that run: the system is none the worse for it.
    const refused = archived.attempt === 0 && archived.slot === undefined;
    announceEnd(events, archived.runName, refused ? run : (system ?? run), status);
    this.leader.lookAt(archived.system);
  }
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
