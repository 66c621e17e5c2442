// SPDX-License-Identifier: Apache-2.0
import type { Verdict } from '../api/conditions.ts';
import { failureFacts, tell, type FailureCode } from '../api/failure.ts';
import type { SyncRunStatus } from '../api/sync-run.ts';
import { completeVerdict } from './completeness.ts';

/** What is known of a system when its conditions are judged. */
export interface SystemFacts {
  readonly generation: number;
  /** First problem of the spec, with the field and the remedy; undefined when it is valid. */
  readonly specProblem: string | undefined;
  /** What is wrong with the run that annotations ask for. */
  readonly requestProblem: string | undefined;
  /** A slot's name is held by an object that is not our scheduled run. */
  readonly slotBlocked: string | undefined;
  readonly suspended: boolean;
  /** Newest run of this object that tells something of the connection: it proved it, or failed by it. */
  readonly lastVerdictRun: SyncRunStatus | undefined;
  /** The run in hand has proven the connection of this generation. */
  readonly connectedNow: boolean;
  readonly lastSuccessAt: Date | undefined;
  /** After this long without a success the inventory is no longer fresh. */
  readonly freshForMs: number;
  readonly nextStart: Date | undefined;
  /** Records that look gone since the newest full pass, and stay because the deletion budget was passed. */
  readonly withheld: number;
  readonly now: Date;
}

/**
 * The conditions of an ExternalSystem by the kstatus rules: Stalled only for what a new generation alone can mend;
 * Reconciling until the first verdict on a generation, never for a routine run; never both.
 */
export function judge(facts: SystemFacts): Verdict[] {
  if (facts.specProblem !== undefined) return stalled(facts.specProblem, noteOf(facts));
  const run = verdictRun(facts);
  const verdict = ready(facts, run);
  const message = `${verdict.message}${noteOf(facts)}`;
  return [
    { type: 'Ready', ...verdict, message },
    { type: 'Reconciling', ...reconciling(facts, run) },
    notStalled,
    ...connectionVerdicts(facts, run),
    freshVerdict(facts),
    ...completeVerdict(run, reasonOf),
  ];
}

/** Only a run of this generation is a verdict on it; but nothing is to come of a suspended system, so what is known of it stays. */
function verdictRun({ lastVerdictRun: run, suspended, generation }: SystemFacts): SyncRunStatus | undefined {
  return suspended || run?.systemGeneration === generation ? run : undefined;
}

type Judgement = Omit<Verdict, 'type'>;

function ready(facts: SystemFacts, run: SyncRunStatus | undefined): Judgement {
  const { slotBlocked, suspended, connectedNow, nextStart } = facts;
  if (slotBlocked !== undefined) return { status: 'False', reason: 'SlotBlocked', message: slotBlocked };
  if (run === undefined && !connectedNow) return untried(facts);
  const failure = connectedNow && isTakenBack(run) ? undefined : run?.failure;
  const next = nextStart === undefined ? '' : ` Next run ${nextStart.toISOString()}.`;
  const outlook = suspended ? ' Suspended: no scheduled runs.' : next;
  if (failure !== undefined && notReady[failure.code] && !isOfAPart(run)) {
    const message = `${tell(failure)}${outlook}`;
    return { status: 'False', reason: reasonOf(failure.code), message };
  }
  const note = failure === undefined ? withheldNote(facts) : ` ${failure.code}: ${tell(failure)}`;
  return {
    status: 'True',
    reason: suspended ? 'Suspended' : 'Connected',
    message: `spec, Secret and connection are proven.${suspended ? outlook : ''}${note}`,
  };
}

/**
 * Whether the connection that the run in hand has proven takes a failure back: one of the account or the way there, or one that came before anything was
 * read. What streams lacked behind a connection that stood is mended by their reading alone; else Ready would change twice in every slot.
 */
function isTakenBack(run: SyncRunStatus | undefined): boolean {
  const code = run?.failure?.code;
  const isOfStreams = code === 'permission' || code === 'configuration' || code === 'contract';
  return !isOfStreams || (run?.streams ?? []).length === 0;
}

/** The runs after a full one are incremental and say nothing of what it withheld. */
function withheldNote({ withheld }: SystemFacts): string {
  if (withheld === 0) return '';
  const { audience } = failureFacts.deletionBudget;
  const message = `deletionBudget: ${withheld} records look gone since the newest full pass and were not deleted; check the source, then approve (condition AwaitingApproval), or raise spec.deletion.budget for one full run`;
  return ` ${tell({ message, audience })}`;
}

function untried({ suspended, generation }: SystemFacts): Judgement {
  if (!suspended) {
    const message = `waiting for the first run of generation ${generation}`;
    return { status: 'Unknown', reason: 'Progressing', message };
  }
  const message =
    'suspended before a run has proven the connection; set spec.suspend to false or create a SyncRun of mode Test';
  return { status: 'False', reason: 'Suspended', message };
}

function reconciling(facts: SystemFacts, run: SyncRunStatus | undefined): Judgement {
  if (run !== undefined || facts.connectedNow)
    return { status: 'False', reason: 'Settled', message: 'no change in hand' };
  const { message, reason } = untried(facts);
  return { status: facts.suspended ? 'False' : 'True', reason, message };
}

function noteOf({ requestProblem }: SystemFacts): string {
  return requestProblem === undefined ? '' : ` The requested run is not made: ${requestProblem}.`;
}

const notStalled: Verdict = {
  type: 'Stalled',
  status: 'False',
  reason: 'Progressing',
  message: 'the spec is valid',
};

function stalled(problem: string, note: string): Verdict[] {
  const message = `${tell({ message: problem, audience: failureFacts.configuration.audience })}${note}`;
  return [
    { type: 'Ready', status: 'False', reason: 'InvalidSpec', message },
    { type: 'Reconciling', status: 'False', reason: 'InvalidSpec', message: 'waiting for a valid spec' },
    { type: 'Stalled', status: 'True', reason: 'InvalidSpec', message },
  ];
}

/**
 * Of a run whose other streams were read: rows that were set aside, or a table that is away. The connection is proven all the same. A right
 * that is missing, or a name that is wrong, waits for somebody though.
 */
function isOfAPart(run: SyncRunStatus | undefined): boolean {
  const code = run?.failure?.code;
  return run?.phase === 'PartiallySucceeded' && (code === 'contract' || code === 'unavailable');
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

function connectionVerdicts(facts: SystemFacts, run: SyncRunStatus | undefined): Verdict[] {
  // A run that read some of its streams has proven the connection, whatever the others lacked.
  const proven = facts.connectedNow || run?.phase === 'PartiallySucceeded';
  const failure = proven ? undefined : run?.failure;
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
          message: 'nothing is read with these credentials',
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

/** A run that read some of what was asked has brought that into the inventory, although it is no success. */
function partlyRead({ lastVerdictRun: run }: SystemFacts): string {
  if (run?.phase !== 'PartiallySucceeded' || run.mode === 'Test' || run.mode === 'Plan') return '';
  return `; the newest run was incomplete (PartiallySucceeded): the ${run.totals?.fetched ?? 0} records that it read stand in the inventory, and its failure and the condition Complete say what is missing`;
}

function freshVerdict(facts: SystemFacts): Verdict {
  const { lastSuccessAt, now, freshForMs } = facts;
  if (lastSuccessAt === undefined) {
    const message = `no run has succeeded yet${partlyRead(facts)}`;
    return { type: 'Fresh', status: 'Unknown', reason: 'NeverSynced', message };
  }
  const since = `newest success ${lastSuccessAt.toISOString()}`;
  if (now.getTime() - lastSuccessAt.getTime() <= freshForMs) {
    return { type: 'Fresh', status: 'True', reason: 'InStep', message: since };
  }
  return {
    type: 'Fresh',
    status: 'False',
    reason: 'Overdue',
    message: `${since}, longer ago than three intervals${partlyRead(facts)}`,
  };
}
