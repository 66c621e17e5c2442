// SPDX-License-Identifier: Apache-2.0
import type { DeletionTally, DeletionVerdict, ScopeTally } from '../store/port.ts';

export interface DeletionBudget {
  readonly maxPercent: number;
  readonly maxRecords: number;
  readonly alwaysAllow: number;
}

export const defaultDeletionBudget: DeletionBudget = { maxPercent: 20, maxRecords: 500, alwaysAllow: 5 };

export interface DeletionDecision {
  readonly verdict: DeletionVerdict;
  /** Why candidates were kept; undefined when none were. */
  readonly withheldReason: string | undefined;
  readonly budgetPassed: boolean;
}

/**
 * What a stream may delete once all its scopes have their verdict. Pure.
 * Absence speaks only when every scope of the stream is verified and the record's own scope was read in full;
 * what the vendor states as removed needs no such proof. Both count against the budget.
 */
export function decideDeletions(
  tally: DeletionTally,
  policy: 'Tombstone' | 'Keep',
  budget: DeletionBudget,
): DeletionDecision {
  const none: DeletionVerdict = new Map();
  const candidates = tally.scopes.reduce((sum, scope) => sum + scope.absent + scope.removed, 0);
  if (candidates === 0) return { verdict: none, withheldReason: undefined, budgetPassed: false };
  if (policy === 'Keep') {
    return { verdict: none, withheldReason: 'deletion.policy is Keep', budgetPassed: false };
  }

  const absenceSpeaks = tally.scopes.every((scope) => scope.coverage !== 'unverified');
  const planned = tally.scopes.map((scope) => ({ scope, going: goingOf(scope, absenceSpeaks) }));
  const total = planned.reduce((sum, { going }) => sum + going, 0);
  for (const { scope, going } of planned) {
    if (withinBudget(going, scope.recentlyDeleted, scope.live, budget)) continue;
    return passed(`${going} of ${scope.live} records of scope ${scope.scope} look gone`, budget);
  }
  if (!withinBudget(total, tally.systemRecentlyDeleted, tally.systemLive, budget)) {
    return passed(`${total} of ${tally.systemLive} records of the system look gone`, budget);
  }

  const verdict = new Map(
    planned
      .filter(({ going }) => going > 0)
      .map(({ scope }) => [
        scope.scope,
        { absent: absenceSpeaks && scope.coverage === 'Full', removed: true },
      ]),
  );
  const withheldReason = absenceSpeaks ? undefined : 'a sibling scope is not verified';
  return { verdict, withheldReason, budgetPassed: false };
}

function goingOf(scope: ScopeTally, absenceSpeaks: boolean): number {
  return scope.removed + (absenceSpeaks && scope.coverage === 'Full' ? scope.absent : 0);
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

function passed(what: string, budget: DeletionBudget): DeletionDecision {
  return {
    verdict: new Map(),
    withheldReason: `${what}, more than deletion.budget allows (${budget.maxPercent} % and ${budget.maxRecords} records in 24 h)`,
    budgetPassed: true,
  };
}
