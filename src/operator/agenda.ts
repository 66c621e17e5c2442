// SPDX-License-Identifier: Apache-2.0
import type { FailureCode } from '../api/failure.ts';
import type { ExternalSystem, SyncRun } from '../api/resource.ts';
import type { SystemHistory } from '../store/port.ts';
import { statusFromArchive } from '../sync/run-record.ts';
import { plan, type ResolvedSchedule, type ScheduleFacts } from '../sync/schedule.ts';
import { backoffMs, waitsForPerson } from './failure-backoff.ts';

export interface AgendaFacts {
  readonly system: ExternalSystem;
  readonly schedule: ResolvedSchedule;
  readonly history: SystemHistory;
  /** Runs of the system that have not ended. */
  readonly active: readonly SyncRun[];
  readonly now: Date;
  /** Since when this operator runs: its flags may have changed with it. */
  readonly operatorSince: Date;
}

/** What a system's schedule and history ask for at this moment. */
export interface Agenda {
  /** The slot whose run may be made now. */
  readonly due: Date | undefined;
  /** When the due slot was to start, or the next one starts: it does not move while a slot has to wait. */
  readonly nextStart: Date | undefined;
  /** When the slot after the due one starts. */
  readonly followingStart: Date | undefined;
  /** Newest slot that got a run. */
  readonly lastSlot: Date | undefined;
  /** Runs have ended, and none has said anything of this generation of the spec. */
  readonly unjudged: boolean;
  /** Trying again cannot help before a person has acted: the newest run that said anything failed, and read nothing. */
  readonly waitsForPerson: boolean;
}

/** Pure. */
export function agendaOf(facts: AgendaFacts): Agenda {
  const { system, schedule, history, now } = facts;
  const lastSlot = lastSlotOf(facts);
  const scheduleFacts: ScheduleFacts = {
    createdAt: new Date(system.metadata.creationTimestamp),
    now,
    lastSlot,
    lastStartedAt: history.lastStartedAt,
  };
  const planned = plan(schedule, scheduleFacts);
  const due = planned.due?.slot;
  const verdict = history.lastVerdict === undefined ? undefined : statusFromArchive(history.lastVerdict);
  const judged = verdict?.systemGeneration === system.metadata.generation;
  const waits = judged && verdict?.phase === 'Failed' && waitsForPerson(verdict.failure?.code);
  const code = verdict?.failure?.code;
  const heldUntil = waits && !mayBeMended(facts, code) ? backoffUntil(history, schedule, code) : undefined;
  const ownStart = due === undefined ? planned.nextStart : startOfDue(schedule, scheduleFacts, due);
  const held = heldUntil !== undefined && heldUntil > now;
  return {
    due: held ? undefined : due,
    nextStart: latest(ownStart, ownStart === undefined ? undefined : heldUntil),
    followingStart:
      due === undefined ? ownStart : plan(schedule, { ...scheduleFacts, lastSlot: due }).nextStart,
    lastSlot,
    unjudged: history.last !== undefined && !judged,
    waitsForPerson: waits,
  };
}

/** What a flag of the operator refused, such as an address, is tried once more after a restart. */
function mayBeMended({ history, operatorSince }: AgendaFacts, code: FailureCode | undefined): boolean {
  return (
    code === 'configuration' && history.lastFailureAt !== undefined && history.lastFailureAt < operatorSince
  );
}

/**
 * By the archive; by the runs that were made and not yet claimed; and by the status, which still knows when the database was
 * restored from an older day.
 */
function lastSlotOf({ system, history, active }: AgendaFacts): Date | undefined {
  const { uid } = system.metadata;
  const noted = system.status?.lastScheduleTime;
  const made = active.flatMap(({ spec }) =>
    spec.scheduledTime === undefined || spec.systemRef.uid !== uid ? [] : [new Date(spec.scheduledTime)],
  );
  return latest(history.lastScheduledSlot, noted === undefined ? undefined : new Date(noted), ...made);
}

/** The plan as it was at the first moment at which the slot could start: its own start, whatever has held it back since. */
function startOfDue(schedule: ResolvedSchedule, facts: ScheduleFacts, due: Date): Date | undefined {
  const jitterMs = facts.lastSlot === undefined ? 0 : schedule.jitterMs;
  return plan(schedule, { ...facts, now: new Date(due.getTime() + jitterMs) }).nextStart;
}

function backoffUntil(
  history: SystemHistory,
  schedule: ResolvedSchedule,
  code: FailureCode | undefined,
): Date | undefined {
  const { lastFailureAt, consecutiveFailures } = history;
  if (lastFailureAt === undefined) return undefined;
  return new Date(lastFailureAt.getTime() + backoffMs(schedule.shortestGapMs, consecutiveFailures, code));
}

function latest(...times: readonly (Date | undefined)[]): Date | undefined {
  return times
    .filter((time) => time !== undefined)
    .reduce<Date | undefined>((last, time) => (last === undefined || time > last ? time : last), undefined);
}
