// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Evidence } from '../../src/connector/contract.ts';
import { Failure } from '../../src/connector/failure.ts';
import type { Presence } from '../../src/connector/probe.ts';
import { RunStop } from '../../src/sync/control.ts';
import { maxProbeCalls } from '../../src/sync/probe.ts';
import { end, page, row, type Event } from '../kit/fake-connector.ts';
import { SyncBench } from '../kit/sync-bench.ts';

/* What is looked at between the end of the reading and the decision on deletions. */

let bench: SyncBench;
beforeEach(async () => {
  bench = await new SyncBench().open();
});
afterEach(() => bench.close());

const rows = (count: number, prefix = 'r') => Array.from({ length: count }, (_, at) => row(`${prefix}${at}`));
const ended = (evidence: Evidence, coverage: 'Full' | 'Window' = 'Full', scope = 'all'): Event => ({
  type: 'end',
  scope,
  coverage,
  evidence,
  cursor: { until: 2 },
});
const generous = { deletion: { budget: { maxPercent: 100, maxRecords: 1000 } } };
const scopesKept = () =>
  bench.rows('SELECT verdict, reason, evidence FROM pass_scopes ORDER BY pass_id DESC LIMIT 1')[0];

describe('a scope that gives nothing where many records stand', () => {
  beforeEach(() => bench.run([page(rows(60)), end()], { mode: 'Full' }));

  test.each<[string, Event]>([
    ['without a count', ended({ rows: 0 })],
    ['with a count that was asked for once', ended({ rows: 0, counted: 0 })],
    ['as a window, though all was asked for', ended({ rows: 0 }, 'Window')],
  ])('%s is not verified, whatever the budget allows', async (_what, last) => {
    bench.spec = generous;
    bench.time += 60_000;
    const status = await bench.run([last], { mode: 'Full' });
    expect(status).toMatchObject({
      phase: 'Failed',
      totals: { deleted: 0 },
      failure: { code: 'permission', message: expect.stringContaining('where 60 live records stand') },
      streams: [
        {
          complete: false,
          scopesVerified: 0,
          incompleteReason: expect.stringMatching(/^permission: items: scope all gave no rows/u),
        },
      ],
      unverifiedScopes: [{ stream: 'items', scope: 'all' }],
    });
    expect(bench.live()).toHaveLength(60);
    expect(scopesKept()).toMatchObject({
      verdict: 'unverified',
      evidence: expect.stringContaining('"rows":0'),
    });
  });

  test('is believed when the vendor counted none twice, and then waits for its owner, since it is over the budget', async () => {
    bench.time += 60_000;
    const emptied = ended({ rows: 0, counted: 0, emptyTwice: true });
    const status = await bench.run([emptied], { mode: 'Full' });
    expect(status).toMatchObject({
      failure: { code: 'deletionBudget' },
      totals: { deleted: 0 },
      streams: [{ complete: true, withheld: 60, evidence: { rows: 0, counted: 0, scopesAgreed: 1 } }],
    });
    bench.spec = generous;
    bench.time += 60_000;
    const allowed = await bench.run([emptied], { mode: 'Full' });
    expect(allowed).toMatchObject({ phase: 'Succeeded', totals: { deleted: 60 } });
  });

  test('is not looked at when its records were seen in another scope', async () => {
    bench.time += 60_000;
    const moved = [page(rows(60), 'other'), end('other'), ended({ rows: 0 })];
    const status = await bench.run(moved, { mode: 'Full' });
    expect(status).toMatchObject({ phase: 'Succeeded', streams: [{ scopesVerified: 2 }] });
  });

  test('stays so when the attempt that read it was lost', async () => {
    bench.spec = generous;
    bench.time += 60_000;
    const stop = new AbortController();
    const lost = () => {
      stop.abort(new RunStop('shutdown', 'stopped'));
      throw new Failure('cancelled', 'aborted');
    };
    const first = [ended({ rows: 0 }), lost];
    await expect(bench.run(first, { mode: 'Full', uid: 'x', signal: stop.signal })).rejects.toThrow(
      'stopped',
    );
    const status = await bench.run([ended({ rows: 0 }, 'Window')], { mode: 'Full', uid: 'x', attempt: 2 });
    expect(status).toMatchObject({
      phase: 'Failed',
      failure: { code: 'permission' },
      totals: { deleted: 0 },
    });
  });
});

test('a scope of which the vendor counts more than it gives is not verified, and its cursor stays', async () => {
  await bench.run([page(rows(20)), end()], { mode: 'Full' });
  bench.time += 60_000;
  const status = await bench.run([page(rows(17)), ended({ rows: 17, counted: 20 })], { mode: 'Full' });
  expect(status).toMatchObject({
    phase: 'Failed',
    failure: { code: 'contract', message: expect.stringContaining('of 20 rows') },
    streams: [{ complete: false, evidence: { rows: 17, counted: 20, scopesCounted: 1, scopesAgreed: 0 } }],
  });
  expect(bench.live()).toHaveLength(20);
  expect(bench.rows("SELECT cursor FROM scopes WHERE scope = 'all'")).toEqual([{ cursor: '{"until":1}' }]);
});

describe('records that look gone are asked for by id', () => {
  const say = (answers: Readonly<Record<string, Presence>>) => async (ids: readonly string[]) =>
    new Map(ids.flatMap((id) => (answers[id] === undefined ? [] : [[id, answers[id]] as const])));
  const without = (count: number) => [
    page(rows(60 - count)),
    ended({ rows: 60 - count, counted: 60 - count }),
  ];

  beforeEach(async () => {
    await bench.run([page(rows(60)), end()], { mode: 'Full' });
    bench.time += 60_000;
  });

  test('one that is there lives, is noted, and the others go', async () => {
    bench.script.probe = say({ r57: 'present', r58: 'gone' });
    const status = await bench.run(without(4), { mode: 'Full' });
    expect(status).toMatchObject({
      phase: 'Succeeded',
      totals: { deleted: 3 },
      streams: [{ evidence: { probed: 4, present: 1, stated: 1 } }],
    });
    expect(bench.live()).toContain('r57');
  });

  test('one that is hidden tells that the scope was not read in full', async () => {
    bench.script.probe = say({ r57: 'hidden' });
    const status = await bench.run(without(4), { mode: 'Full' });
    expect(status).toMatchObject({
      phase: 'Failed',
      totals: { deleted: 0 },
      failure: {
        code: 'permission',
        message: expect.stringMatching(/1 records of scope all \(first r57\) are there but hidden/u),
      },
    });
    expect(bench.live()).toHaveLength(60);
  });

  test('many that are there tell that the list left them out', async () => {
    bench.script.probe = async (ids) => new Map(ids.map((id) => [id, 'present']));
    const status = await bench.run(without(8), { mode: 'Full' });
    expect(status).toMatchObject({ failure: { code: 'contract' }, totals: { deleted: 0 } });
  });

  test.each(['permission', 'configuration', 'contract', 'unavailable'] as const)(
    'a probe that fails with %s lets nothing go',
    async (code) => {
      bench.script.probe = () => Promise.reject(new Failure(code, 'no answer'));
      const status = await bench.run(without(4), { mode: 'Full' });
      expect(status).toMatchObject({
        phase: 'Failed',
        failure: { code, message: expect.stringContaining('asking for what looks gone: no answer') },
        totals: { deleted: 0 },
      });
      expect(bench.live()).toHaveLength(60);
    },
  );

  test('beside a scope that is not verified those go that the vendor states as deleted; the others wait', async () => {
    bench.script.probe = say({ r57: 'gone', r58: 'present' });
    const gap: Event = { type: 'unverified', scope: 'other', failure: new Failure('permission', '403') };
    const status = await bench.run([...without(4), gap], { mode: 'Full' });
    expect(status).toMatchObject({
      phase: 'Failed',
      failure: { code: 'permission', message: '403' },
      totals: { deleted: 1 },
      streams: [{ complete: false, withheld: 2 }],
    });
    expect(bench.live()).not.toContain('r57');
    expect(bench.live()).toHaveLength(59);
  });

  test('refused credentials end the run, and its pass goes on in the next', async () => {
    bench.script.probe = () => Promise.reject(new Failure('credentials', '401'));
    const refused = await bench.run(without(4), { mode: 'Full' });
    expect(refused).toMatchObject({
      phase: 'Failed',
      failure: { code: 'credentials' },
      totals: { deleted: 0 },
    });
    bench.script.probe = undefined;
    const next = await bench.run([end('all', 'Window', 3)]);
    expect(next).toMatchObject({ phase: 'Succeeded', totals: { deleted: 4 }, streams: [{ mode: 'Full' }] });
  });

  test('nobody is asked when nothing may be deleted', async () => {
    bench.script.probe = () => Promise.reject(new Error('asked'));
    bench.spec = { deletion: { policy: 'Keep' } };
    const kept = await bench.run(without(4), { mode: 'Full' });
    expect(kept).toMatchObject({ phase: 'Succeeded', streams: [{ withheld: 4 }] });
  });

  test('the soft time limit ends the asking, not only the reading', async () => {
    let clock = 0;
    bench.script.probe = async (ids) => {
      clock = 61_000;
      return new Map(ids.map((id) => [id, 'gone']));
    };
    const status = await bench.run(without(8), { mode: 'Full', monotonicMs: () => clock });
    expect(status).toMatchObject({ phase: 'Cancelled', totals: { deleted: 0 } });
    expect(bench.live()).toHaveLength(60);
  });
});

test('no more is asked than a bound; the rest goes by the budget alone', async () => {
  const many = maxProbeCalls * 2 + 30;
  await bench.run([page(rows(many)), end()], { mode: 'Full' });
  bench.time += 60_000;
  bench.spec = generous;
  let calls = 0;
  bench.script.probe = async () => {
    calls += 1;
    return new Map();
  };
  const status = await bench.run([page(rows(1)), ended({ rows: 1, counted: 1 })], { mode: 'Full' });
  expect(calls).toBe(maxProbeCalls);
  expect(status).toMatchObject({
    totals: { deleted: many - 1 },
    streams: [{ evidence: { probed: maxProbeCalls * 2 } }],
  });
});
