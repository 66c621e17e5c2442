// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';
import { mergeConditions } from '../api/conditions.ts';
import type { ExternalSystemStatus } from '../api/external-system.ts';
import { annotations } from '../api/group.ts';
import type { ExternalSystem, SyncRun } from '../api/resource.ts';
import { isFinal, runModes, type RunMode, type SyncRunSpec, type SyncRunStatus } from '../api/sync-run.ts';
import type { ArchivedRun, Store, SystemHistory } from '../store/port.ts';
import { seconds } from '../sync/engine.ts';
import { requestRunName, slotRunName, specRunName, credentialsRunName } from '../sync/run-names.ts';
import { statusFromArchive } from '../sync/run-record.ts';
import { fullDue, plan, resolveSchedule, type ResolvedSchedule } from '../sync/schedule.ts';
import type { ClusterPort } from './cluster-port.ts';
import type { CredentialWatch } from './credential-watch.ts';
import { backoffMs, waitsForPerson } from './failure-backoff.ts';
import { judge } from './verdict.ts';

/** How often credentials that are known to be bad are looked at again. */
const credentialPollMs = 30_000;
/** Inventory counts as fresh for this many intervals. */
const freshIntervals = 3;

export interface SystemReconcilerDependencies {
  readonly cluster: ClusterPort;
  readonly store: Store;
  readonly credentialWatch: CredentialWatch;
  readonly getSystem: (key: string) => ExternalSystem | undefined;
  /** Runs of the system that have not ended. */
  readonly activeRuns: (key: string) => readonly SyncRun[];
  readonly specProblem: (system: ExternalSystem) => string | undefined;
  /** The run in hand of this process has proven the connection of this generation. */
  readonly connectedNow: (key: string, generation: number) => boolean;
  readonly now: () => Date;
  readonly onRunMade: (system: ExternalSystem, name: string) => void;
  readonly onJudged: (system: ExternalSystem, status: ExternalSystemStatus) => void;
}

/** One archived run with the status it published. */
interface VerdictRun {
  readonly name: string;
  readonly status: SyncRunStatus;
}

/**
 * One pass over one ExternalSystem: make the runs that are due, judge, write the status when it differs, prune.
 * Answers when to look again. Only the leader calls it.
 */
export class SystemReconciler {
  private readonly deps: SystemReconcilerDependencies;

  constructor(deps: SystemReconcilerDependencies) {
    this.deps = deps;
  }

  async reconcile(key: string): Promise<{ readonly afterMs: number } | undefined> {
    const { deps } = this;
    const system = deps.getSystem(key);
    if (system === undefined) {
      deps.credentialWatch.forget(key);
      await this.prune(key, { successful: 0, failed: 0 });
      return undefined;
    }
    const history = await deps.store.history(key);
    const problem = deps.specProblem(system);
    const resolved = resolveSchedule(system.spec.schedule, system.metadata.uid);
    const schedule = 'problem' in resolved ? undefined : resolved;
    const made =
      problem === undefined && schedule !== undefined ? await this.makeRuns(system, schedule, history) : {};
    const status = await this.judge(system, history, problem, schedule, made);
    if (!isDeepStrictEqual(status, system.status)) await deps.cluster.updateSystemStatus(system, status);
    deps.onJudged(system, status);
    await this.prune(key, {
      successful: system.spec.history?.successful ?? 10,
      failed: system.spec.history?.failed ?? 10,
    });
    return { afterMs: this.nextLookMs(status, made) };
  }

  /** Makes what is due: a requested run, a run for a new spec or new credentials, a slot. */
  private async makeRuns(
    system: ExternalSystem,
    schedule: ResolvedSchedule,
    history: SystemHistory,
  ): Promise<Made> {
    const key = keyOf(system);
    const requested = await this.makeRequested(system);
    const full = fullDue(schedule, { lastFullAt: history.lastFullAt, now: this.deps.now() });
    const mode: RunMode = full ? 'Full' : 'Incremental';
    const last = history.last === undefined ? undefined : statusFromArchive(history.last);
    const waiting =
      waitsForPerson(last?.failure?.code) && last?.systemGeneration === system.metadata.generation;
    const changedSecret = waiting ? await this.deps.credentialWatch.changed(key, system) : undefined;
    if (changedSecret === undefined && !waiting) this.deps.credentialWatch.forget(key);
    const held = waiting ? backoffUntil(history, schedule) : undefined;
    const planned = plan(schedule, {
      createdAt: new Date(system.metadata.creationTimestamp),
      now: this.deps.now(),
      lastSlot: history.lastScheduledSlot ?? lastSlotOf(system),
      lastStartedAt: history.lastStartedAt,
    });
    const made: Made = {
      ...(planned.nextStart === undefined ? {} : { nextStart: later(planned.nextStart, held) }),
      pollCredentials: waiting,
      ...(requested === undefined ? {} : { handledRequest: requested }),
    };
    if (system.spec.suspend === true || this.deps.activeRuns(key).length > 0) return made;

    if (changedSecret !== undefined) {
      const name = credentialsRunName(system.metadata.name, changedSecret.uid, changedSecret.resourceVersion);
      await this.make(system, name, { mode, trigger: 'CredentialsChange' });
      return made;
    }
    const judgedGeneration = last?.systemGeneration;
    if (judgedGeneration !== undefined && judgedGeneration < system.metadata.generation) {
      const created = await this.make(system, specRunName(system.metadata.name, system.metadata.generation), {
        mode,
        trigger: 'SpecChange',
      });
      if (created) return made;
    }
    if (planned.due === undefined || (held !== undefined && held > this.deps.now())) return made;
    const { slot } = planned.due;
    const name = slotRunName(system.metadata.name, slot);
    const created = await this.make(system, name, {
      mode,
      trigger: 'Schedule',
      scheduledTime: seconds(slot),
    });
    if (created) return { ...made, slot };
    return { ...made, slot, ...(await this.blockedBy(system, name)) };
  }

  private async makeRequested(system: ExternalSystem): Promise<string | undefined> {
    const token = system.metadata.annotations?.[annotations.runRequested];
    if (token === undefined || token === '' || token === system.status?.lastHandledRequest) return undefined;
    const asked = system.metadata.annotations?.[annotations.runMode];
    const mode = runModes.find((name) => name === asked) ?? 'Incremental';
    await this.make(system, requestRunName(system.metadata.name, system.metadata.uid, token), {
      mode,
      trigger: 'Manual',
    });
    return token.slice(0, 256);
  }

  private async make(
    system: ExternalSystem,
    name: string,
    spec: Omit<SyncRunSpec, 'systemRef'>,
  ): Promise<boolean> {
    const { name: owner, namespace, uid, generation } = system.metadata;
    const systemRef = { name: owner, uid, generation };
    const created = await this.deps.cluster.createRun({
      namespace,
      name,
      spec: { systemRef, ...spec },
      owner: { name: owner, uid },
    });
    if (created) this.deps.onRunMade(system, name);
    return created;
  }

  /** On AlreadyExists: our own scheduled run means the slot is taken; anything else blocks it. */
  private async blockedBy(system: ExternalSystem, name: string): Promise<{ slotBlocked?: string }> {
    const { namespace, uid } = system.metadata;
    const existing = await this.deps.cluster.getRun(namespace, name);
    if (existing === undefined) return {};
    if (existing.spec.systemRef.uid === uid && existing.spec.trigger === 'Schedule') return {};
    return { slotBlocked: `SyncRun ${name} is not this system's scheduled run but has its name; delete it` };
  }

  private async judge(
    system: ExternalSystem,
    history: SystemHistory,
    problem: string | undefined,
    schedule: ResolvedSchedule | undefined,
    made: Made,
  ): Promise<ExternalSystemStatus> {
    const { deps } = this;
    const key = keyOf(system);
    const { generation } = system.metadata;
    const now = deps.now();
    const verdicts = judge({
      generation,
      specProblem: problem,
      slotBlocked: made.slotBlocked,
      suspended: system.spec.suspend === true,
      lastVerdictRun: await this.lastVerdictRun(key),
      connectedNow: deps.connectedNow(key, generation),
      lastSuccessAt: history.lastSuccessAt,
      freshForMs: freshIntervals * (schedule?.longestGapMs ?? 0),
      nextStart: made.nextStart,
      now,
    });
    const before = system.status ?? {};
    const slot = made.slot ?? history.lastScheduledSlot;
    const lastScheduleTime = slot === undefined ? before.lastScheduleTime : seconds(slot);
    const lastHandledRequest = made.handledRequest ?? before.lastHandledRequest;
    const scheduled = system.spec.suspend !== true && made.nextStart !== undefined;
    return {
      observedGeneration: generation,
      conditions: mergeConditions(before.conditions ?? [], verdicts, generation, now),
      ...(scheduled && made.nextStart !== undefined ? { nextRunTime: seconds(made.nextStart) } : {}),
      ...(lastScheduleTime === undefined ? {} : { lastScheduleTime }),
      ...(history.lastSuccessAt === undefined ? {} : { lastSuccessTime: seconds(history.lastSuccessAt) }),
      ...(history.lastFailureAt === undefined ? {} : { lastFailureTime: seconds(history.lastFailureAt) }),
      ...(history.last === undefined ? {} : { lastRun: lastRunOf(history.last) }),
      consecutiveFailures: history.consecutiveFailures,
      ...(lastHandledRequest === undefined ? {} : { lastHandledRequest }),
      ...(history.chainHead === undefined ? {} : { chainHead: history.chainHead }),
    };
  }

  /** The newest run that says something of the connection. */
  private async lastVerdictRun(key: string): Promise<VerdictRun | undefined> {
    for (const archived of await this.deps.store.archivedRuns(key, 10)) {
      if (archived.phase === 'Cancelled' || archived.phase === 'Skipped') continue;
      return { name: archived.runName, status: statusFromArchive(archived) };
    }
    return undefined;
  }

  private nextLookMs(status: ExternalSystemStatus, made: Made): number {
    const nextMs =
      status.nextRunTime === undefined
        ? Infinity
        : Date.parse(status.nextRunTime) - this.deps.now().getTime();
    // A minute at most: Fresh changes with time alone, and a clock may be set.
    const lookMs = Math.min(60_000, Math.max(1_000, nextMs));
    return made.pollCredentials === true ? Math.min(lookMs, credentialPollMs) : lookMs;
  }

  /** Deletes finished runs beyond the history from the cluster; the archive keeps them all. */
  private async prune(key: string, keep: { successful: number; failed: number }): Promise<void> {
    const { store, cluster } = this.deps;
    const runs = await store.unprunedRuns(key);
    const newestSlot = runs.find((run) => run.slot !== undefined)?.runUid;
    const kept = { successful: 0, failed: 0 };
    const [namespace = ''] = key.split('/');
    for (const run of runs) {
      const kind = run.phase === 'Succeeded' ? 'successful' : 'failed';
      kept[kind] += 1;
      if (kept[kind] <= keep[kind] || (run.runUid === newestSlot && keep.successful > 0)) continue;
      await cluster.deleteRun(namespace, run.runName, run.runUid);
      await store.markPruned([run.runUid]);
    }
  }
}

interface Made {
  readonly nextStart?: Date;
  readonly slot?: Date;
  readonly slotBlocked?: string;
  readonly handledRequest?: string;
  readonly pollCredentials?: boolean;
}

export function keyOf(system: ExternalSystem): string {
  return `${system.metadata.namespace}/${system.metadata.name}`;
}

function lastSlotOf(system: ExternalSystem): Date | undefined {
  const time = system.status?.lastScheduleTime;
  return time === undefined ? undefined : new Date(time);
}

function backoffUntil(history: SystemHistory, schedule: ResolvedSchedule): Date | undefined {
  if (history.lastFailureAt === undefined) return undefined;
  return new Date(
    history.lastFailureAt.getTime() + backoffMs(schedule.shortestGapMs, history.consecutiveFailures),
  );
}

function later(first: Date, second: Date | undefined): Date {
  return second !== undefined && second > first ? second : first;
}

function lastRunOf(archived: ArchivedRun): NonNullable<ExternalSystemStatus['lastRun']> {
  const { totals, failure } = statusFromArchive(archived);
  return {
    name: archived.runName,
    phase: archived.phase,
    ...(totals === undefined ? {} : { totals }),
    ...(failure === undefined ? {} : { failure }),
  };
}

/** Whether a run of the list has not ended. */
export function isActive(run: SyncRun): boolean {
  return !isFinal(run.status?.phase);
}
