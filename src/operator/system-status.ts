// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';
import { mergeConditions, type Verdict } from '../api/conditions.ts';
import type { ExternalSystemStatus } from '../api/external-system.ts';
import type { ExternalSystem } from '../api/resource.ts';
import type { ArchivedRun, SystemHistory } from '../store/port.ts';
import { seconds } from '../api/time.ts';
import { statusFromArchive } from '../sync/run-record.ts';
import { setAsideStatus } from './rows-set-aside.ts';
import type { Made } from './run-maker.ts';

/** What a status is made of, besides what it was before. */
export interface StatusFacts {
  readonly history: SystemHistory;
  /** Their messages are free of secrets. */
  readonly verdicts: readonly Verdict[];
  readonly made: Made;
  /** When the login ends, where that is known. */
  readonly credentialsEnd: Date | undefined;
  readonly proposal: ExternalSystemStatus['deletionProposal'];
  readonly now: Date;
}

/** The status of a system as it should be. Pure. */
export function statusOf(
  system: ExternalSystem,
  { history, verdicts, made, credentialsEnd, proposal, now }: StatusFacts,
): ExternalSystemStatus {
  const { generation } = system.metadata;
  const before = system.status ?? {};
  const time = (at: Date | undefined) => (at === undefined ? undefined : seconds(at));
  return present({
    observedGeneration: generation,
    conditions: mergeConditions(before.conditions ?? [], verdicts, generation, now),
    nextRunTime: system.spec.suspend === true ? undefined : time(made.nextStart),
    lastScheduleTime: time(made.lastSlot ?? history.lastScheduledSlot) ?? before.lastScheduleTime,
    lastSuccessTime: time(history.lastSuccessAt),
    lastFailureTime: time(history.lastFailureAt),
    lastRun: history.last === undefined ? undefined : lastRunOf(history.last),
    consecutiveFailures: history.consecutiveFailures,
    credentialsExpiryTime: time(credentialsEnd),
    lastHandledRequest: made.handledRequest ?? before.lastHandledRequest,
    deletionProposal: proposal,
    rowsSetAside: setAsideStatus(history.setAside),
    chainHead: history.chainHead,
  });
}

/** Whether nothing differs but what follows from a run that was made: its end changes these, too. */
export function differsByScheduleOnly(
  before: ExternalSystemStatus | undefined,
  after: ExternalSystemStatus,
): boolean {
  const rest = ({ conditions, ...others }: ExternalSystemStatus) => ({
    ...others,
    nextRunTime: undefined,
    lastScheduleTime: undefined,
    rowsSetAside: undefined,
    // The message of a condition may name the next start.
    conditions: conditions?.map((condition) => ({ ...condition, message: '' })),
  });
  return before !== undefined && isDeepStrictEqual(rest(before), rest(after));
}

function lastRunOf(archived: ArchivedRun): NonNullable<ExternalSystemStatus['lastRun']> {
  const { totals, failure } = statusFromArchive(archived);
  return present({ name: archived.runName, phase: archived.phase, totals, failure });
}

type Present<T> = { [Key in keyof T as undefined extends T[Key] ? never : Key]: T[Key] } & {
  [Key in keyof T as undefined extends T[Key] ? Key : never]?: Exclude<T[Key], undefined>;
};

/** Without the members that are undefined: the API knows only absence. */
function present<T extends object>(value: T): Present<T> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Present<T>;
}
