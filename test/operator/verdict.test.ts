// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { failureCodes, failureFacts, type FailureCode } from '../../src/api/failure.ts';
import { judge, type SystemFacts } from '../../src/operator/verdict.ts';

const now = new Date('2026-03-01T10:00:00Z');

function facts(part: Partial<SystemFacts> = {}): SystemFacts {
  return {
    generation: 3,
    specProblem: undefined,
    slotBlocked: undefined,
    suspended: false,
    lastVerdictRun: undefined,
    connectedNow: false,
    lastSuccessAt: undefined,
    freshForMs: 45 * 60_000,
    nextStart: undefined,
    now,
    ...part,
  };
}

function ran(code?: FailureCode, generation = 3): SystemFacts['lastVerdictRun'] {
  const base = { phase: code === undefined ? 'Succeeded' : 'Failed', systemGeneration: generation } as const;
  if (code === undefined) return { name: 'run', status: base };
  const { class: kind, audience } = failureFacts[code];
  return {
    name: 'run',
    status: { ...base, failure: { class: kind, code, audience, message: `it was ${code}` } },
  };
}

function conditions(part: Partial<SystemFacts>) {
  return Object.fromEntries(
    judge(facts(part)).map(({ type, status, reason }) => [type, `${status} ${reason}`]),
  );
}

describe('judge, by the kstatus rules', () => {
  test.each<[string, Partial<SystemFacts>, Record<string, string>]>([
    [
      'a new generation is reconciling until its first verdict',
      {},
      { Ready: 'Unknown Progressing', Reconciling: 'True Progressing', Stalled: 'False Progressing' },
    ],
    [
      'a verdict on an older generation is none on this one',
      { lastVerdictRun: ran(undefined, 2) },
      { Reconciling: 'True Progressing', Connected: 'Unknown NotTried' },
    ],
    [
      'a proven connection is ready before the first sync has ended',
      { connectedNow: true },
      { Ready: 'True Connected', Reconciling: 'False Settled', CredentialsValid: 'True Accepted' },
    ],
    [
      'a run that succeeded',
      { lastVerdictRun: ran() },
      { Ready: 'True Connected', Connected: 'True Answering' },
    ],
    [
      'an invalid spec is stalled and nothing else',
      { specProblem: 'spec.schedule.every: too short', lastVerdictRun: ran() },
      { Ready: 'False InvalidSpec', Reconciling: 'False InvalidSpec', Stalled: 'True InvalidSpec' },
    ],
    [
      'bad credentials',
      { lastVerdictRun: ran('credentials') },
      {
        Ready: 'False InvalidCredentials',
        CredentialsValid: 'False InvalidCredentials',
        Stalled: 'False Progressing',
      },
    ],
    [
      'an outage says nothing about the credentials',
      { lastVerdictRun: ran('unavailable') },
      {
        Ready: 'False UpstreamUnavailable',
        Connected: 'False UpstreamUnavailable',
        CredentialsValid: 'Unknown NotAnswering',
      },
    ],
    [
      'a missing right',
      { lastVerdictRun: ran('permission') },
      { Ready: 'False PermissionDenied', CredentialsValid: 'True Accepted' },
    ],
    [
      'a passed deletion budget leaves the connection ready',
      { lastVerdictRun: ran('deletionBudget') },
      { Ready: 'True Connected' },
    ],
    [
      'suspended before the first run',
      { suspended: true },
      { Ready: 'False Suspended', Reconciling: 'False Progressing' },
    ],
    ['suspended after a good run', { suspended: true, lastVerdictRun: ran() }, { Ready: 'True Suspended' }],
    ['a blocked slot', { slotBlocked: 'x', lastVerdictRun: ran() }, { Ready: 'False SlotBlocked' }],
    ['never synced', {}, { Fresh: 'Unknown NeverSynced' }],
    ['in step', { lastSuccessAt: new Date(now.getTime() - 44 * 60_000) }, { Fresh: 'True InStep' }],
    ['overdue', { lastSuccessAt: new Date(now.getTime() - 46 * 60_000) }, { Fresh: 'False Overdue' }],
  ])('%s', (_, part, expected) => {
    expect(conditions(part)).toMatchObject(expected);
  });

  test('every failure names who must act, and never both Stalled and Reconciling', () => {
    for (const code of failureCodes) {
      const verdicts = judge(facts({ lastVerdictRun: ran(code), nextStart: now }));
      const ready = verdicts.find(({ type }) => type === 'Ready');
      if (ready?.status === 'False')
        expect(ready.message).toContain(`Who must act: ${failureFacts[code].audience}`);
      const active = verdicts.filter(
        ({ type, status }) => ['Stalled', 'Reconciling'].includes(type) && status === 'True',
      );
      expect(active.length).toBeLessThan(2);
    }
  });
});
