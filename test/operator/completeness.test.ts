// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { failureCodes, failureFacts, type FailureCode } from '../../src/api/failure.ts';
import type { StreamStatus, SyncRunStatus } from '../../src/api/sync-run.ts';
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
    const unverifiedScopes = [{ stream: 'cis', scope: 'cmdb_ci_server', reason: '403' }];
    const run: SyncRunStatus = { phase: 'PartiallySucceeded', streams: [good, bad], unverifiedScopes };
    expect(verdictOf({ ...run, ...failed('permission') })?.message).toBe(
      'not read to a verified end, so nothing absent is deleted: cis: permission: table cmdb_ci_server: 403, 7 records that were not seen are kept (not verified: cis/cmdb_ci_server). Who must act: administrator of the external system.',
    );
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
