// SPDX-License-Identifier: Apache-2.0
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Recovery, StoredAction, StoredRun } from '../../src/store/port/archive.ts';
import { ActionVerifier } from '../../src/sync/action-chain.ts';
import type { Finding } from '../../src/sync/chain.ts';
import { digestOf } from '../../src/sync/run-record.ts';

const system = 'inventory/cmdb';

function actionOf(number: number, notedIn?: string): StoredAction {
  const facts = { system, kind: 'adopt', actor: 'ada@desk', at: new Date(number * 1_000).toISOString() };
  const json = canonicalize({ ...facts, from: 'a', to: `b${number}` }) ?? '';
  return { ...facts, json, digest: digestOf(json), notedIn };
}

/** Only what the verifier looks at. */
function runOf(sequence: number, named: readonly StoredAction[]): StoredRun {
  const actions = named.map(({ kind, at, digest }) => ({ kind, time: at, digest }));
  const run = { sequence, runName: `cmdb-${sequence}`, runUid: `uid-${sequence}` };
  return { ...run, json: JSON.stringify({ status: { actions } }) } as unknown as StoredRun;
}

/** Hands over as a database does: runs one by one, actions while they are waited for. */
function verified(runs: readonly StoredRun[], actions: readonly StoredAction[], recoveries: Recovery[] = []) {
  const findings: Finding[] = [];
  const verifier = new ActionVerifier(system, recoveries, (one) => findings.push(one));
  const left = [...actions];
  const next = () => {
    const action = left.shift();
    if (action !== undefined) verifier.visitAction(action);
    return action !== undefined;
  };
  for (const run of runs) {
    verifier.visitRun(run);
    while (verifier.waits() && next());
  }
  while (next());
  return { findings, notes: verifier.end() };
}

/** So many actions in each run; those of the last number no run names. */
function historyOf(counts: readonly number[], open: number) {
  const actions: StoredAction[] = [];
  const runs = counts.map((count, index) => {
    const mine = Array.from({ length: count }, (_, more) =>
      actionOf(actions.length + more, `uid-${index + 1}`),
    );
    actions.push(...mine);
    return runOf(index + 1, mine);
  });
  for (let more = 0; more < open; more += 1) actions.push(actionOf(actions.length));
  return { runs, actions };
}

const counts = fc.array(fc.nat({ max: 4 }), { maxLength: 12 });

describe('actions that nobody touched', () => {
  test('have no finding, and those that no run names yet are a note', () => {
    fc.assert(
      fc.property(counts, fc.nat({ max: 7 }), (named, open) => {
        const { runs, actions } = historyOf(named, open);
        const { findings, notes } = verified(runs, actions);
        expect(findings).toEqual([]);
        expect(notes).toHaveLength(open === 0 ? 0 : 1);
        if (open > 0) expect(notes[0]).toMatch(new RegExp(`^${open} actions? not covered`, 'u'));
      }),
    );
  });

  test('are named a second time behind a restored backup, which is no finding', () => {
    // The backup had the action, and not the run that named it: that came back from the cluster, and the next run named it again.
    const recovery = { after: 0, head: { sequence: 1, digest: 'sha256:1' } };
    const first = actionOf(1);
    expect(verified([runOf(1, [first])], [first], [recovery])).toEqual({ findings: [], notes: [] });
    const again = actionOf(1, 'uid-2');
    const both = [runOf(1, [again]), runOf(2, [again])];
    expect(verified(both, [again], [recovery])).toEqual({ findings: [], notes: [] });
    expect(verified(both, [again]).findings).toMatchObject([{ kind: 'action', sequence: 1 }, {}]);
  });

  test('may be lost with a restored backup: a note, and nowhere else', () => {
    const lost = runOf(1, [actionOf(1, 'uid-1')]);
    const recovery = { after: 0, head: { sequence: 1, digest: 'sha256:1' } };
    expect(verified([lost], [], [recovery])).toEqual({
      findings: [],
      notes: [expect.stringContaining('lost with a restored backup')],
    });
    expect(verified([lost], [], [{ ...recovery, after: 1 }]).findings).toHaveLength(1);
  });
});

describe('any one change is found and named', () => {
  const altered = {
    system: 'inventory/other',
    kind: 'withdraw',
    at: '2020-01-01T00:00:00.000Z',
    actor: 'mallory@x',
    json: '{}',
    digest: 'sha256:forged',
    notedIn: 'forged',
  };
  const somewhere = counts
    .filter((named) => named.some((count) => count > 0))
    .chain((named) => {
      const history = historyOf(named, 2);
      return fc.record({
        history: fc.constant(history),
        index: fc.integer({ min: 0, max: history.actions.length - 3 }),
      });
    });

  test('any column, emptied or rewritten', () => {
    const columns = fc.constantFrom(...(Object.keys(altered) as (keyof typeof altered)[]));
    fc.assert(
      fc.property(somewhere, columns, fc.boolean(), ({ history, index }, column, emptied) => {
        const { runs, actions } = history;
        const changed = { ...actions[index]!, [column]: emptied ? undefined : altered[column] };
        const { findings } = verified(runs, actions.with(index, changed));
        expect(findings).not.toEqual([]);
        for (const { kind, message } of findings)
          expect([kind, message]).toEqual(['action', expect.any(String)]);
      }),
    );
  });

  test('one removed, doubled, or sealed again with its digest', () => {
    fc.assert(
      fc.property(somewhere, ({ history, index }) => {
        const { runs, actions } = history;
        const one = actions[index]!;
        const removed = verified(runs, actions.toSpliced(index, 1)).findings;
        expect(removed).toMatchObject([
          { kind: 'action', message: expect.stringContaining(one.digest ?? '') },
        ]);
        expect(verified(runs, actions.toSpliced(index, 0, one)).findings).toHaveLength(1);
        const forged = { ...actionOf(5_000, one.notedIn) };
        expect(verified(runs, actions.with(index, forged)).findings).toHaveLength(2);
      }),
    );
  });

  test('a table in any order is verified all the same', () => {
    fc.assert(
      fc.property(
        somewhere.chain(({ history }) =>
          fc.record({
            runs: fc.constant(history.runs),
            actions: fc.shuffledSubarray(history.actions, { minLength: history.actions.length }),
          }),
        ),
        ({ runs, actions }) => {
          expect(verified(runs, actions).findings).toEqual([]);
        },
      ),
    );
  });
});
