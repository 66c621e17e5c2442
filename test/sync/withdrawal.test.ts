// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Failure } from '../../src/connector/failure.ts';
import type { ScopeTally } from '../../src/store/port.ts';
import { provesScopes } from '../../src/sync/withdrawal.ts';
import { end, page, row } from '../kit/fake-connector.ts';
import { SyncBench } from '../kit/sync-bench.ts';

describe('which pass tells what is asked for', () => {
  const scope = (given: Partial<ScopeTally>): ScopeTally => ({
    ...{
      scope: 'one',
      coverage: 'Full',
      confirmed: true,
      live: 1,
      absent: 0,
      removed: 0,
      recentlyDeleted: 0,
    },
    ...given,
  });
  const tally = (mode: 'Full' | 'Incremental', scopes: readonly ScopeTally[]) => ({
    ...{
      mode,
      scopes,
      systemLive: 1,
      systemRecentlyDeleted: 0,
      fetched: 1,
      setAside: 0,
      setAsideByMapping: 0,
    },
  });
  test.each([
    ['a full one with every scope verified', 'Full', [{}, { scope: 'two' }], true],
    [
      'beside a scope that only removals are known of',
      'Full',
      [{}, { coverage: 'notRead', confirmed: false }],
      true,
    ],
    ['an incremental one', 'Incremental', [{}], false],
    [
      'with a scope that could not be read',
      'Full',
      [{}, { coverage: 'unverified', confirmed: false }],
      false,
    ],
    ['with a scope of which only a window was read', 'Full', [{}, { coverage: 'Window' }], false],
    ['with a scope that only an earlier attempt read', 'Full', [{}, { confirmed: false }], false],
    ['without any scope', 'Full', [], false],
    ['that read nothing', 'Full', [{ coverage: 'notRead' }], false],
  ] as const)('%s: %s', (_case, mode, scopes, expected) => {
    expect(provesScopes(tally(mode, scopes.map(scope)))).toBe(expected);
  });
});

describe('a run', () => {
  let bench: SyncBench;
  beforeEach(async () => {
    bench = await new SyncBench().open();
  });
  afterEach(() => bench.close());

  const withdrawn = () =>
    bench
      .rows('SELECT external_id FROM assets WHERE withdrawn_at IS NOT NULL ORDER BY external_id')
      .map((found) => found['external_id']);
  const two = [page([row('a')], 'one'), end('one'), page([row('b')], 'two'), end('two')];

  test('withdraws a scope that its configuration no longer has, counts it, and tells it apart from deletion', async () => {
    await bench.run(two);
    bench.script.fingerprint = 'narrower';
    const status = await bench.run([page([row('a')], 'one'), end('one')]);
    expect(status).toMatchObject({ phase: 'Succeeded', streams: [{ deleted: 0, withdrawn: 1 }] });
    expect(withdrawn()).toEqual(['b']);
  });

  test('does not when one of its scopes could not be read, and a scope that could not be is no less asked for', async () => {
    await bench.run(two);
    bench.script.fingerprint = 'narrower';
    const failure = new Failure('permission', 'table one: 403');
    await bench.run([{ type: 'unverified', scope: 'one', failure }]);
    expect(withdrawn()).toEqual([]);
    await bench.run([page([row('a')], 'one'), end('one'), { type: 'unverified', scope: 'two', failure }]);
    expect(withdrawn()).toEqual([]);
  });

  test('withdraws a stream that is not asked for, unless a failure may be why it is not seen', async () => {
    await bench.run([page([row('a')]), end()], { more: [page([row('m')], 'more'), end('more')] });
    const failed = await bench.run([new Failure('contract', 'a page of another shape')]);
    expect(failed.phase).toBe('Failed');
    expect(withdrawn()).toEqual([]);
    bench.time += 60_000;
    const status = await bench.run([page([row('a')]), end()], { mode: 'Full' });
    expect(status).toMatchObject({
      phase: 'Succeeded',
      streams: [{ name: 'items' }, { name: 'more', complete: true, withdrawn: 1 }],
    });
    expect(withdrawn()).toEqual(['m']);
    const { full_at: fullAt } = bench.rows('SELECT full_at FROM systems')[0] ?? {};
    expect(fullAt).toBe(new Date(bench.time).toISOString());
  });
});
