// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  disbeliefOfCount,
  disbeliefOfEmptiness,
  evidenceOf,
  fewRecords,
  proofOfEnd,
  type ScopeProof,
} from '../../src/sync/scope-proof.ts';

const full = (evidence: ScopeProof['evidence'] = {}): ScopeProof => ({
  coverage: 'Full',
  askedInFull: true,
  evidence,
});
const emptied = { scope: 'all', live: 60, seen: 0 };

describe("the vendor's total against what was read", () => {
  test.each<[string, ScopeProof['evidence'], number | undefined]>([
    ['as many', { rows: 5, counted: 5 }, undefined],
    ['more, since some were added meanwhile', { rows: 6, counted: 5 }, undefined],
    ['fewer', { rows: 3, counted: 5 }, 2],
    ['fewer, the rest found gone', { rows: 3, counted: 5, gone: 2 }, undefined],
    ['fewer, not all of the rest found gone', { rows: 3, counted: 5, gone: 1 }, 1],
    ['no total', { rows: 3 }, undefined],
    ['no rows told', { counted: 3 }, undefined],
  ])('%s', (_what, evidence, short) => {
    const failure = disbeliefOfCount('items', 'all', full(evidence));
    expect(failure?.code).toBe(short === undefined ? undefined : 'contract');
    if (short !== undefined) expect(failure?.message).toContain(`scope all ${short} were not given`);
  });

  test('concerns no window', () => {
    const window: ScopeProof = { ...full({ rows: 3, counted: 5 }), coverage: 'Window' };
    expect(disbeliefOfCount('items', 'all', window)).toBeUndefined();
  });
});

describe('a scope that gives nothing where many records stand', () => {
  const twice = { rows: 0, counted: 0, emptyTwice: true };

  test.each<[string, ScopeProof, RegExp]>([
    ['nothing counted', full({ rows: 0 }), /its own count does not say that/u],
    ['counted once', full({ rows: 0, counted: 0 }), /was not asked a second time/u],
    ['counted otherwise', full({ rows: 0, counted: 60, gone: 60, emptyTwice: true }), /does not say that/u],
    [
      'read as a window though all was asked for',
      { ...full(twice), coverage: 'Window' },
      /nothing is taken as deleted/u,
    ],
  ])('is not believed: %s', (_what, proof, words) => {
    const failure = disbeliefOfEmptiness('items', emptied, proof);
    expect(failure).toMatchObject({ code: 'permission', message: expect.stringMatching(words) });
    expect(failure?.message).toContain('60 live records');
  });

  test.each<[string, Partial<typeof emptied>, ScopeProof | undefined]>([
    ['when the vendor counted nothing, and said so again', {}, full(twice)],
    ['when few records stand there', { live: fewRecords }, full()],
    ['when something was seen', { seen: 1 }, full()],
    ['when only a window was asked for', {}, { ...full(), coverage: 'Window', askedInFull: false }],
    ['when the scope is no part of the pass', {}, undefined],
    ['when it is unverified already', {}, { ...full(), coverage: 'unverified' }],
  ])('says nothing new %s', (_what, standing, proof) => {
    expect(disbeliefOfEmptiness('items', { ...emptied, ...standing }, proof)).toBeUndefined();
  });
});

describe('a scope that the vendor does not offer', () => {
  const absent = full({ rows: 0, notOffered: 'no licence' });

  test.each([1, 6])(
    'is no proof while records stand in it, however few (%i), also where some were seen',
    (live) => {
      for (const seen of [0, live])
        expect(disbeliefOfEmptiness('items', { scope: 'all', live, seen }, absent)).toMatchObject({
          code: 'permission',
          message: `items: no licence; the ${live} records of scope all stay as they were last read`,
        });
    },
  );

  test('is as good as read where nothing stands, and is counted', () => {
    expect(disbeliefOfEmptiness('items', { scope: 'all', live: 0, seen: 0 }, absent)).toBeUndefined();
    const { evidence } = evidenceOf(
      new Map([
        ['all', absent],
        ['other', full({ rows: 2 })],
      ]),
    );
    expect(evidence).toMatchObject({ rows: 2, scopesNotOffered: 1 });
    expect(evidence).not.toHaveProperty('scopesUnproven');
  });
});

test('a scope that is caught up keeps what proved it in full', () => {
  const ended = { coverage: 'Full', evidence: { rows: 7, counted: 7, token: 'a' } } as const;
  const window = { type: 'end', scope: 'all', coverage: 'Window', evidence: { rows: 1 } } as const;
  expect(proofOfEnd(window, { ended }, false)).toEqual({
    proof: { coverage: 'Full', askedInFull: true, evidence: ended.evidence },
    evidence: { rows: 7, counted: 7, token: 'a', caughtUp: { rows: 1 } },
  });
});

test('a scope that was read in full although a cursor was offered is doubted as any other', () => {
  const end = { type: 'end', scope: 'all', coverage: 'Full', evidence: { rows: 0 } } as const;
  const { proof } = proofOfEnd(end, {}, false);
  expect(proof.askedInFull).toBe(true);
  expect(disbeliefOfEmptiness('items', emptied, proof)).toMatchObject({ code: 'permission' });
});

test('of many scopes the sums are told, and whether the vendor agrees', () => {
  const counts = fc.record({ rows: fc.nat(1000), counted: fc.option(fc.nat(1000), { nil: undefined }) });
  fc.assert(
    fc.property(fc.array(counts, { minLength: 2, maxLength: 20 }), (scopes) => {
      const facts = scopes.map(({ rows, counted }) => ({
        rows,
        last: 'z',
        ...(counted === undefined ? {} : { counted }),
      }));
      const { evidence } = evidenceOf(new Map(facts.map((fact, at) => [`s${at}`, full(fact)])));
      expect(evidence).not.toHaveProperty('last');
      expect(evidence?.rows).toBe(scopes.reduce((sum, { rows }) => sum + rows, 0));
      expect(evidence?.scopesCounted).toBe(scopes.filter(({ counted }) => counted !== undefined).length);
      const agreeing = scopes.filter(({ rows, counted = Infinity }) => rows >= counted);
      expect(evidence?.scopesAgreed).toBe(agreeing.length);
    }),
  );
});

test('scopes that were asked for in full and answered as a window prove nothing absent', () => {
  const window = { ...full({ rows: 2 }), coverage: 'Window' } as const;
  const proofs = new Map([
    ['counted', full({ rows: 2, counted: 2 })],
    ['uncounted', window],
    ['incremental', { ...window, askedInFull: false }],
  ]);
  expect(evidenceOf(proofs).evidence).toMatchObject({ rows: 6, scopesCounted: 1, scopesUnproven: 1 });
});

test('the last position stands in the record of one scope alone, and is cut', () => {
  const proofs = new Map([['all', full({ rows: 2, last: 'x'.repeat(100) })]]);
  expect(evidenceOf(proofs).evidence?.last).toHaveLength(64);
  expect(evidenceOf(new Map())).toEqual({});
});
