// SPDX-License-Identifier: Apache-2.0
import type { PassTally, PassVerdict, ScopeTally } from '../store/port.ts';

export interface DeletionBudget {
  readonly maxPercent: number;
  readonly maxRecords: number;
  readonly alwaysAllow: number;
}

export const defaultDeletionBudget: DeletionBudget = { maxPercent: 20, maxRecords: 500, alwaysAllow: 5 };

export interface DeletionDecision {
  readonly delete: PassVerdict['delete'];
  /** Candidates that are kept, and why; no reason when there are none. */
  readonly withheld: number;
  readonly withheldReason: string | undefined;
  readonly budgetPassed: boolean;
  /** When the budget is passed: what may be proposed, see PassVerdict. */
  readonly propose?: { readonly absent: boolean };
}

/** What happens to a pass that proves nothing: every candidate stays. */
export function deleteNothing(tally: PassTally, withheldReason: string | undefined): DeletionDecision {
  return {
    delete: { absent: false, removed: false },
    withheld: sumOf(tally, ({ absent, removed }) => absent + removed),
    withheldReason,
    budgetPassed: false,
  };
}

/**
 * What a stream may delete once all its scopes have their verdict. Pure.
 * Absence speaks only when every scope of the stream was verified by this very attempt, since a record may have moved into one
 * that was read before; where it cannot move, a scope that is not verified leaves the others alone. What the vendor states as removed needs no
 * such proof. Both count against the budget, except for those that a
 * person has approved: where absence speaks, these go, and the budget judges the others as if they had never been there.
 */
export function decideDeletions(
  tally: PassTally,
  policy: 'Tombstone' | 'Keep',
  budget: DeletionBudget,
  disjointScopes: boolean,
): DeletionDecision {
  if (sumOf(tally, ({ absent, removed }) => absent + removed) === 0) return deleteNothing(tally, undefined);
  if (policy === 'Keep') return deleteNothing(tally, 'deletion.policy is Keep');
  const silence = whyAbsenceIsSilent(tally, disjointScopes);
  if (silence !== undefined) return withinOrPassed(tally, silence, budget);
  const approved = sumOf(tally, approvedOf) > 0;
  const { delete: others, ...decision } = withinOrPassed(withoutApproved(tally), undefined, budget);
  return { ...decision, delete: { ...others, ...(approved ? { approved } : {}) } };
}

function approvedOf({ approved = { absent: 0, removed: 0 } }: ScopeTally): number {
  return approved.absent + approved.removed;
}

function withoutApproved(tally: PassTally): PassTally {
  return {
    ...tally,
    systemLive: tally.systemLive - sumOf(tally, approvedOf),
    scopes: tally.scopes.map((scope) => ({
      ...scope,
      live: scope.live - approvedOf(scope),
      absent: scope.absent - (scope.approved?.absent ?? 0),
      removed: scope.removed - (scope.approved?.removed ?? 0),
    })),
  };
}

function withinOrPassed(
  tally: PassTally,
  silence: string | undefined,
  budget: DeletionBudget,
): DeletionDecision {
  const absenceIsProven = silence === undefined;
  const going = (scope: ScopeTally) => scope.removed + (silence === undefined ? scope.absent : 0);
  for (const scope of tally.scopes) {
    if (withinBudget(going(scope), scope.recentlyDeleted, scope.live, budget)) continue;
    return passed(
      tally,
      `${going(scope)} of ${scope.live} records of scope ${scope.scope} look gone`,
      budget,
      absenceIsProven,
    );
  }
  const total = sumOf(tally, going);
  if (!withinBudget(total, tally.systemRecentlyDeleted, tally.systemLive, budget)) {
    return passed(
      tally,
      `${total} of ${tally.systemLive} records of the system look gone`,
      budget,
      absenceIsProven,
    );
  }
  const withheld = silence === undefined ? 0 : sumOf(tally, ({ absent }) => absent);
  return {
    delete: { absent: silence === undefined, removed: true },
    withheld,
    withheldReason: withheld === 0 ? undefined : silence,
    budgetPassed: false,
  };
}

function whyAbsenceIsSilent({ scopes }: PassTally, disjointScopes: boolean): string | undefined {
  if (!disjointScopes && scopes.some(({ coverage }) => coverage === 'unverified'))
    return 'a scope is not verified';
  const old = scopes.find(
    ({ coverage, confirmed }) => (coverage === 'Full' || coverage === 'Window') && !confirmed,
  );
  return old === undefined ? undefined : `scope ${old.scope} was read by an earlier attempt only`;
}

function sumOf({ scopes }: PassTally, records: (scope: ScopeTally) => number): number {
  return scopes.reduce((sum, scope) => sum + records(scope), 0);
}

/** Whether so many more may go: earlier deletions of the window count on both sides of the share. */
export function withinBudget(
  going: number,
  recentlyDeleted: number,
  live: number,
  budget: DeletionBudget,
): boolean {
  if (going === 0) return true;
  const total = going + recentlyDeleted;
  if (total <= budget.alwaysAllow) return true;
  return total <= budget.maxRecords && total * 100 <= budget.maxPercent * (live + recentlyDeleted);
}

function passed(
  tally: PassTally,
  what: string,
  budget: DeletionBudget,
  absenceIsProven: boolean,
): DeletionDecision {
  const reason = `${what}, more than deletion.budget allows (${budget.maxPercent} % and ${budget.maxRecords} records in 24 h)`;
  return { ...deleteNothing(tally, reason), budgetPassed: true, propose: { absent: absenceIsProven } };
}
