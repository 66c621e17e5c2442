// SPDX-License-Identifier: Apache-2.0
import type { ExternalSystem, SyncRun } from '../api/resource.ts';
import { annotations } from '../api/group.ts';
import { parseDurationMs } from '../api/duration.ts';
import { isFinal, type SyncRunStatus } from '../api/sync-run.ts';
import type { FailureCode } from '../api/failure.ts';
import { Failure, toRunFailure } from '../connector/failure.ts';
import { FenceLost, type ArchivedRun, type Store } from '../store/port.ts';
import { RunStop, type TimeLimits } from '../sync/control.ts';
import { seconds, type SyncRequest } from '../sync/engine.ts';
import { sealRun, statusFromArchive } from '../sync/run-record.ts';
import type { ClusterPort } from './cluster-port.ts';

/** A run that lost its worker this often is given up. */
const maxAttempts = 3;
/** A run waits this long for a system that does not exist (a GitOps tool may apply them in any order). */
const systemGraceMs = 60_000;

export interface RunWorkerDependencies {
  readonly identity: string;
  readonly cluster: ClusterPort;
  readonly store: Store;
  readonly getRun: (key: string) => SyncRun | undefined;
  readonly getSystem: (key: string) => ExternalSystem | undefined;
  /** Whether the worker of that identity has stopped renewing its Lease, as this process has watched it. */
  readonly lapsed: (worker: string) => boolean;
  readonly sync: (request: SyncRequest, system: ExternalSystem, signal: AbortSignal) => Promise<ArchivedRun>;
  /** Slots that got no run since the one before; undefined when there are none. */
  readonly missedSlots: (system: ExternalSystem, run: SyncRun) => Promise<SyncRunStatus['missedSlots']>;
  readonly now: () => Date;
  readonly onClaimed: (run: SyncRun, system: ExternalSystem) => void;
  readonly onEnded: (run: SyncRun, archived: ArchivedRun) => void;
}

/** What the queue should do with the key next. */
export type Next = { readonly afterMs: number } | undefined;

/** Takes runs from Pending to their frozen end. One process, any number of runs, one at a time per system. */
export class RunWorker {
  private readonly deps: RunWorkerDependencies;
  private readonly active = new Map<string, { readonly run: string; readonly stop: AbortController }>();
  private stopping = false;

  constructor(deps: RunWorkerDependencies) {
    this.deps = deps;
  }

  /** Stops every run at its last checkpoint and leaves it Running, for takeover. */
  shutdown(): void {
    this.stopping = true;
    for (const { stop } of this.active.values())
      stop.abort(new RunStop('shutdown', 'the operator is shutting down'));
  }

  /** Stops the runs in hand at their last checkpoint; others may take them over. The worker itself goes on. */
  letGo(): void {
    for (const { stop } of this.active.values())
      stop.abort(new RunStop('shutdown', 'the lease of this replica was lost'));
  }

  get activeRuns(): number {
    return this.active.size;
  }

  /** Cancels the run in hand of a system, if there is one. */
  cancelSystem(systemKey: string, message: string): void {
    this.active.get(systemKey)?.stop.abort(new RunStop('cancelled', message));
  }

  /** Called for every change of a run: a cancel annotation must reach a run that is being worked on. */
  observe(run: SyncRun): void {
    if (run.metadata.annotations?.[annotations.cancel] !== 'true') return;
    const held = this.active.get(systemKeyOf(run));
    if (held !== undefined && held.run === run.metadata.uid)
      held.stop.abort(new RunStop('cancelled', 'cancelled by annotation'));
  }

  /** A run that was deleted while it is worked on is archived as Cancelled. */
  forget(run: SyncRun): void {
    const held = this.active.get(systemKeyOf(run));
    if (held !== undefined && held.run === run.metadata.uid && !isFinal(run.status?.phase)) {
      held.stop.abort(new RunStop('cancelled', 'the SyncRun was deleted'));
    }
  }

  async process(key: string): Promise<Next> {
    const { deps } = this;
    const run = deps.getRun(key);
    if (run === undefined || isFinal(run.status?.phase) || this.stopping) return undefined;
    const archived = await deps.store.archivedRun(run.metadata.uid);
    if (archived !== undefined) {
      await this.publish(run, archived, false);
      return undefined;
    }
    const systemKey = systemKeyOf(run);
    const holder = run.status?.phase === 'Running' ? run.status.worker : undefined;
    if (holder !== undefined && holder !== deps.identity && !deps.lapsed(holder)) return { afterMs: 2_000 };
    if (this.active.has(systemKey)) return { afterMs: 1_000 };

    const system = deps.getSystem(systemKey);
    const refusal = this.refusal(run, system);
    if (refusal === 'wait') return { afterMs: 2_000 };
    if (refusal !== undefined) return this.end(run, refusal.phase, refusal.failure);
    if (system === undefined) return undefined;
    if ((run.status?.attempt ?? 0) >= maxAttempts) {
      const message = `the worker of this run was lost ${maxAttempts} times; see the operator's log around these times`;
      return this.end(run, 'Failed', new Failure('internal', message));
    }
    return this.work(run, system, systemKey);
  }

  /** Why a run is not carried out, if so. */
  private refusal(
    run: SyncRun,
    system: ExternalSystem | undefined,
  ): 'wait' | { phase: 'Failed' | 'Cancelled' | 'Skipped'; failure: Failure } | undefined {
    const { systemRef, mode } = run.spec;
    const started = run.status?.phase === 'Running';
    if (run.metadata.annotations?.[annotations.cancel] === 'true') {
      return { phase: 'Cancelled', failure: new Failure('cancelled', 'cancelled by annotation') };
    }
    if (system === undefined) {
      if (started) {
        return { phase: 'Cancelled', failure: new Failure('cancelled', 'the ExternalSystem was deleted') };
      }
      const ageMs = this.deps.now().getTime() - Date.parse(run.metadata.creationTimestamp);
      if (ageMs < systemGraceMs) return 'wait';
      const where = `spec.systemRef.name: no ExternalSystem ${systemRef.name} in namespace ${run.metadata.namespace}`;
      return refused('configuration', `${where}; create it, or delete this SyncRun`);
    }
    if (systemRef.uid !== undefined && systemRef.uid !== system.metadata.uid) {
      if (started)
        return { phase: 'Cancelled', failure: new Failure('cancelled', 'the ExternalSystem was made again') };
      return refused(
        'configuration',
        `spec.systemRef.uid: ${systemRef.name} has another uid, it was made again`,
      );
    }
    const generation = systemRef.generation ?? run.status?.systemGeneration;
    if (generation !== undefined && generation !== system.metadata.generation) {
      if (started || run.spec.trigger !== undefined) {
        const message = `the spec of ${systemRef.name} changed to generation ${system.metadata.generation}`;
        return { phase: 'Cancelled', failure: new Failure('cancelled', message) };
      }
      const message = `spec.systemRef.generation: ${systemRef.name} is at generation ${system.metadata.generation}`;
      return refused('configuration', message);
    }
    if (system.spec.suspend === true && mode !== 'Test' && mode !== 'Plan' && !started) {
      const message = `${systemRef.name} is suspended; set spec.suspend to false or use mode Test`;
      return { phase: 'Skipped', failure: new Failure('configuration', message) };
    }
    return undefined;
  }

  private async work(run: SyncRun, system: ExternalSystem, systemKey: string): Promise<Next> {
    const { deps } = this;
    const stop = new AbortController();
    this.active.set(systemKey, { run: run.metadata.uid, stop });
    try {
      const claimed = await this.claim(run, system);
      deps.onClaimed(claimed, system);
      const archived = await deps.sync(await this.request(claimed, system, systemKey), system, stop.signal);
      await this.publish(claimed, archived, true);
      return undefined;
    } catch (error) {
      if (error instanceof RunStop) return undefined;
      if (error instanceof FenceLost) return this.replaced(run, error);
      throw error;
    } finally {
      this.active.delete(systemKey);
    }
  }

  private claim(run: SyncRun, system: ExternalSystem): Promise<SyncRun> {
    const { identity, now, cluster } = this.deps;
    return cluster.updateRunStatus(run, {
      phase: 'Running',
      mode: run.spec.mode,
      startTime: run.status?.startTime ?? seconds(now()),
      systemUid: system.metadata.uid,
      systemGeneration: system.metadata.generation,
      worker: identity,
      attempt: (run.status?.attempt ?? 0) + 1,
      correlationId: run.spec.correlationId ?? run.metadata.uid,
    });
  }

  private async request(run: SyncRun, system: ExternalSystem, systemKey: string): Promise<SyncRequest> {
    const missedSlots = await this.deps.missedSlots(system, run);
    return {
      system: {
        key: systemKey,
        uid: system.metadata.uid,
        generation: system.metadata.generation,
        spec: system.spec,
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
  private async replaced(run: SyncRun, lost: FenceLost): Promise<Next> {
    const current = await this.deps.cluster.getRun(run.metadata.namespace, run.metadata.name);
    if (current?.status?.worker !== this.deps.identity || isFinal(current.status.phase)) return undefined;
    return this.end(current, 'Cancelled', new Failure('cancelled', lost.message));
  }

  /** Ends a run that is not carried out (any more): into the archive first, then into the cluster. */
  private async end(
    run: SyncRun,
    phase: 'Failed' | 'Cancelled' | 'Skipped',
    failure: Failure,
  ): Promise<Next> {
    const { deps } = this;
    const system = deps.getSystem(systemKeyOf(run));
    const at = deps.now();
    const systemUid = run.status?.systemUid ?? system?.metadata.uid ?? run.spec.systemRef.uid ?? '';
    const attempt = run.status?.attempt ?? 0;
    const correlationId = run.spec.correlationId ?? run.metadata.uid;
    const claim = {
      system: systemKeyOf(run),
      systemUid,
      systemGeneration: run.status?.systemGeneration ?? system?.metadata.generation ?? 0,
      runUid: run.metadata.uid,
      runName: run.metadata.name,
      attempt,
      mode: run.spec.mode,
      trigger: run.spec.trigger ?? 'Manual',
      slot: run.spec.scheduledTime === undefined ? undefined : new Date(run.spec.scheduledTime),
      correlationId,
      worker: deps.identity,
      demo: system?.spec.demo ?? false,
      at,
    } as const;
    const status: SyncRunStatus = {
      phase,
      mode: run.spec.mode,
      ...(run.status?.startTime === undefined ? {} : { startTime: run.status.startTime }),
      completionTime: seconds(at),
      ...(systemUid === '' ? {} : { systemUid, systemGeneration: claim.systemGeneration }),
      worker: deps.identity,
      attempt,
      correlationId,
      failure: toRunFailure(failure),
    };
    const record = {
      system: claim.system,
      run: { name: run.metadata.name, uid: run.metadata.uid },
      spec: run.spec,
      status,
    };
    const outcome = { phase, failureCode: failure.code, endedAt: at, fullComplete: false };
    const archived = await deps.store.finishUnclaimed(claim, outcome, (link) => sealRun(record, link));
    await this.publish(run, archived, true);
    return undefined;
  }

  /**
   * Copies the archived record into the cluster and tells of the end. A run is told of once, by who wrote its end: a cache
   * that is a moment behind, or another replica, may bring a run here again.
   */
  private async publish(run: SyncRun, archived: ArchivedRun, carriedOut: boolean): Promise<void> {
    const { deps } = this;
    const current = await deps.cluster.getRun(run.metadata.namespace, run.metadata.name);
    if (current === undefined || current.metadata.uid !== archived.runUid) {
      // An object that is gone meanwhile needs no copy; only who carried the run out can still tell.
      if (carriedOut) deps.onEnded(run, archived);
      return;
    }
    if (isFinal(current.status?.phase)) return;
    await deps.cluster.updateRunStatus(current, statusFromArchive(archived));
    deps.onEnded(run, archived);
  }
}

function refused(code: FailureCode, message: string) {
  return { phase: 'Failed', failure: new Failure(code, message) } as const;
}

/** `namespace/name` of the system that a run is for. */
export function systemKeyOf(run: SyncRun): string {
  return `${run.metadata.namespace}/${run.spec.systemRef.name}`;
}

function timeLimits(system: ExternalSystem): TimeLimits {
  const { softTimeLimit = '25m', hardTimeLimit = '30m' } = system.spec.limits ?? {};
  return {
    softMs: parseDurationMs(softTimeLimit) ?? 25 * 60_000,
    hardMs: parseDurationMs(hardTimeLimit) ?? 30 * 60_000,
  };
}
