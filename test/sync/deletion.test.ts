// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PassTally, ScopeTally } from '../../src/store/port.ts';
import { decideDeletions, defaultDeletionBudget, withinBudget } from '../../src/sync/deletion.ts';

function scope(part: Partial<ScopeTally> = {}): ScopeTally {
  return {
    scope: 'all',
    coverage: 'Full',
    confirmed: true,
    live: 100,
    absent: 0,
    removed: 0,
    recentlyDeleted: 0,
    ...part,
  };
}

function tally(...scopes: ScopeTally[]): PassTally {
  return {
    mode: 'Full',
    scopes,
    systemLive: scopes.reduce((sum, { live }) => sum + live, 0),
    systemRecentlyDeleted: scopes.reduce((sum, { recentlyDeleted }) => sum + recentlyDeleted, 0),
    fetched: 0,
    setAside: 0,
    setAsideByMapping: 0,
  };
}

const anyScope = fc.record({
  scope: fc.string({ minLength: 1, maxLength: 4 }),
  coverage: fc.constantFrom('Full' as const, 'Window' as const, 'unverified' as const, 'notRead' as const),
  confirmed: fc.boolean(),
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

const generous = { maxPercent: 100, maxRecords: 1e6, alwaysAllow: 0 };
const decide = (facts: PassTally, budget = defaultDeletionBudget, disjointScopes = false) =>
  decideDeletions(facts, 'Tombstone', budget, disjointScopes);
const candidates = ({ scopes }: PassTally) =>
  scopes.reduce((sum, { absent, removed }) => sum + absent + removed, 0);

describe('decideDeletions', () => {
  test('absence in fully read scopes goes', () => {
    expect(decide(tally(scope({ absent: 3 })))).toEqual({
      delete: { absent: true, removed: true },
      withheld: 0,
      withheldReason: undefined,
      budgetPassed: false,
    });
  });

  test.each<[string, Partial<ScopeTally>, string]>([
    ['is not verified', { coverage: 'unverified' }, 'a scope is not verified'],
    [
      'was verified by an earlier attempt only',
      { scope: 'old', confirmed: false },
      'scope old was read by an earlier attempt only',
    ],
  ])('absence waits while a sibling scope %s; what the vendor states goes', (_what, sibling, reason) => {
    const facts = tally(scope({ absent: 3, removed: 1 }), scope({ scope: 'sibling', ...sibling }));
    expect(decide(facts)).toMatchObject({
      delete: { absent: false, removed: true },
      withheld: 3,
      withheldReason: reason,
    });
  });

  test('absence does not wait for a scope that is not verified where no record can move between scopes', () => {
    const facts = tally(scope({ absent: 3 }), scope({ scope: 'sibling', coverage: 'unverified' }));
    expect(decide(facts, defaultDeletionBudget, true)).toMatchObject({
      delete: { absent: true },
      withheld: 0,
    });
    const earlier = tally(scope({ absent: 3 }), scope({ scope: 'old', confirmed: false }));
    expect(decide(earlier, defaultDeletionBudget, true)).toMatchObject({ delete: { absent: false } });
  });

  test('absence does not wait for a scope that is not read any more', () => {
    const facts = tally(scope({ absent: 3 }), scope({ scope: 'old', coverage: 'notRead', confirmed: false }));
    expect(decide(facts)).toMatchObject({ delete: { absent: true }, withheld: 0 });
  });

  test('one scope over its budget holds back the whole stream', () => {
    const decision = decide(
      tally(scope({ scope: 'a', absent: 30 }), scope({ scope: 'b', live: 10_000, absent: 1 })),
    );
    expect(decision).toMatchObject({
      budgetPassed: true,
      delete: { absent: false, removed: false },
      withheld: 31,
    });
    expect(decision.withheldReason).toContain('30 of 100 records of scope a');
  });

  test('many small scopes cannot pass the budget of the system together', () => {
    const scopes = Array.from({ length: 120 }, (_, index) =>
      scope({ scope: `s${index}`, live: 1000, absent: 5 }),
    );
    expect(decide(tally(...scopes)).budgetPassed).toBe(true);
  });

  test('property: absence speaks only when every scope of the pass was verified by this attempt', () => {
    fc.assert(
      fc.property(anyTally, (facts) => {
        const proven = facts.scopes.every(
          ({ coverage, confirmed }) => coverage === 'notRead' || (coverage !== 'unverified' && confirmed),
        );
        if (!proven) expect(decide(facts, generous).delete.absent).toBe(false);
      }),
    );
  });

  test('property: what goes never passes the budget, and Keep deletes nothing', () => {
    fc.assert(
      fc.property(anyTally, (facts) => {
        const budget = defaultDeletionBudget;
        const going = decide(facts).delete;
        const gone = facts.scopes.reduce(
          (sum, { absent, removed }) => sum + (going.absent ? absent : 0) + (going.removed ? removed : 0),
          0,
        );
        if (gone > budget.alwaysAllow) expect(gone).toBeLessThanOrEqual(budget.maxRecords);
        expect(decideDeletions(facts, 'Keep', budget, true)).toMatchObject({
          delete: { absent: false, removed: false },
          withheld: candidates(facts),
        });
      }),
    );
  });

  test('property: every candidate goes or is counted as withheld', () => {
    fc.assert(
      fc.property(anyTally, (facts) => {
        const { delete: going, withheld } = decide(facts);
        const gone = facts.scopes.reduce(
          (sum, { absent, removed }) => sum + (going.absent ? absent : 0) + (going.removed ? removed : 0),
          0,
        );
        expect(gone + withheld).toBe(candidates(facts));
      }),
    );
  });
});
