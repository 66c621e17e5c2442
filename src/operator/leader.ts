// SPDX-License-Identifier: Apache-2.0
import type { ExternalSystem, SyncRun } from '../api/resource.ts';
import type { SsoCertificates } from '../store/port.ts';
import { announceApproval, announceRefusedRequest, announceVerdict } from './announce.ts';
import { announceCertificates } from './certificate-end.ts';
import { CertificateWatch } from './certificates.ts';
import { GoneRuns } from './gone-runs.ts';
import { GoneSystems } from './gone-systems.ts';
import { keyOf, systemKeyOf } from './keys.ts';
import { LeaderDuties } from './leader-duties.ts';
import { whileLeading } from './leading-cluster.ts';
import { LeaseKeeper } from './lease.ts';
import { leaseOptions, queueOptions, type Parts } from './parts.ts';
import type { Replica } from './replica.ts';
import { runFacts } from './run-carrier.ts';
import { RunMaker } from './run-maker.ts';
import { SystemReconciler } from './system-reconciler.ts';
import { WorkQueue } from './work-queue.ts';

/** The Lease that the leader of a cluster holds. */
export const leaderLease = 'external-system-operator-leader';

/** What one replica does for all: makes runs, judges systems, gives every run a record. The others stand by. */
export class Leader {
  private readonly parts: Parts;
  private readonly replica: Replica;
  private readonly runMaker: RunMaker;
  private readonly queue: WorkQueue;
  private readonly duties: LeaderDuties;
  private readonly certificates: CertificateWatch;
  private readonly lease: LeaseKeeper;

  constructor(parts: Parts, replica: Replica) {
    this.parts = parts;
    this.replica = replica;
    const { options, credentialWatch, caches, events, recovery } = parts;
    const { store, logger, now, redact, specProblem } = options;
    this.certificates = new CertificateWatch(store, redact);
    const cluster = whileLeading(parts.cluster, () => this.lease.held);
    this.runMaker = new RunMaker({
      cluster,
      store,
      credentialWatch,
      activeRuns: caches.runsOf,
      now,
      onRunMade: (system, run) => logger.info('run made', runFacts(run, keyOf(system))),
    });
    const reconciler = new SystemReconciler({
      cluster,
      store,
      credentialWatch,
      certificates: this.certificates,
      recovery,
      runMaker: this.runMaker,
      getSystem: caches.getSystem,
      specProblem,
      connectedNow: (key, generation) => replica.connectedNow(key, generation),
      now,
      redact,
      onJudged: (system, status) => {
        announceVerdict(events, system, status);
        announceApproval(events, system, status);
        announceCertificates(events, system, status);
      },
      onRequestRefused: (system, problem) => announceRefusedRequest(events, system, problem),
    });
    this.queue = new WorkQueue({
      ...queueOptions(parts, 'systems'),
      concurrency: 4,
      work: async (key) => (this.lease.held ? reconciler.reconcile(key) : undefined),
    });
    this.duties = new LeaderDuties({
      store,
      goneRuns: this.goneRuns(),
      goneSystems: this.goneSystems(),
      leads: () => this.lease.held,
      watches: (key) => this.watches(key),
      lookAt: (key) => this.queue.add(key),
      queue: queueOptions(parts, 'leader'),
    });
    this.lease = new LeaseKeeper({ ...leaseOptions(parts), name: leaderLease }, (held) => this.changed(held));
  }

  start(): void {
    this.lease.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.queue.stop(), this.duties.stop()]);
    await this.lease.stop();
  }

  get held(): boolean {
    return this.lease.held;
  }

  /** As the newest look at the system found them; of the leader only. */
  certificatesOf(key: string): SsoCertificates | undefined {
    return this.lease.held ? this.certificates.of(key) : undefined;
  }

  get depths(): { readonly systems: number; readonly leader: number } {
    return { systems: this.queue.depth, leader: this.duties.depth };
  }

  get oldestMs(): number {
    return Math.max(this.queue.oldestMs, this.duties.oldestMs);
  }

  lookAt(systemKey: string): void {
    this.queue.add(systemKey);
  }

  systemGone(system: ExternalSystem): void {
    this.runMaker.forget(system.metadata.uid);
    this.queue.add(keyOf(system));
    this.duties.systemGone();
  }

  runGone(run: SyncRun): void {
    this.duties.runGone(run);
    this.queue.add(systemKeyOf(run));
  }

  private goneRuns(): GoneRuns {
    const { options, cluster, caches, ender, onEnded, recovery } = this.parts;
    const { store, logger, monotonicMs } = options;
    return new GoneRuns({
      store,
      cluster,
      ender,
      getRun: caches.getRun,
      watches: (key) => this.watches(key),
      archiveBehind: (key) => recovery.behind(key),
      alive: (worker, runUid) => this.alive(worker, runUid),
      monotonicMs,
      onEnded,
      onError: (error, { correlationId, system, runName }) =>
        logger.warn('open run not looked at', { correlationId, system, run: runName, error }),
    });
  }

  private goneSystems(): GoneSystems {
    const { options, cluster, caches, counts } = this.parts;
    const { store, logger, now, identity } = options;
    return new GoneSystems({
      ...{ store, cluster, now, identity },
      getSystem: caches.getSystem,
      watches: (key) => this.watches(key),
      onWithdrawn: (system, records) => {
        logger.info('system withdrawn', { system, records });
        counts.withdrawn(system);
      },
      onError: (error, system) => logger.warn('gone system not looked at', { system, error }),
    });
  }

  /** Whether this worker lives; of this very process, whether it has the run in hand. */
  private async alive(worker: string, runUid: string): Promise<boolean> {
    const { options, replicas } = this.parts;
    if (worker === options.identity) return this.replica.worksOn(runUid);
    await replicas.look(worker);
    return !replicas.lapsed(worker);
  }

  private watches(key: string): boolean {
    const { namespaces } = this.parts.options;
    return namespaces.length === 0 || namespaces.some((namespace) => key.startsWith(`${namespace}/`));
  }

  private changed(held: boolean): void {
    const { options, caches } = this.parts;
    options.logger.info(held ? 'leading' : 'not leading', { identity: options.identity });
    if (!held) return;
    this.duties.begin();
    for (const system of caches.systems()) this.queue.add(keyOf(system));
  }
}
