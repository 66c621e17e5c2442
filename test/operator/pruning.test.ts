// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { surplus } from '../../src/operator/pruning.ts';
import type { ArchivedRun } from '../../src/store/port.ts';
import { minuteMs, World } from './world.ts';

function archived(name: string, systemUid: string, phase: ArchivedRun['phase'], slot?: Date): ArchivedRun {
  return {
    system: 'ns/cmdb',
    systemUid,
    runUid: name,
    runName: name,
    attempt: 1,
    mode: 'Full',
    trigger: 'Manual',
    slot,
    phase,
    failureCode: undefined,
    startedAt: new Date(0),
    endedAt: new Date(0),
    sequence: 1,
    previousDigest: undefined,
    digest: '',
    json: '',
  };
}

describe('finished runs', () => {
  const runs = [
    archived('f1', 'now', 'Failed'),
    archived('s1', 'now', 'Succeeded'),
    archived('refused', '', 'Failed'),
    archived('s2', 'now', 'Succeeded', new Date(0)),
    archived('s3', 'now', 'Succeeded'),
    archived('f3', 'now', 'Cancelled'),
    archived('of-before', 'before', 'Succeeded', new Date(0)),
  ];
  const names = (uid: string | undefined, successful: number, failed: number) =>
    surplus(runs, uid, { successful, failed }).map(({ runName }) => runName);

  test('stay by the history, the newest slot in any case; those of an object that is gone go', () => {
    expect(names('now', 1, 2)).toEqual(['s3', 'f3', 'of-before']);
    expect(names('now', 10, 10)).toEqual(['of-before']);
    expect(names('before', 10, 10)).toEqual(['f1', 's1', 's2', 's3', 'f3']);
  });

  test('of a system that never was stay visible, when all others go', () => {
    expect(names(undefined, 10, 10)).toEqual(['f1', 's1', 's2', 's3', 'f3', 'of-before']);
  });
});

test('a run for a system that does not exist can be read by who made it', async () => {
  const world = await World.create();
  for (let run = 1; run <= 12; run += 1) world.create(`lost-${run}`);
  world.pass(minuteMs);
  await world.work();
  await world.reconcile();
  expect(world.names()).toHaveLength(10);
  expect(world.run('lost-12').status).toMatchObject({ phase: 'Failed', failure: { code: 'configuration' } });
});

test('the runs of a system that is gone go with it', async () => {
  const world = await World.create();
  world.apply({});
  world.create('mine');
  await world.round();
  await world.round();
  expect(world.names().length).toBeGreaterThan(0);
  world.deleteSystem();
  await world.reconcile();
  expect(world.names()).toEqual([]);
  expect(await world.store.archivedRuns('ns/cmdb', 10)).not.toEqual([]);
});
