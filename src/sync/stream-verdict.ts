// SPDX-License-Identifier: Apache-2.0
import { bounded, boundedName } from '../api/bounded.ts';
import { maxNamedScopes, type UnverifiedScope } from '../api/sync-run.ts';
import { Failure } from '../connector/failure.ts';
import type { RecordKind } from '../inventory/kinds.ts';
import type {
  Pass,
  PassTally,
  PassVerdict,
  RowSetAside,
  StreamFailure,
  StreamTally,
  StreamVerdict,
} from '../store/port.ts';
import { decideDeletions, deleteNothing, type DeletionBudget, type DeletionDecision } from './deletion.ts';
import { byNeed, worstFailure } from './outcome.ts';
import type { BeyondBudget } from './plan-run.ts';
import type { ScopeLedger } from './scope-ledger.ts';
import { evidenceOf, type ReviewSummary } from './scope-proof.ts';
import { fewSetAside, misread } from './set-aside.ts';
import { provesScopes } from './withdrawal.ts';

/** How one stream went; its counts are in the database. */
export interface StreamReport {
  readonly stream: string;
  readonly record: RecordKind;
  readonly verdict: StreamVerdict;
  /** A failure stopped the reading; else it came to the end of all its scopes, proven or not. */
  readonly brokeOff: boolean;
}

export function emptyTally(stream: { name: string; record: RecordKind }): StreamTally {
  const zero = { pages: 0, fetched: 0, created: 0, updated: 0, unchanged: 0, deleted: 0, failed: 0 };
  return { stream: stream.name, record: stream.record, ...zero };
}

/** The report of a stream whose pass stays open, or was never opened. */
export function reportOf(
  stream: { readonly name: string; readonly record: RecordKind },
  pass: Pass | undefined,
  ledger: ScopeLedger,
  failure: StreamFailure,
  redact: (text: string) => string,
): StreamReport {
  const message = redact(failure.message);
  return {
    stream: stream.name,
    record: stream.record,
    brokeOff: true,
    verdict: {
      ...(pass === undefined ? {} : { mode: pass.mode }),
      complete: false,
      incompleteReason: bounded(`${failure.code}: ${message}`, 128),
      scopesTotal: ledger.total,
      scopesVerified: ledger.verified,
      unverified: unverifiedOf(stream.name, ledger, redact),
      withheld: 0,
      ...evidenceOf(ledger.proofs),
      failure: { code: failure.code, message: bounded(message, 512), audience: failure.audience },
    },
  };
}

/** The one that the failure of the stream speaks of stands first. */
function unverifiedOf(
  stream: string,
  ledger: ScopeLedger,
  redact: (text: string) => string,
): readonly UnverifiedScope[] {
  return ledger.unverified
    .toSorted(byNeed)
    .slice(0, maxNamedScopes)
    .map(({ scope, failure }) => ({
      stream,
      scope: boundedName(redact(scope), 64),
      reason: bounded(redact(`${failure.code}: ${failure.message}`), 96),
    }));
}

/** What is known of a pass that came to its end, for the verdict on its stream. */
export interface JudgedPass {
  readonly stream: string;
  readonly disjointScopes: boolean;
  readonly pass: Pass;
  readonly ledger: ScopeLedger;
  /** The first row that this attempt set aside, as an example. */
  readonly firstSetAside: RowSetAside | undefined;
  readonly reviewed: ReviewSummary | undefined;
  readonly deletionPolicy: 'Tombstone' | 'Keep';
  readonly deletionBudget: DeletionBudget;
  /** Where rows that are set aside can be looked at. */
  readonly setAsideWhere: string;
  readonly beyondBudget: BeyondBudget;
  readonly redact: (text: string) => string;
}

/** What the stream has come to, and what may be deleted. Pure. */
export function judgePass(judged: JudgedPass, tally: PassTally): PassVerdict {
  const { stream, disjointScopes, ledger, firstSetAside, deletionPolicy, deletionBudget, setAsideWhere } =
    judged;
  const wrong = misread(stream, tally, firstSetAside, setAsideWhere);
  if (wrong !== undefined) {
    // The same rows are read again next time: whoever mends the reading loses none.
    return { ...incomplete(judged, tally, deleteNothing(tally, undefined), wrong), keepCursors: false };
  }
  const decision = decideDeletions(tally, deletionPolicy, deletionBudget, disjointScopes);
  const failure = worstFailure(ledger.unverified.map((scope) => scope.failure));
  if (failure !== undefined)
    return incomplete(judged, tally, decision, failure, ledger.unverified.length - 1);
  const { budgetPassed, withheldReason = '' } = decision;
  const propose = tally.mode === 'Full' ? decision.propose : undefined;
  const deleted = decision.delete.approved === true ? 'nothing beyond what was approved' : 'nothing';
  const passed = `${stream}: ${withheldReason}; ${judged.beyondBudget({ deleted, proposed: propose !== undefined })}`;
  const setAside = fewSetAside(stream, tally, firstSetAside, setAsideWhere);
  return {
    delete: decision.delete,
    withdraw: provesScopes(tally),
    propose,
    keepCursors: true,
    stream: {
      ...factsOf(judged, tally, decision, true),
      complete: true,
      ...(budgetPassed ? { failure: said(judged, new Failure('deletionBudget', passed)) } : {}),
      ...(setAside === undefined ? {} : { setAside: said(judged, setAside) }),
    },
  };
}

function incomplete(
  judged: JudgedPass,
  tally: PassTally,
  decision: DeletionDecision,
  failure: Failure,
  /** Scopes that are not verified either, of which the failure does not speak. */
  others = 0,
): PassVerdict {
  const words = said(judged, failure, alsoUnverified(others));
  return {
    delete: decision.delete,
    keepCursors: true,
    stream: {
      ...factsOf(judged, tally, decision, false),
      complete: false,
      incompleteReason: bounded(`${words.code}: ${words.message}`, 128),
      failure: words,
    },
  };
}

function factsOf(judged: JudgedPass, { mode }: PassTally, decision: DeletionDecision, complete: boolean) {
  const { pass, ledger, stream, reviewed, redact } = judged;
  const young = reviewed?.young ?? 0;
  const tooYoung = `${young} records that were not seen are so new or newly changed that the external system may not show them yet`;
  const withheldReason = decision.withheldReason ?? (young === 0 ? undefined : tooYoung);
  const fullAt = complete && mode === 'Full' ? pass.startedAt : pass.lastFullAt;
  return {
    mode,
    scopesTotal: ledger.total,
    scopesVerified: ledger.verified,
    unverified: unverifiedOf(stream, ledger, redact),
    withheld: decision.withheld + young,
    ...(withheldReason === undefined ? {} : { withheldReason: bounded(redact(withheldReason), 512) }),
    ...(fullAt === undefined ? {} : { fullAt: fullAt.toISOString() }),
    ...evidenceOf(ledger.proofs, reviewed),
  };
}

function alsoUnverified(others: number): string {
  if (others === 0) return '';
  const [scopes, them] = others === 1 ? ['scope is', 'it'] : ['scopes are', 'them'];
  return `; ${others} more ${scopes} not verified either (unverifiedScopes names ${them})`;
}

function said({ redact }: JudgedPass, { code, message, audience }: Failure, more = ''): StreamFailure {
  return { code, message: `${bounded(redact(message), 512 - more.length)}${more}`, audience };
}
