// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failureCodes, failureFacts, type FailureCode } from '../../src/api/failure.ts';
import type { StreamStatus, SyncRunStatus } from '../../src/api/sync-run.ts';
import { unverifiedFields } from '../../src/api/unverified-scopes.ts';
import { completeVerdict } from '../../src/operator/completeness.ts';
import { judge, reasonOf } from '../../src/operator/verdict.ts';

const counts = { fetched: 0, created: 0, updated: 0, unchanged: 0, deleted: 0, failed: 0, pages: 0 };
const good: StreamStatus = { name: 'users', record: 'User', complete: true, ...counts, scopesVerified: 1 };
const uncounted = { rows: 3, scopesCounted: 0, scopesAgreed: 0 };
const bad: StreamStatus = {
  ...good,
  name: 'cis',
  complete: false,
  incompleteReason: 'permission: table cmdb_ci_server: 403',
  withheld: 7,
};

function failed(code: FailureCode): Pick<SyncRunStatus, 'failure'> {
  const { class: kind, audience } = failureFacts[code];
  return { failure: { class: kind, code, audience, message: 'm' } };
}

const verdictOf = (run: SyncRunStatus | undefined) => completeVerdict(run, reasonOf)[0];

describe('Complete', () => {
  test.each<[string, SyncRunStatus | undefined, string]>([
    ['before any run', undefined, 'Unknown NotRead'],
    ['after a run that read all', { phase: 'Succeeded', streams: [good] }, 'True Verified'],
    [
      'when only the budget was passed',
      { phase: 'PartiallySucceeded', streams: [good], ...failed('deletionBudget') },
      'True Verified',
    ],
    [
      'when rows were set aside',
      { phase: 'PartiallySucceeded', streams: [{ ...good, failed: 2 }], ...failed('contract') },
      'True Verified',
    ],
    [
      'when one of two streams is not verified',
      { phase: 'PartiallySucceeded', streams: [good, bad], ...failed('permission') },
      'False PermissionDenied',
    ],
    ['when nothing was read', { phase: 'Failed', ...failed('credentials') }, 'False InvalidCredentials'],
    [
      'while a first load goes on over runs',
      { phase: 'Cancelled', streams: [bad], ...failed('cancelled') },
      'Unknown ReadingGoesOn',
    ],
    [
      'when the vendor does not count',
      {
        phase: 'Succeeded',
        streams: [good, { ...good, evidence: { ...uncounted, scopesUnproven: 1 } }],
      },
      'Unknown NotCounted',
    ],
    [
      'when the streams that are not whole are left out of the record',
      {
        phase: 'PartiallySucceeded',
        streams: [good],
        ...{ streamsLeftOut: 3, unverifiedScopesTotal: 3, unverifiedScopesLeftOut: 3 },
        ...failed('permission'),
      },
      'False PermissionDenied',
    ],
    [
      'when streams are left out of the record',
      { phase: 'PartiallySucceeded', streams: [good], streamsLeftOut: 3, ...failed('permission') },
      'Unknown NotShown',
    ],
    [
      'when the vendor does not offer a part, and nothing of it stands',
      { phase: 'Succeeded', streams: [{ ...good, evidence: { ...uncounted, scopesNotOffered: 1 } }] },
      'True Verified',
    ],
  ])('%s is judged', (_when, run, expected) => {
    const verdict = verdictOf(run);
    expect(`${verdict?.status} ${verdict?.reason}`).toBe(expected);
  });

  test('names streams, scopes, what is kept and who must act', () => {
    const unverified = unverifiedFields([{ stream: 'cis', scope: 'cmdb_ci_server', reason: '403' }], 1);
    const run: SyncRunStatus = { phase: 'PartiallySucceeded', streams: [good, bad], ...unverified };
    expect(verdictOf({ ...run, ...failed('permission') })?.message).toBe(
      'not read to a verified end, so nothing absent there is deleted: cis: permission: table cmdb_ci_server: 403, 7 records that were not seen are kept (1 scope not verified: cis/cmdb_ci_server). Who must act: administrator of the external system.',
    );
  });

  test('says how many scopes there are that it does not name', () => {
    const named = ['a', 'b'].map((scope) => ({ stream: 'cis', scope, reason: '403' }));
    const run: SyncRunStatus = { phase: 'PartiallySucceeded', streams: [good, bad] };
    const told = (status: SyncRunStatus) => /\(([^()]*)\)/u.exec(verdictOf(status)?.message ?? '')?.[1];
    expect(told({ ...run, ...unverifiedFields(named, 39) })).toBe(
      '39 scopes not verified: cis/a, cis/b … and 37 more',
    );
    expect(told({ ...run, ...unverifiedFields([], 39) }), 'no room for any').toBe('39 scopes not verified');
    const before = { ...bad, scopesTotal: 40, scopesVerified: 1 };
    const old = { ...run, streams: [good, before], unverifiedScopes: named };
    expect(told(old), 'of a record of before').toBe('39 scopes not verified: cis/a, cis/b … and 37 more');
    expect(verdictOf({ phase: 'Failed', streamsLeftOut: 4, streams: [] })?.message).toMatch(
      /deleted: 4 streams are not in the record$/u,
    );
  });

  test('counts every scope whatever the room of a message, and always says who must act', () => {
    const name = (length: number) => fc.string({ maxLength: length, unit: fc.constantFrom('a', 'b') });
    const streams = fc.array(fc.record({ name: name(32), incompleteReason: name(128), withheld: fc.nat() }), {
      minLength: 1,
      maxLength: 32,
    });
    const scopes = fc.array(fc.record({ stream: name(32), scope: name(64), reason: name(96) }), {
      maxLength: 10,
    });
    const property = fc.property(
      streams,
      scopes,
      fc.nat(),
      fc.nat({ max: 31 }),
      (open, named, more, gone) => {
        const total = named.length + more;
        const verdict = verdictOf({
          phase: 'PartiallySucceeded',
          streams: open.map((one) => ({ ...bad, ...one })),
          streamsLeftOut: gone,
          ...unverifiedFields(named, total),
          failure: { class: 'policy_violation', code: 'permission', audience: 'x'.repeat(64), message: 'm' },
        });
        const message = verdict?.message ?? '';
        expect(message.length, 'as it stands in a condition').toBeLessThanOrEqual(1024);
        expect(message.endsWith(`Who must act: ${'x'.repeat(64)}.`)).toBe(true);
        if (gone > 0) expect(message).toContain(`${gone} streams are not in the record`);
        const [, all = '0', names, left = '0'] =
          /\((\d+) scopes? not verified(?:: ([^()]*?))?(?: … and (\d+) more)?\)/u.exec(message) ?? [];
        expect(Number(all)).toBe(total);
        const shown = names === undefined ? 0 : names.split(', ').length;
        if (names !== undefined) expect(shown + Number(left)).toBe(total);
        else expect(named).toEqual([]);
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  test.each(['Test', 'Plan'] as const)('is left as it is by a run of mode %s', (mode) => {
    expect(completeVerdict({ mode, phase: 'Succeeded', streams: [good] }, reasonOf)).toEqual([]);
  });

  test('stands beside the others, with a reason for every failure', () => {
    for (const code of failureCodes) {
      const lastVerdictRun = { phase: 'Failed', systemGeneration: 3, ...failed(code) } as const;
      const verdicts = judge({
        generation: 3,
        specProblem: undefined,
        requestProblem: undefined,
        slotBlocked: undefined,
        suspended: false,
        lastVerdictRun,
        connectedNow: false,
        lastSuccessAt: undefined,
        freshForMs: 1,
        nextStart: undefined,
        withheld: 0,
        now: new Date(0),
      });
      const found = verdicts.filter(({ type }) => type === 'Complete');
      expect(found).toMatchObject([{ status: 'False', reason: expect.stringMatching(/^[A-Z][A-Za-z]+$/u) }]);
    }
  });
});
