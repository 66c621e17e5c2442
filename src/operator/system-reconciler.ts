// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';
import type { ExternalSystemStatus } from '../api/external-system.ts';
import { annotations } from '../api/group.ts';
import type { ExternalSystem } from '../api/resource.ts';
import type { SsoCertificates, Store, SystemHistory } from '../store/port.ts';
import { deletionApproval, type DeletionApproval } from '../sync/approval.ts';
import { statusFromArchive } from '../sync/run-record.ts';
import { resolveSchedule, type ResolvedSchedule } from '../sync/schedule.ts';
import { isConflict, isNotFound } from './api-error.ts';
import type { ArchiveRecovery } from './archive-recovery.ts';
import { certificatesVerdict, type CertificateWatch } from './certificates.ts';
import type { ClusterPort } from './cluster-port.ts';
import type { CredentialWatch } from './credential-watch.ts';
import { credentialsEndOf, credentialsVerdict } from './credentials-end.ts';
import { approvalVerdict, proposalStatus } from './deletion-approval.ts';
import { Pruner } from './pruning.ts';
import { setAsideVerdict } from './rows-set-aside.ts';
import type { Made, RunMaker } from './run-maker.ts';
import { differsByScheduleOnly, statusOf } from './system-status.ts';
import { judge } from './verdict.ts';
import type { WorkResult } from './work-queue.ts';

/** How often credentials that are known to be bad are looked at again. */
const credentialPollMs = 30_000;
/** A minute at most: Fresh changes with time alone, and a clock may be set. */
const longestLookMs = 60_000;
const shortestLookMs = 50;
/** So long the news that a run was made waits for the news of its end, to cost one write instead of two. */
const longestDeferralMs = 30_000;
/** Inventory counts as fresh for this many intervals. */
const freshIntervals = 3;

export interface SystemReconcilerDependencies {
  readonly cluster: ClusterPort;
  readonly store: Store;
  readonly credentialWatch: CredentialWatch;
  readonly certificates: CertificateWatch;
  readonly recovery: ArchiveRecovery;
  readonly runMaker: RunMaker;
  readonly getSystem: (key: string) => ExternalSystem | undefined;
  readonly specProblem: (system: ExternalSystem) => string | undefined;
  /** The run in hand of this process has proven the connection of this generation. */
  readonly connectedNow: (key: string, generation: number) => boolean;
  readonly now: () => Date;
  /** Takes known secrets out of a text. */
  readonly redact: (text: string) => string;
  /** After each write, with the system as it was before. */
  readonly onJudged: (system: ExternalSystem, status: ExternalSystemStatus) => void;
  /** A person asked for a run in a way that is not understood; told once for each. */
  readonly onRequestRefused: (system: ExternalSystem, problem: string) => void;
}

/** What the database knows of a system. */
interface StoredFacts {
  readonly history: SystemHistory;
  readonly approval: DeletionApproval;
  readonly certificates: SsoCertificates | undefined;
}

/**
 * One pass over one ExternalSystem: make the runs that are due, judge, write the status when it differs, prune.
 * Answers when to look again. Only the leader calls it.
 */
export class SystemReconciler {
  private readonly deps: SystemReconcilerDependencies;
  private readonly pruner: Pruner;
  /** What was written last, until the cache has it, and the version that it was written over. */
  private readonly written = new Map<string, { readonly over: string; readonly system: ExternalSystem }>();
  /** Since when a status waits for the end of a run, in ms since 1970. */
  private readonly deferred = new Map<string, number>();
  private readonly refusedRequests = new Map<string, string>();

  constructor(deps: SystemReconcilerDependencies) {
    this.deps = deps;
    this.pruner = new Pruner(deps.store, deps.cluster);
  }

  async reconcile(key: string): Promise<WorkResult> {
    const { deps } = this;
    const cached = deps.getSystem(key);
    if (cached === undefined) {
      this.forget(key);
      await this.pruner.prune(key, undefined);
      return undefined;
    }
    const system = this.newest(key, cached);
    const known = await deps.store.history(key, system.metadata.uid);
    const history = (await deps.recovery.catchUp(system, known))
      ? await deps.store.history(key, system.metadata.uid)
      : known;
    const problem = deps.specProblem(system);
    const resolved = resolveSchedule(system.spec.schedule, system.metadata.uid);
    const schedule = 'problem' in resolved ? undefined : resolved;
    const annotation = system.metadata.annotations?.[annotations.approveDeletions];
    const approval = await deletionApproval(deps.store, key, annotation, history.proposal, deps.now());
    const made =
      problem === undefined && schedule !== undefined
        ? await deps.runMaker.makeRuns(system, schedule, history, approval.state)
        : {};
    const certificates = await deps.certificates.look(key, deps.now());
    const status = this.judge(key, system, { history, approval, certificates }, problem, schedule, made);
    const waitMs = await this.write(key, cached, system, status, made);
    this.tellRefused(key, system, made.requestProblem);
    await this.pruner.prune(key, system);
    return { afterMs: this.nextLookMs(made, waitMs) };
  }

  private forget(key: string): void {
    this.deps.credentialWatch.forget(key);
    this.deps.certificates.forget(key);
    for (const known of [this.written, this.deferred, this.refusedRequests]) known.delete(key);
  }

  /** The cache may not yet have what was written a moment ago; to write again from there would only conflict. */
  private newest(key: string, cached: ExternalSystem): ExternalSystem {
    const written = this.written.get(key);
    if (written?.over === cached.metadata.resourceVersion) return written.system;
    this.written.delete(key);
    return cached;
  }

  private judge(
    key: string,
    system: ExternalSystem,
    { history, approval, certificates }: StoredFacts,
    problem: string | undefined,
    schedule: ResolvedSchedule | undefined,
    made: Made,
  ): ExternalSystemStatus {
    const { connectedNow, now, redact } = this.deps;
    const { generation } = system.metadata;
    const at = now();
    const lastVerdictRun =
      history.lastVerdict === undefined ? undefined : statusFromArchive(history.lastVerdict);
    const awaiting = approvalVerdict(system, approval);
    const judged = judge({
      generation,
      specProblem: problem,
      requestProblem: made.requestProblem,
      slotBlocked: made.slotBlocked,
      suspended: system.spec.suspend === true,
      lastVerdictRun,
      connectedNow: connectedNow(key, generation),
      lastSuccessAt: history.lastSuccessAt,
      freshForMs: freshIntervals * (schedule?.longestGapMs ?? 0),
      nextStart: made.nextStart,
      withheld: history.withheld,
      now: at,
    });
    const setAside = setAsideVerdict(system, history.setAside);
    const credentialsEnd = credentialsEndOf(system, lastVerdictRun);
    const verdicts = [
      ...judged,
      awaiting,
      setAside,
      certificatesVerdict(system, certificates, at),
      credentialsVerdict(system, credentialsEnd, at),
    ]
      .filter((one) => one !== undefined)
      .map((verdict) => ({
        ...verdict,
        message: redact(verdict.message),
      }));
    const proposal = proposalStatus(approval.waiting, redact);
    return statusOf(system, { history, verdicts, made, credentialsEnd, proposal, now: at });
  }

  /** Writes the status when it differs; answers how long it may wait when the end of a run will bring the next write anyway. */
  private async write(
    key: string,
    cached: ExternalSystem,
    system: ExternalSystem,
    status: ExternalSystemStatus,
    made: Made,
  ): Promise<number> {
    if (isDeepStrictEqual(status, system.status)) {
      this.deferred.delete(key);
      return Infinity;
    }
    const nowMs = this.deps.now().getTime();
    if (made.running === true && differsByScheduleOnly(system.status, status)) {
      const sinceMs = this.deferred.get(key) ?? nowMs;
      this.deferred.set(key, sinceMs);
      const leftMs = sinceMs + longestDeferralMs - nowMs;
      if (leftMs > 0) return leftMs;
    }
    try {
      const written = await this.deps.cluster.updateSystemStatus(system, status);
      this.written.set(key, { over: cached.metadata.resourceVersion, system: written });
      this.deferred.delete(key);
      this.deps.onJudged(system, status);
      return Infinity;
    } catch (error) {
      // Changed or deleted meanwhile: the event is on its way.
      if (isConflict(error) || isNotFound(error)) return 1_000;
      throw error;
    }
  }

  private tellRefused(key: string, system: ExternalSystem, problem: string | undefined): void {
    if (problem === undefined) this.refusedRequests.delete(key);
    else if (this.refusedRequests.get(key) !== problem) {
      this.refusedRequests.set(key, problem);
      this.deps.onRequestRefused(system, problem);
    }
  }

  /** A start that has passed is not looked at by the clock: what it waits for will be heard of. */
  private nextLookMs(made: Made, waitMs: number): number {
    const startMs = (made.nextStart?.getTime() ?? Infinity) - this.deps.now().getTime();
    return Math.max(
      shortestLookMs,
      Math.min(
        longestLookMs,
        waitMs,
        startMs > 0 ? startMs : Infinity,
        made.looksAtSecret === true ? credentialPollMs : Infinity,
      ),
    );
  }
}
