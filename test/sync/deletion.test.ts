// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DeletionTally, ScopeTally } from '../../src/store/port.ts';
import { decideDeletions, defaultDeletionBudget, withinBudget } from '../../src/sync/deletion.ts';

function scope(part: Partial<ScopeTally> = {}): ScopeTally {
  return { scope: 'all', coverage: 'Full', live: 100, absent: 0, removed: 0, recentlyDeleted: 0, ...part };
}

function tally(...scopes: ScopeTally[]): DeletionTally {
  return {
    scopes,
    systemLive: scopes.reduce((sum, { live }) => sum + live, 0),
    systemRecentlyDeleted: scopes.reduce((sum, { recentlyDeleted }) => sum + recentlyDeleted, 0),
  };
}

const anyScope = fc.record({
  scope: fc.string({ minLength: 1, maxLength: 4 }),
  coverage: fc.constantFrom('Full' as const, 'Window' as const, 'unverified' as const),
  live: fc.nat(2000),
  absent: fc.nat(200),
  removed: fc.nat(20),
  recentlyDeleted: fc.nat(100),
});
const anyTally = fc
  .uniqueArray(anyScope, { selector: (one) => one.scope, minLength: 1, maxLength: 5 })
  .map((scopes) => tally(...scopes));

describe('withinBudget', () => {
  test.each([
    ['nothing goes', 0, 0, 0, true],
    ['the first five always may', 5, 0, 5, true],
    ['six of ten are too large a share', 6, 0, 10, false],
    ['twenty of a hundred are just within the share', 20, 0, 100, true],
    ['twenty-one are not', 21, 0, 100, false],
    ['500 of many are just within the count', 500, 0, 100_000, true],
    ['501 are not', 501, 0, 100_000, false],
    ['what went in the last day counts', 10, 15, 85, false],
    ['what went in the last day is part of the whole', 5, 15, 85, true],
  ])('%s', (_, going, recently, live, allowed) => {
    expect(withinBudget(going, recently, live, defaultDeletionBudget)).toBe(allowed);
  });
});

describe('decideDeletions', () => {
  test('absence in a fully read scope goes', () => {
    const { verdict } = decideDeletions(tally(scope({ absent: 3 })), 'Tombstone', defaultDeletionBudget);
    expect(verdict.get('all')).toEqual({ absent: true, removed: true });
  });

  test('one scope over its budget holds back the whole stream', () => {
    const decision = decideDeletions(
      tally(scope({ scope: 'a', absent: 30 }), scope({ scope: 'b', live: 10_000, absent: 1 })),
      'Tombstone',
      defaultDeletionBudget,
    );
    expect(decision).toMatchObject({ budgetPassed: true, verdict: new Map() });
    expect(decision.withheldReason).toContain('30 of 100 records of scope a');
  });

  test('many small scopes cannot pass the budget of the system together', () => {
    const scopes = Array.from({ length: 120 }, (_, index) =>
      scope({ scope: `s${index}`, live: 1000, absent: 5 }),
    );
    expect(decideDeletions(tally(...scopes), 'Tombstone', defaultDeletionBudget).budgetPassed).toBe(true);
  });

  test('property: with an unverified scope nothing goes by absence', () => {
    fc.assert(
      fc.property(anyTally, (facts) => {
        fc.pre(facts.scopes.some(({ coverage }) => coverage === 'unverified'));
        for (const going of decideDeletions(facts, 'Tombstone', defaultDeletionBudget).verdict.values()) {
          expect(going.absent).toBe(false);
        }
      }),
    );
  });

  test('property: absence speaks only for scopes that were read in full', () => {
    fc.assert(
      fc.property(anyTally, (facts) => {
        const { verdict } = decideDeletions(facts, 'Tombstone', {
          maxPercent: 100,
          maxRecords: 1e6,
          alwaysAllow: 0,
        });
        for (const { scope: name, coverage } of facts.scopes) {
          if (verdict.get(name)?.absent === true) expect(coverage).toBe('Full');
        }
      }),
    );
  });

  test('property: what goes never passes the budget, and Keep deletes nothing', () => {
    fc.assert(
      fc.property(anyTally, (facts) => {
        const budget = defaultDeletionBudget;
        const { verdict } = decideDeletions(facts, 'Tombstone', budget);
        const going = facts.scopes.reduce((sum, one) => {
          const verdictOne = verdict.get(one.scope);
          return (
            sum +
            (verdictOne?.absent === true ? one.absent : 0) +
            (verdictOne?.removed === true ? one.removed : 0)
          );
        }, 0);
        if (going > budget.alwaysAllow) expect(going).toBeLessThanOrEqual(budget.maxRecords);
        expect(decideDeletions(facts, 'Keep', budget).verdict.size).toBe(0);
      }),
    );
  });
});
