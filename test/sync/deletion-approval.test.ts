// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DeletionProposal, PassTally, ScopeTally } from '../../src/store/port.ts';
import { judgeApproval, parseApproval, type ApprovalFacts } from '../../src/sync/approval.ts';
import { decideDeletions, defaultDeletionBudget, withinBudget } from '../../src/sync/deletion.ts';

const scope = (given: Partial<ScopeTally>): ScopeTally => ({
  scope: 'all',
  coverage: 'Full',
  confirmed: true,
  live: 100,
  absent: 0,
  removed: 0,
  recentlyDeleted: 0,
  ...given,
});
const tally = (...scopes: readonly ScopeTally[]): PassTally => ({
  mode: 'Full',
  scopes,
  systemLive: scopes.reduce((sum, { live }) => sum + live, 0),
  systemRecentlyDeleted: 0,
  fetched: 0,
  setAside: 0,
  setAsideByMapping: 0,
});
const decide = (facts: PassTally, policy: 'Tombstone' | 'Keep' = 'Tombstone') =>
  decideDeletions(facts, policy, defaultDeletionBudget, false);

describe('a pass with an approved list', () => {
  test('deletes the approved beyond the budget, and what is left within it', () => {
    const decision = decide(tally(scope({ absent: 53, approved: { absent: 50, removed: 0 } })));
    expect(decision).toMatchObject({
      delete: { approved: true, absent: true },
      withheld: 0,
      budgetPassed: false,
    });
  });

  test('deletes the approved and proposes what is left beyond the budget', () => {
    const decision = decide(tally(scope({ absent: 90, approved: { absent: 50, removed: 0 } })));
    expect(decision).toMatchObject({
      delete: { approved: true, absent: false, removed: false },
      withheld: 40,
      budgetPassed: true,
      propose: { absent: true },
    });
  });

  test('deletes none of it while a scope is not verified', () => {
    const approved = { absent: 50, removed: 10 };
    const unverified = scope({ scope: 'other', coverage: 'unverified' });
    const decision = decide(tally(scope({ absent: 50, removed: 10, approved }), unverified));
    expect(decision.delete.approved).toBeUndefined();
    expect(decision.delete.absent).toBe(false);
  });

  test('deletes none of it with the policy Keep', () => {
    const approved = { absent: 50, removed: 0 };
    expect(decide(tally(scope({ absent: 50, approved })), 'Keep').delete).toEqual({
      absent: false,
      removed: false,
    });
  });

  const scopes = fc.array(
    fc
      .record({
        coverage: fc.constantFrom('Full' as const, 'Window' as const, 'unverified' as const),
        confirmed: fc.boolean(),
        seen: fc.nat(300),
        unseen: fc.nat(300),
        stated: fc.nat(300),
        share: fc.nat(100),
        recentlyDeleted: fc.nat(50),
      })
      .map(({ coverage, confirmed, seen, unseen, stated, share, recentlyDeleted }) => {
        const absent = coverage === 'Full' ? unseen : 0;
        const part = (count: number) => Math.floor((count * share) / 100);
        return scope({
          ...{ coverage, confirmed, absent, recentlyDeleted, removed: stated, live: seen + absent + stated },
          approved: { absent: part(absent), removed: part(stated) },
        });
      }),
    { minLength: 1, maxLength: 4 },
  );

  test('property: what goes without being on the list never passes the budget', () => {
    fc.assert(
      fc.property(scopes, (given) => {
        const facts = tally(...given);
        const { delete: going } = decide(facts);
        for (const {
          absent,
          removed,
          approved = { absent: 0, removed: 0 },
          live,
          recentlyDeleted,
        } of given) {
          const apart = going.approved === true ? approved : { absent: 0, removed: 0 };
          const others =
            (going.absent ? absent - apart.absent : 0) + (going.removed ? removed - apart.removed : 0);
          const left = live - apart.absent - apart.removed;
          expect(withinBudget(others, recentlyDeleted, left, defaultDeletionBudget)).toBe(true);
        }
      }),
    );
  });

  test('property: the approved go exactly where absence is proven, and every candidate goes or is withheld', () => {
    fc.assert(
      fc.property(scopes, (given) => {
        const { delete: going, withheld } = decide(tally(...given));
        const sum = (of: (one: ScopeTally) => number) => given.reduce((all, one) => all + of(one), 0);
        const approved = sum((one) => (one.approved?.absent ?? 0) + (one.approved?.removed ?? 0));
        const proven = given.every(({ coverage, confirmed }) => coverage !== 'unverified' && confirmed);
        expect(going.approved === true).toBe(proven && approved > 0);
        const gone = sum((one) => {
          const apart =
            going.approved === true ? (one.approved ?? { absent: 0, removed: 0 }) : { absent: 0, removed: 0 };
          return (going.absent ? one.absent : apart.absent) + (going.removed ? one.removed : apart.removed);
        });
        expect(gone + withheld).toBe(sum(({ absent, removed }) => absent + removed));
      }),
    );
  });
});

describe('the annotation', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const now = new Date('2026-03-08T09:59:59Z');
  const proposal = (given: Partial<DeletionProposal> = {}): DeletionProposal => ({
    ...{ runName: 'cmdb-1', digest, records: 9, waiting: 9, sample: [], state: 'open', usedBy: undefined },
    proposedAt: new Date('2026-03-01T10:00:00Z'),
    ...given,
  });
  const judge = (given: Partial<ApprovalFacts>) =>
    judgeApproval({ annotation: `cmdb-1@${digest}`, named: proposal(), open: proposal(), now, ...given });

  test('approves the open proposal that it names', () => {
    expect(judge({})).toEqual({ type: 'approved', token: `cmdb-1@${digest}` });
  });

  test('that is absent or empty says nothing', () => {
    expect(judge({ annotation: undefined })).toEqual({ type: 'none' });
    expect(judge({ annotation: '' })).toEqual({ type: 'none' });
  });

  test('that was used says so and is no fault', () => {
    const state = judge({ named: proposal({ state: 'used', usedBy: 'cmdb-d-1' }) });
    expect(state).toEqual({ type: 'used', message: expect.stringContaining('used by SyncRun cmdb-d-1') });
  });

  const wrong: [string, Partial<ApprovalFacts>, string][] = [
    ['is malformed', { annotation: 'yes please' }, 'is yes please, which is not RUN@sha256:'],
    ['names an unknown run', { named: undefined }, 'names SyncRun cmdb-1, which proposed no deletions'],
    ['has another digest', { named: proposal({ digest: `sha256:${'b'.repeat(64)}` }) }, 'has another digest'],
    ['was superseded', { named: proposal({ state: 'superseded' }) }, 'which a newer one has replaced'],
    ['was settled', { named: proposal({ state: 'settled' }) }, 'found nothing that needs approval'],
    ['has expired', { now: new Date('2026-03-08T10:00:00Z') }, 'which expired at 2026-03-08T10:00:00.000Z'],
  ];
  test.each(wrong)('that %s is refused with the reason and the remedy', (_, given, reason) => {
    const state = judge(given);
    expect(state).toEqual({ type: 'refused', message: expect.stringContaining(reason) });
    const remedy = given.now === undefined ? `set it to cmdb-1@${digest}` : 'remove the annotation';
    expect(state).toEqual({ type: 'refused', message: expect.stringContaining(remedy) });
  });

  test('is read only in its whole form', () => {
    expect(parseApproval(`cmdb-1@${digest}`)).toEqual({ runName: 'cmdb-1', digest });
    for (const bad of [
      `cmdb-1@${digest}0`,
      `@${digest}`,
      `cmdb-1@${digest.slice(0, -1)}`,
      `Cmdb@${digest}`,
      'cmdb-1',
    ])
      expect(parseApproval(bad)).toBeUndefined();
  });
});
