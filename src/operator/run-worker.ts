// SPDX-License-Identifier: Apache-2.0
import type { ExternalSystem, SyncRun } from '../api/resource.ts';
import { annotations } from '../api/group.ts';
import { parseDurationMs } from '../api/duration.ts';
import { isFinal } from '../api/sync-run.ts';
import { Failure } from '../connector/failure.ts';
import { FenceLost, SlotTaken, type ArchivedRun, type Store } from '../store/port.ts';
import { RunStop, type TimeLimits } from '../sync/control.ts';
import type { Progress, SyncRequest } from '../sync/engine.ts';
import { seconds } from '../api/time.ts';
import { statusFromArchive } from '../sync/run-record.ts';
import { isConflict, isNotFound } from './api-error.ts';
import type { ClusterPort } from './cluster-port.ts';
import { correlationIdOf, systemKeyOf } from './keys.ts';
import type { LiveProgress } from './live-progress.ts';
import { missedSlotsOf } from './missed-slots.ts';
import type { RunEnder } from './run-ending.ts';
import { waitsForAnother } from './run-order.ts';
import { cancelled, refusalOf, type Refusal } from './run-refusal.ts';
import type { WorkResult } from './work-queue.ts';

/** A run that lost its worker this often is given up. */
const maxAttempts = 3;
/** What a run waits for is looked at again so soon; mostly an event comes first. */
const lookAgainMs = 2_000;

export interface RunWorkerDependencies {
  readonly identity: string;
  readonly cluster: ClusterPort;
  readonly store: Store;
  readonly ender: RunEnder;
  readonly getRun: (key: string) => SyncRun | undefined;
  readonly getSystem: (key: string) => ExternalSystem | undefined;
  /** Runs of the system that have not ended. */
  readonly activeRuns: (systemKey: string) => readonly SyncRun[];
  /** Whether the worker of that identity has stopped renewing its Lease, as this process has watched it. */
  readonly lapsed: (worker: string) => boolean;
  /** Whether the archive of a system must first be brought back in step with the cluster. */
  readonly archiveBehind: (systemKey: string) => Promise<boolean>;
  readonly sync: (
    request: SyncRequest,
    system: ExternalSystem,
    run: SyncRun,
    signal: AbortSignal,
    onProgress: (progress: Progress) => void,
  ) => Promise<ArchivedRun>;
  /** Shows how far a run is that was claimed. */
  readonly liveProgress: (run: SyncRun) => Pick<LiveProgress, 'note' | 'close'>;
  readonly now: () => Date;
  readonly onClaimed: (run: SyncRun, system: ExternalSystem) => void;
  readonly onEnded: (archived: ArchivedRun, run: SyncRun) => void;
}

/** Takes runs from Pending to their frozen end. One process, any number of runs, one at a time per system. */
export class RunWorker {
  private readonly deps: RunWorkerDependencies;
  /** The run in hand by system. */
  private readonly active = new Map<string, { readonly run: string; readonly stop: AbortController }>();
  /** Runs of ours whose attempt broke after the database had it: they go on with the next one. */
  private readonly broken = new Set<string>();
  private stopping = false;

  constructor(deps: RunWorkerDependencies) {
    this.deps = deps;
  }

  /** Stops every run at its last checkpoint and leaves it Running, for takeover. */
  shutdown(): void {
    this.stopping = true;
    this.stopAll('the operator is shutting down');
  }

  /** Stops the runs in hand at their last checkpoint; others may take them over. The worker itself goes on. */
  letGo(): void {
    this.stopAll('the lease of this replica was lost');
  }

  get activeRuns(): number {
    return this.active.size;
  }

  /** Whether the run of this uid is in hand. */
  worksOn(runUid: string): boolean {
    return [...this.active.values()].some(({ run }) => run === runUid);
  }

  /** Whether a run of this system is in hand. */
  worksFor(systemKey: string): boolean {
    return this.active.has(systemKey);
  }

  /** Cancels the run in hand of a system, if there is one. */
  cancelSystem(systemKey: string, message: string): void {
    this.active.get(systemKey)?.stop.abort(new RunStop('cancelled', message));
  }

  /** Called for every change of a run: a cancel annotation must reach a run that is being worked on. */
  observe(run: SyncRun): void {
    if (run.metadata.annotations?.[annotations.cancel] === 'true')
      this.cancel(run, 'cancelled by annotation');
  }

  /** A run that was deleted while it is worked on is archived as Cancelled. */
  forget(run: SyncRun): void {
    this.broken.delete(run.metadata.uid);
    if (!isFinal(run.status?.phase)) this.cancel(run, 'the SyncRun was deleted');
  }

  async process(key: string): Promise<WorkResult> {
    const { deps } = this;
    const run = deps.getRun(key);
    if (run === undefined || isFinal(run.status?.phase) || this.stopping) return undefined;
    const archived = await deps.store.archivedRun(run.metadata.uid);
    if (archived !== undefined) {
      await this.publish(run, archived, false);
      return undefined;
    }
    if (await deps.archiveBehind(systemKeyOf(run))) return later;
    const holder = run.status?.phase === 'Running' ? run.status.worker : undefined;
    if (holder !== undefined && holder !== deps.identity && !deps.lapsed(holder)) return later;

    const systemKey = systemKeyOf(run);
    const system = deps.getSystem(systemKey);
    const refusal = refusalOf(run, system, deps.now());
    if (refusal === 'wait') return later;
    if (refusal !== undefined) return this.end(run, refusal);
    if (system === undefined) return undefined;
    if (this.nextAttempt(run) > maxAttempts) {
      const message = `the worker of this run was lost ${maxAttempts} times; see the operator's log around these times, and whether another operator with other Leases (--lease-namespace) works on the same systems`;
      return this.end(run, { phase: 'Failed', failure: new Failure('internal', message) });
    }
    if (this.active.has(systemKey) || this.waits(run, systemKey)) return later;
    return this.work(run, system, systemKey);
  }

  private waits(run: SyncRun, systemKey: string): boolean {
    const { identity, lapsed, activeRuns } = this.deps;
    const others = activeRuns(systemKey).filter(({ metadata }) => metadata.uid !== run.metadata.uid);
    return waitsForAnother(run, { others, identity, lapsed });
  }

  private async work(run: SyncRun, system: ExternalSystem, systemKey: string): Promise<WorkResult> {
    const { deps } = this;
    const stop = new AbortController();
    this.active.set(systemKey, { run: run.metadata.uid, stop });
    let claimed = run;
    try {
      // While the database may not be used, a newer version's for example, the run stays as it is: another replica takes it.
      await deps.store.ping();
      const held = await this.claim(run, system);
      // Another replica was faster, or a person changed it: the event is on its way.
      if (held === undefined) return later;
      claimed = held;
      const request = await this.request(claimed, system, systemKey);
      const archived = await this.carryOut(request, system, claimed, stop.signal);
      await this.publish(claimed, archived, true);
      return undefined;
    } catch (error) {
      if (error instanceof RunStop) return undefined;
      if (error instanceof FenceLost) return await this.replaced(claimed, error);
      if (error instanceof SlotTaken) return await this.slotTaken(claimed, error);
      await this.noteBroken(claimed);
      throw error;
    } finally {
      this.active.delete(systemKey);
    }
  }

  private async carryOut(
    request: SyncRequest,
    system: ExternalSystem,
    run: SyncRun,
    signal: AbortSignal,
  ): Promise<ArchivedRun> {
    const live = this.deps.liveProgress(run);
    try {
      return await this.deps.sync(request, system, run, signal, (progress) => live.note(progress));
    } finally {
      await live.close();
    }
  }

  /** The attempt that working on the run now would be. */
  private nextAttempt(run: SyncRun): number {
    const { phase, worker, attempt = 0 } = run.status ?? {};
    const ours = phase === 'Running' && worker === this.deps.identity && !this.broken.has(run.metadata.uid);
    return ours ? attempt : attempt + 1;
  }

  /**
   * Takes the run in the cluster; undefined when it was changed meanwhile. A run that is ours already, because the database was
   * away when it was to be claimed there or because the Lease was lost for a moment, goes on as the same attempt: else an outage
   * would use up all of them.
   */
  private async claim(run: SyncRun, system: ExternalSystem): Promise<SyncRun | undefined> {
    const { identity, now, cluster, onClaimed } = this.deps;
    const attempt = this.nextAttempt(run);
    if (attempt === run.status?.attempt) return run;
    try {
      const claimed = await cluster.updateRunStatus(run, {
        phase: 'Running',
        mode: run.spec.mode,
        startTime: run.status?.startTime ?? seconds(now()),
        systemUid: system.metadata.uid,
        systemGeneration: system.metadata.generation,
        worker: identity,
        attempt,
        correlationId: correlationIdOf(run),
        // Of an attempt before this one: it is gone on from there.
        ...(run.status?.totals === undefined ? {} : { totals: run.status.totals }),
      });
      this.broken.delete(run.metadata.uid);
      onClaimed(claimed, system);
      return claimed;
    } catch (error) {
      if (isConflict(error) || isNotFound(error)) return undefined;
      throw error;
    }
  }

  private async request(run: SyncRun, system: ExternalSystem, systemKey: string): Promise<SyncRequest> {
    const { scheduledTime } = run.spec;
    const slot = scheduledTime === undefined ? undefined : new Date(scheduledTime);
    const missedSlots = await missedSlotsOf(this.deps.store, system, slot);
    return {
      system: {
        key: systemKey,
        uid: system.metadata.uid,
        generation: system.metadata.generation,
        spec: system.spec,
        approval: system.metadata.annotations?.[annotations.approveDeletions],
      },
      run: {
        name: run.metadata.name,
        uid: run.metadata.uid,
        spec: run.spec,
        attempt: run.status?.attempt ?? 1,
        ...(missedSlots === undefined ? {} : { missedSlots }),
      },
      worker: this.deps.identity,
      limits: timeLimits(system),
    };
  }

  /** Another run or process took the system. Only the run itself may be ended, and only by who still holds it. */
  private async replaced(run: SyncRun, lost: FenceLost): Promise<WorkResult> {
    const current = await this.deps.cluster.getRun(run.metadata.namespace, run.metadata.name);
    if (current?.metadata.uid !== run.metadata.uid || isFinal(current.status?.phase)) return undefined;
    if (current.status?.worker !== this.deps.identity) return undefined;
    return this.end(current, cancelled(lost.message));
  }

  /** Another run had the slot first: this one can never be carried out. */
  private async slotTaken(run: SyncRun, taken: SlotTaken): Promise<WorkResult> {
    const { store } = this.deps;
    const slot = run.spec.scheduledTime === undefined ? 0 : Date.parse(run.spec.scheduledTime);
    const known = [...(await store.openRuns()), ...(await store.archivedRuns(systemKeyOf(run), 100))];
    const holder = known.find(
      (one) => one.slot?.getTime() === slot && one.systemUid === run.status?.systemUid,
    );
    const which = holder === undefined ? '' : `: ${holder.runName}, uid ${holder.runUid}`;
    return this.end(run, cancelled(`${taken.message}${which}`), { takesSlot: false });
  }

  /** What breaks after the database has the attempt is no outage alone: it counts, so that it cannot go on for ever. */
  private async noteBroken(run: SyncRun): Promise<void> {
    const { uid } = run.metadata;
    const open = await this.deps.store.openRuns().catch(() => []);
    if (open.some(({ runUid, attempt }) => runUid === uid && attempt === run.status?.attempt))
      this.broken.add(uid);
  }

  /** Ends a run that is not carried out (any more): into the archive first, then into the cluster. */
  private async end(
    run: SyncRun,
    ending: Refusal,
    options: { takesSlot?: boolean } = {},
  ): Promise<undefined> {
    await this.publish(run, await this.deps.ender.end(run, ending, options), true);
    return undefined;
  }

  /**
   * Copies the archived record into the cluster and tells of the end. A run is told of once, by who wrote its end: a cache
   * that is a moment behind, or another replica, may bring a run here again.
   */
  private async publish(run: SyncRun, archived: ArchivedRun, endedHere: boolean): Promise<void> {
    const { deps } = this;
    this.broken.delete(run.metadata.uid);
    const current = await deps.cluster.getRun(run.metadata.namespace, run.metadata.name);
    if (current === undefined || current.metadata.uid !== archived.runUid) {
      // An object that is gone meanwhile needs no copy; only who ended the run can still tell.
      if (endedHere) deps.onEnded(archived, run);
      return;
    }
    if (isFinal(current.status?.phase)) return;
    await deps.cluster.updateRunStatus(current, statusFromArchive(archived));
    deps.onEnded(archived, run);
  }

  private cancel(run: SyncRun, message: string): void {
    const held = this.active.get(systemKeyOf(run));
    if (held?.run === run.metadata.uid) held.stop.abort(new RunStop('cancelled', message));
  }

  private stopAll(message: string): void {
    for (const { stop } of this.active.values()) stop.abort(new RunStop('shutdown', message));
  }
}

const later = { afterMs: lookAgainMs } as const;

function timeLimits(system: ExternalSystem): TimeLimits {
  const { softTimeLimit = '25m', hardTimeLimit = '30m' } = system.spec.limits ?? {};
  return {
    softMs: parseDurationMs(softTimeLimit) ?? 25 * 60_000,
    hardMs: parseDurationMs(hardTimeLimit) ?? 30 * 60_000,
  };
}
