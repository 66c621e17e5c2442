// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { apiVersion } from '../../src/api/group.ts';
import type { SyncRun } from '../../src/api/resource.ts';
import { waitsForAnother } from '../../src/operator/run-order.ts';

function run(uid: string, minute: number, worker?: string): SyncRun {
  return {
    apiVersion,
    kind: 'SyncRun',
    metadata: {
      name: uid,
      namespace: 'ns',
      uid,
      generation: 1,
      resourceVersion: '1',
      creationTimestamp: new Date(minute * 60_000).toISOString(),
    },
    spec: { systemRef: { name: 'cmdb' }, mode: 'Full' },
    ...(worker === undefined ? {} : { status: { phase: 'Running' as const, worker } }),
  };
}

const waits = (one: SyncRun, ...others: SyncRun[]) =>
  waitsForAnother(one, { others, identity: 'me', lapsed: (worker) => worker === 'dead' });

describe('a run that has not started', () => {
  test.each<[string, boolean, readonly SyncRun[]]>([
    ['waits for none when it is alone', false, []],
    ['waits for one that another replica works on', true, [run('b', 9, 'other')]],
    ['waits for one that is ours and was not claimed in the database', true, [run('b', 9, 'me')]],
    ['waits for one whose worker is gone, which is taken over first', true, [run('b', 9, 'dead')]],
    ['waits for an older one', true, [run('b', 1)]],
    ['goes before a younger one', false, [run('b', 9)]],
    ['of two of the same second only one goes', true, [run('A', 5)]],
    ['of two of the same second one does go', false, [run('b', 5)]],
  ])('%s', (_, expected, others) => {
    expect(waits(run('a', 5), ...others)).toBe(expected);
  });
});

describe('a run that has started', () => {
  test('is taken over unless another one is worked on', () => {
    const lost = run('a', 5, 'dead');
    expect(waits(lost, run('b', 1))).toBe(false);
    expect(waits(lost, run('b', 1, 'dead'))).toBe(false);
    expect(waits(lost, run('b', 9, 'other'))).toBe(true);
    expect(waits(lost, run('b', 9, 'me'))).toBe(true);
  });

  test('and is ours, goes on by age, so that two which both wait cannot wait for ever', () => {
    expect(waits(run('a', 5, 'me'), run('b', 1, 'me'))).toBe(true);
    expect(waits(run('b', 1, 'me'), run('a', 5, 'me'))).toBe(false);
    expect(waits(run('a', 5, 'me'), run('b', 1, 'other'))).toBe(true);
    expect(waits(run('a', 5, 'me'), run('b', 9, 'other'))).toBe(false);
  });
});
