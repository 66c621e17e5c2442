// SPDX-License-Identifier: Apache-2.0
import type { Verdict } from '../api/conditions.ts';
import type { FailureCode } from '../api/failure.ts';
import type { SyncRunStatus } from '../api/sync-run.ts';

/** What is known of a system when its conditions are judged. */
export interface SystemFacts {
  readonly generation: number;
  /** First problem of the spec, with the field and the remedy; undefined when it is valid. */
  readonly specProblem: string | undefined;
  /** A slot's name is held by an object that is not our scheduled run. */
  readonly slotBlocked: string | undefined;
  readonly suspended: boolean;
  /** Newest run that tells something of the connection: neither Cancelled nor Skipped. */
  readonly lastVerdictRun: { readonly name: string; readonly status: SyncRunStatus } | undefined;
  /** The run in hand has proven the connection of this generation. */
  readonly connectedNow: boolean;
  readonly lastSuccessAt: Date | undefined;
  /** After this long without a success the inventory is no longer fresh. */
  readonly freshForMs: number;
  readonly nextStart: Date | undefined;
  readonly now: Date;
}

/**
 * The conditions of an ExternalSystem by the kstatus rules: Stalled only for what a new generation alone can mend;
 * Reconciling until the first verdict on a generation, never for a routine run; never both.
 */
export function judge(facts: SystemFacts): Verdict[] {
  if (facts.specProblem !== undefined) return stalled(facts.specProblem);
  const run = verdictRun(facts);
  const failure = run?.status.failure;
  const connection = connectionVerdicts(facts, run);
  const fresh = freshVerdict(facts);
  if (run === undefined && !facts.connectedNow) {
    const waiting = facts.suspended
      ? 'suspended before the first run; set spec.suspend to false or create a SyncRun of mode Test'
      : `waiting for the first run of generation ${facts.generation}`;
    return [
      {
        type: 'Ready',
        status: facts.suspended ? 'False' : 'Unknown',
        reason: facts.suspended ? 'Suspended' : 'Progressing',
        message: waiting,
      },
      {
        type: 'Reconciling',
        status: facts.suspended ? 'False' : 'True',
        reason: 'Progressing',
        message: waiting,
      },
      notStalled,
      ...connection,
      fresh,
    ];
  }
  const settled: Verdict = {
    type: 'Reconciling',
    status: 'False',
    reason: 'Settled',
    message: 'no change in hand',
  };
  if (failure !== undefined && !facts.connectedNow && notReady[failure.code]) {
    const next = facts.nextStart === undefined ? '' : ` Next run ${facts.nextStart.toISOString()}.`;
    const message = `${failure.message} Who must act: ${failure.audience}.${next}`;
    return [
      { type: 'Ready', status: 'False', reason: reasonOf(failure.code), message },
      settled,
      notStalled,
      ...connection,
      fresh,
    ];
  }
  return [ready(facts, run?.status), settled, notStalled, ...connection, fresh];
}

/** Only a run of this generation is a verdict on it. */
function verdictRun(facts: SystemFacts) {
  const run = facts.lastVerdictRun;
  return run?.status.systemGeneration === facts.generation ? run : undefined;
}

function ready(facts: SystemFacts, status: SyncRunStatus | undefined): Verdict {
  if (facts.slotBlocked !== undefined) {
    return { type: 'Ready', status: 'False', reason: 'SlotBlocked', message: facts.slotBlocked };
  }
  const suspended = facts.suspended ? ' Suspended: no scheduled runs.' : '';
  const failure = status?.failure;
  const note = failure === undefined ? '' : ` ${failure.code}: ${failure.message}`;
  const message = `spec, Secret and connection are proven.${suspended}${note}`;
  return { type: 'Ready', status: 'True', reason: facts.suspended ? 'Suspended' : 'Connected', message };
}

const notStalled: Verdict = {
  type: 'Stalled',
  status: 'False',
  reason: 'Progressing',
  message: 'the spec is valid',
};

function stalled(problem: string): Verdict[] {
  const message = `${problem} Who must act: owner of the ExternalSystem.`;
  return [
    { type: 'Ready', status: 'False', reason: 'InvalidSpec', message },
    { type: 'Reconciling', status: 'False', reason: 'InvalidSpec', message: 'waiting for a valid spec' },
    { type: 'Stalled', status: 'True', reason: 'InvalidSpec', message },
  ];
}

/** Failures after which the connection is not proven any more. */
const notReady: Readonly<Record<FailureCode, boolean>> = {
  unavailable: true,
  throttled: true,
  internal: true,
  contract: true,
  configuration: true,
  credentials: true,
  permission: true,
  deletionBudget: false,
  cancelled: false,
};

const reasons: Readonly<Record<FailureCode, string>> = {
  unavailable: 'UpstreamUnavailable',
  throttled: 'UpstreamThrottled',
  internal: 'InternalError',
  contract: 'UnexpectedAnswer',
  configuration: 'InvalidConfiguration',
  credentials: 'InvalidCredentials',
  permission: 'PermissionDenied',
  deletionBudget: 'DeletionBudgetPassed',
  cancelled: 'Cancelled',
};

/** The reason word of a failure, for conditions and events. */
export function reasonOf(code: FailureCode): string {
  return reasons[code];
}

function connectionVerdicts(facts: SystemFacts, run: SystemFacts['lastVerdictRun']): Verdict[] {
  const failure = facts.connectedNow ? undefined : run?.status.failure;
  if (run === undefined && !facts.connectedNow) {
    const message = 'not tried yet with this spec';
    return [
      { type: 'CredentialsValid', status: 'Unknown', reason: 'NotTried', message },
      { type: 'Connected', status: 'Unknown', reason: 'NotTried', message },
    ];
  }
  const accepted: Verdict = {
    type: 'CredentialsValid',
    status: 'True',
    reason: 'Accepted',
    message: 'the external system accepts the credentials',
  };
  const connected: Verdict = {
    type: 'Connected',
    status: 'True',
    reason: 'Answering',
    message: 'the external system answers',
  };
  switch (failure?.code) {
    case 'credentials':
      return [
        {
          type: 'CredentialsValid',
          status: 'False',
          reason: reasonOf(failure.code),
          message: failure.message,
        },
        {
          ...connected,
          status: 'Unknown',
          reason: 'NotTried',
          message: 'nothing is sent until the credentials change',
        },
      ];
    case 'unavailable':
    case 'throttled':
      return [
        {
          ...accepted,
          status: 'Unknown',
          reason: 'NotAnswering',
          message: 'the external system does not answer',
        },
        { type: 'Connected', status: 'False', reason: reasonOf(failure.code), message: failure.message },
      ];
    case 'configuration':
    case 'internal':
      return [
        { ...accepted, status: 'Unknown', reason: reasonOf(failure.code), message: failure.message },
        { ...connected, status: 'Unknown', reason: reasonOf(failure.code), message: failure.message },
      ];
    case 'permission':
    case 'contract':
    case 'deletionBudget':
    case 'cancelled':
    case undefined:
      return [accepted, connected];
  }
}

function freshVerdict(facts: SystemFacts): Verdict {
  const { lastSuccessAt, now, freshForMs } = facts;
  if (lastSuccessAt === undefined) {
    return { type: 'Fresh', status: 'Unknown', reason: 'NeverSynced', message: 'no run has succeeded yet' };
  }
  const since = `newest success ${lastSuccessAt.toISOString()}`;
  if (now.getTime() - lastSuccessAt.getTime() <= freshForMs) {
    return { type: 'Fresh', status: 'True', reason: 'InStep', message: since };
  }
  return {
    type: 'Fresh',
    status: 'False',
    reason: 'Overdue',
    message: `${since}, longer ago than three intervals`,
  };
}
