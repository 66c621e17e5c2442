// SPDX-License-Identifier: Apache-2.0
import type { ExternalSystem, SyncRun } from '../api/resource.ts';
import { keyOf, systemKeyOf } from './keys.ts';
import { LeaseKeeper } from './lease.ts';
import { LiveProgress, type LiveProgressDependencies } from './live-progress.ts';
import { leaseOptions, queueOptions, type Parts } from './parts.ts';
import { RunCarrier, runFacts } from './run-carrier.ts';
import { RunWorker } from './run-worker.ts';
import { WorkQueue, type WorkResult } from './work-queue.ts';

/** What every replica does: works on runs, while its own Lease tells the others that it is alive. */
export class Replica {
  private readonly parts: Parts;
  private readonly carrier: RunCarrier;
  private readonly worker: RunWorker;
  private readonly queue: WorkQueue;
  private readonly lease: LeaseKeeper;

  constructor(parts: Parts, onConnected: (systemKey: string) => void) {
    this.parts = parts;
    const { options, cluster, credentialWatch, caches, replicas, ender, recovery, onEnded } = parts;
    const { identity, store, logger, now, pod } = options;
    this.carrier = new RunCarrier({ cluster, credentialWatch, logger, sync: options.sync, onConnected });
    this.worker = new RunWorker({
      identity,
      cluster,
      store,
      ender,
      getRun: caches.getRun,
      getSystem: caches.getSystem,
      activeRuns: caches.runsOf,
      archiveBehind: (key) => recovery.behind(key),
      lapsed: (worker) => replicas.lapsed(worker),
      sync: (...run) => this.carrier.carry(...run),
      liveProgress: (run) => new LiveProgress(run, this.progressDependencies(run)),
      now,
      onClaimed: (run, system) => this.claimed(run, system),
      onEnded,
    });
    this.queue = new WorkQueue({
      ...queueOptions(parts, 'runs'),
      concurrency: options.concurrentRuns,
      work: (key) => this.work(key),
      onError: (key, error) => this.failed(key, error),
    });
    // Nobody else ever takes the Lease of a replica, so it goes with the replica.
    const own = { name: identity, atEnd: 'delete', ...(pod === undefined ? {} : { owner: pod }) } as const;
    this.lease = new LeaseKeeper({ ...leaseOptions(parts), ...own }, (held) => this.leaseChanged(held));
  }

  start(): void {
    this.lease.start();
  }

  /** The runs in hand stop at their checkpoints and stay Running, for takeover. */
  async stopRuns(): Promise<void> {
    this.worker.shutdown();
    await this.queue.stop();
  }

  async stop(): Promise<void> {
    await this.lease.stop();
  }

  get held(): boolean {
    return this.lease.held;
  }

  get activeRuns(): number {
    return this.worker.activeRuns;
  }

  get depth(): number {
    return this.queue.depth;
  }

  /** How long a run has waited for a worker that is free. While one has a run in hand others wait, and a run has its own limits. */
  get oldestMs(): number {
    return this.worker.activeRuns > 0 ? 0 : this.queue.oldestMs;
  }

  get leaseIdleMs(): number {
    return this.lease.idleForMs;
  }

  connectedNow(systemKey: string, generation: number): boolean {
    return this.carrier.connectedNow(systemKey, generation);
  }

  worksOn(runUid: string): boolean {
    return this.worker.worksOn(runUid);
  }

  runChanged(run: SyncRun): void {
    this.worker.observe(run);
    this.queue.add(keyOf(run));
  }

  runGone(run: SyncRun): void {
    this.worker.forget(run);
    // The next run of the system may have been waiting for this one.
    for (const other of this.parts.caches.runsOf(systemKeyOf(run))) this.queue.add(keyOf(other));
  }

  systemGone(system: ExternalSystem): void {
    this.worker.cancelSystem(keyOf(system), 'the ExternalSystem was deleted');
    this.carrier.forget(keyOf(system));
  }

  private async work(key: string): Promise<WorkResult> {
    // Without its own lease nobody could tell that this replica is alive.
    if (!this.lease.held) return { afterMs: 1_000 };
    const { caches, options, replicas } = this.parts;
    const run = caches.getRun(key);
    const holder = run?.status?.worker;
    if (holder !== undefined && holder !== options.identity) await replicas.look(holder);
    const next = await this.worker.process(key);
    this.forgetSecrets(run);
    return next;
  }

  private failed(key: string, error: unknown): void {
    const run = this.parts.caches.getRun(key);
    const facts = run === undefined ? {} : runFacts(run, systemKeyOf(run));
    this.parts.options.logger.warn('work failed', { queue: 'runs', key, ...facts, error });
    this.forgetSecrets(run);
  }

  /** Once the last line about a run was written; another of its system may be in hand. */
  private forgetSecrets(run: SyncRun | undefined): void {
    if (run === undefined || this.worker.worksFor(systemKeyOf(run))) return;
    this.parts.options.forgetSecrets(systemKeyOf(run));
  }

  private claimed(run: SyncRun, system: ExternalSystem): void {
    const { options, counts } = this.parts;
    const { attempt } = run.status ?? {};
    options.logger.info('run started', { ...runFacts(run, keyOf(system)), attempt });
    if (run.spec.scheduledTime !== undefined && attempt === 1)
      counts.started(run.spec.scheduledTime, options.now());
  }

  private progressDependencies(run: SyncRun): LiveProgressDependencies {
    const { cluster, options } = this.parts;
    const { now, monotonicMs, logger } = options;
    return {
      ...{ cluster, now, monotonicMs },
      after: (ms, work) => {
        const timer = setTimeout(work, ms);
        return () => clearTimeout(timer);
      },
      onError: (error) => logger.debug('progress not written', { ...runFacts(run, systemKeyOf(run)), error }),
    };
  }

  /** Without its lease the replica's runs may be taken over any moment: it lets go of them first. */
  private leaseChanged(held: boolean): void {
    if (held) for (const run of this.parts.caches.runs()) this.queue.add(keyOf(run));
    else this.worker.letGo();
  }
}
