// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { failureCodes, failureFacts, type FailureCode } from '../../src/api/failure.ts';
import { judge, type SystemFacts } from '../../src/operator/verdict.ts';

const now = new Date('2026-03-01T10:00:00Z');

function facts(part: Partial<SystemFacts> = {}): SystemFacts {
  return {
    generation: 3,
    specProblem: undefined,
    requestProblem: undefined,
    slotBlocked: undefined,
    suspended: false,
    lastVerdictRun: undefined,
    connectedNow: false,
    lastSuccessAt: undefined,
    freshForMs: 45 * 60_000,
    nextStart: undefined,
    withheld: 0,
    now,
    ...part,
  };
}

function ran(code?: FailureCode, generation = 3): SystemFacts['lastVerdictRun'] {
  const base = { phase: code === undefined ? 'Succeeded' : 'Failed', systemGeneration: generation } as const;
  if (code === undefined) return base;
  const { class: kind, audience } = failureFacts[code];
  return { ...base, failure: { class: kind, code, audience, message: `it was ${code}` } };
}

const emptyCounts = { pages: 0, fetched: 0, created: 0, updated: 0, unchanged: 0, deleted: 0, failed: 0 };

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
      'suspended before a run has proven the connection',
      { suspended: true },
      { Ready: 'False Suspended', Reconciling: 'False Suspended' },
    ],
    ['suspended after a good run', { suspended: true, lastVerdictRun: ran() }, { Ready: 'True Suspended' }],
    [
      'suspending, which is a new generation, takes nothing back',
      { suspended: true, lastVerdictRun: ran(undefined, 2) },
      { Ready: 'True Suspended', Reconciling: 'False Settled', Connected: 'True Answering' },
    ],
    [
      'nor does it mend anything',
      { suspended: true, lastVerdictRun: ran('credentials', 2) },
      {
        Ready: 'False InvalidCredentials',
        Reconciling: 'False Settled',
        CredentialsValid: 'False InvalidCredentials',
      },
    ],
    [
      'a first load that was stopped by its time limit has proven the connection',
      { lastVerdictRun: { ...ran('cancelled'), phase: 'Cancelled' } },
      { Ready: 'True Connected', Reconciling: 'False Settled', Connected: 'True Answering' },
    ],
    ['a blocked slot', { slotBlocked: 'x', lastVerdictRun: ran() }, { Ready: 'False SlotBlocked' }],
    [
      'a blocked slot of a new system',
      { slotBlocked: 'x' },
      { Ready: 'False SlotBlocked', Reconciling: 'True Progressing' },
    ],
    [
      'a blocked slot of a failing system',
      { slotBlocked: 'x', lastVerdictRun: ran('unavailable') },
      { Ready: 'False SlotBlocked', Connected: 'False UpstreamUnavailable' },
    ],
    ['never synced', {}, { Fresh: 'Unknown NeverSynced' }],
    ['in step', { lastSuccessAt: new Date(now.getTime() - 44 * 60_000) }, { Fresh: 'True InStep' }],
    ['overdue', { lastSuccessAt: new Date(now.getTime() - 46 * 60_000) }, { Fresh: 'False Overdue' }],
  ])('%s', (_, part, expected) => {
    expect(conditions(part)).toMatchObject(expected);
  });

  const partly = {
    phase: 'PartiallySucceeded',
    systemGeneration: 3,
    mode: 'Full',
    totals: { fetched: 4985, created: 0, updated: 0, unchanged: 0, deleted: 0, failed: 0 },
  } as const;
  const incomplete =
    '; the newest run was incomplete (PartiallySucceeded): the 4985 records that it read stand in the inventory, and its failure and the condition Complete say what is missing';
  const long = new Date(now.getTime() - 46 * 60_000);
  const overdue = 'newest success 2026-03-01T09:14:00.000Z, longer ago than three intervals';
  test.each<[string, Partial<SystemFacts>, string]>([
    ['never synced, nor read', {}, 'no run has succeeded yet'],
    ['never synced, but read in part', { lastVerdictRun: partly }, `no run has succeeded yet${incomplete}`],
    ['tested only', { lastVerdictRun: { ...partly, mode: 'Test' } }, 'no run has succeeded yet'],
    ['overdue', { lastSuccessAt: long, lastVerdictRun: ran() }, overdue],
    ['overdue, but read in part', { lastSuccessAt: long, lastVerdictRun: partly }, `${overdue}${incomplete}`],
  ])('Fresh says of a system %s what stands in the inventory', (_, part, message) => {
    expect(judge(facts(part)).find(({ type }) => type === 'Fresh')?.message).toBe(message);
  });

  test.each<[string, Partial<SystemFacts>]>([
    ['a ready one', { lastVerdictRun: ran() }],
    ['a failing one', { lastVerdictRun: ran('permission') }],
    ['a new one', {}],
    ['a suspended one', { suspended: true }],
    ['an invalid one', { specProblem: 'spec.schedule: no' }],
  ])('%s says what is wrong with a requested run', (_, part) => {
    const ready = judge(facts({ ...part, requestProblem: 'run-mode: full is not known' }))[0];
    expect(ready?.message).toMatch(/The requested run is not made: run-mode: full is not known\.$/u);
  });

  test.each<[FailureCode, string, string]>([
    ['contract', 'True Connected', 'True Answering'],
    ['unavailable', 'True Connected', 'True Answering'],
    ['permission', 'False PermissionDenied', 'True Answering'],
    ['configuration', 'False InvalidConfiguration', 'True Answering'],
  ])('of a run that read the other streams, %s leaves Ready %s', (code, ready, connected) => {
    const failed = ran(code);
    const lastVerdictRun =
      failed === undefined ? undefined : { ...failed, phase: 'PartiallySucceeded' as const };
    expect(conditions({ lastVerdictRun })).toMatchObject({ Ready: ready, Connected: connected });
    const [first] = judge(facts({ lastVerdictRun }));
    expect(first?.message).toContain(`it was ${code}`);
  });

  test('rows that misfit a mapping leave Ready True, and name the owner who must act', () => {
    const { audience } = failureFacts.configuration;
    const failure = { class: 'permanent', code: 'contract', audience, message: '1 row set aside' } as const;
    const lastVerdictRun = { phase: 'PartiallySucceeded', systemGeneration: 3, failure } as const;
    const [ready] = judge(facts({ lastVerdictRun }));
    expect(ready).toMatchObject({ status: 'True', reason: 'Connected' });
    expect(ready?.message).toMatch(/ 1 row set aside\. Who must act: owner of the ExternalSystem\.$/u);
  });

  test('a failure from before the connection was proven is not told any more', () => {
    const [ready] = judge(facts({ lastVerdictRun: ran('credentials'), connectedNow: true }));
    expect(ready).toMatchObject({ status: 'True', message: 'spec, Secret and connection are proven.' });
  });

  test('what streams lacked behind a connection that stood is not taken back by connecting again', () => {
    for (const [code, phase] of [
      ['configuration', 'PartiallySucceeded'],
      ['permission', 'Failed'],
    ] as const) {
      const streams = [{ name: 'users', record: 'User', complete: false, ...emptyCounts }];
      const lastVerdictRun = { ...ran(code), phase, streams } as SystemFacts['lastVerdictRun'];
      const of = (connectedNow: boolean) => judge(facts({ lastVerdictRun, connectedNow }))[0];
      expect(of(true)).toEqual(of(false));
      expect(of(true)?.status).toBe('False');
    }
    // A run that could not connect has read nothing.
    const unread = { ...ran('configuration'), streams: [] } as SystemFacts['lastVerdictRun'];
    expect(judge(facts({ lastVerdictRun: unread, connectedNow: true }))[0]?.status).toBe('True');
  });

  test('a suspended system says so, whatever its state, and names no next run', () => {
    for (const code of [undefined, 'credentials'] as const) {
      const [ready] = judge(facts({ suspended: true, lastVerdictRun: ran(code), nextStart: now }));
      expect(ready?.message).toContain('Suspended: no scheduled runs.');
      expect(ready?.message).not.toContain('Next run');
    }
  });

  test('every failure names who must act, and never both Stalled and Reconciling', () => {
    for (const code of failureCodes) {
      const verdicts = judge(facts({ lastVerdictRun: ran(code), nextStart: now }));
      const ready = verdicts.find(({ type }) => type === 'Ready');
      if (ready?.status === 'False') {
        const { audience } = failureFacts[code];
        const who = audience === 'nobody' ? 'Nobody has to act.' : `Who must act: ${audience}.`;
        expect(ready.message).toBe(`it was ${code}. ${who} Next run ${now.toISOString()}.`);
      }
      const active = verdicts.filter(
        ({ type, status }) => ['Stalled', 'Reconciling'].includes(type) && status === 'True',
      );
      expect(active.length).toBeLessThan(2);
    }
  });
});

test('what the newest full pass withheld is said until it is settled, whatever later runs found', () => {
  const said = (part: Partial<SystemFacts>) => judge(facts({ withheld: 2000, ...part }))[0]?.message;
  const note =
    /deletionBudget: 2000 records look gone since the newest full pass and were not deleted; .*raise spec\.deletion\.budget/u;
  expect(said({ lastVerdictRun: ran() })).toMatch(note);
  expect(said({ connectedNow: true })).toMatch(note);
  expect(said({ lastVerdictRun: ran('unavailable') })).not.toMatch(note);
  expect(said({ lastVerdictRun: ran(), withheld: 0 })).toBe('spec, Secret and connection are proven.');
});
