// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { Failure } from '../../src/connector/failure.ts';
import { buildRunEnd } from '../../src/sync/run-end.ts';
import { end, misfit, page, row } from '../kit/fake-connector.ts';
import { minuteMs, World } from './world.ts';

const hourMs = 60 * minuteMs;

describe('an object that was made again under its name', () => {
  test('is not ready by what the one before proved, and runs at once', async () => {
    const world = await World.create();
    world.apply({ uid: 'old' });
    await world.round();
    expect(world.condition('Ready')).toMatch(/^True/u);
    world.deleteSystem();
    await world.reconcile();
    world.pass(minuteMs);
    world.apply({ uid: 'new' });
    await world.reconcile();
    expect(world.condition('Ready')).toMatch(/^Unknown Progressing: waiting for the first run/u);
    expect(world.condition('Fresh')).toMatch(/^Unknown NeverSynced/u);
    expect(world.system().status).toMatchObject({ consecutiveFailures: 0, chainHead: { sequence: 1 } });
    expect(world.system().status?.lastRun).toBeUndefined();
    expect(world.newest().spec).toMatchObject({ systemRef: { uid: 'new' }, trigger: 'Schedule' });
  });

  test('is not held back by the failures of the one before', async () => {
    const world = await World.create();
    world.script.connect = new Failure('credentials', '401; check the Secret');
    world.apply({ uid: 'old' });
    for (let run = 0; run < 4; run += 1) {
      await world.round();
      world.pass(8 * hourMs);
    }
    expect(world.system().status?.consecutiveFailures).toBe(4);
    delete world.script.connect;
    world.deleteSystem();
    await world.reconcile();
    world.apply({ uid: 'new' });
    await world.round();
    expect(world.condition('Ready')).toMatch(/^True Connected/u);
    expect(world.system().status).toMatchObject({ consecutiveFailures: 0 });
  });

  test('in the very minute of its last run is not blocked by that run', async () => {
    const world = await World.create();
    world.apply({ uid: 'old' });
    await world.round();
    const before = world.newest();
    world.apply({ uid: 'new' });
    await world.round();
    expect(world.newest().metadata.name).toBe(before.metadata.name);
    expect(world.newest().metadata.uid).not.toBe(before.metadata.uid);
    expect(world.newest().status?.phase).toBe('Succeeded');
  });

  test('is not judged by a run from a file into the same database either', async () => {
    const world = await World.create();
    const spec = { systemRef: { name: 'cmdb' }, mode: 'Full' } as const;
    const claim = {
      system: 'ns/cmdb',
      systemUid: 'file-abc',
      systemGeneration: 1,
      runUid: 'cli-run',
      runName: 'cmdb-cli-1',
      attempt: 1,
      mode: 'Full',
      trigger: 'Manual',
      slot: undefined,
      correlationId: 'cli-run',
      worker: 'cli-1',
      demo: false,
      at: world.now(),
    } as const;
    await world.store.claim(claim);
    await world.store.finishUnclaimed(claim, (link) =>
      buildRunEnd(
        {
          ...claim,
          run: { name: 'cmdb-cli-1', uid: 'cli-run', spec },
          startedAt: world.now(),
          missedSlots: undefined,
        },
        {
          failure: { code: 'credentials', message: '401, from the laptop' },
          stopped: true,
          reports: [],
          endedAt: world.now(),
          verdict: true,
        },
        link,
      ),
    );
    world.apply({});
    await world.reconcile();
    expect(world.condition('Ready')).toMatch(/^Unknown Progressing/u);
    await world.round();
    expect(world.condition('Ready')).toMatch(/^True Connected/u);
  });
});

describe('a change of the spec', () => {
  const weekly = { schedule: { cron: ['0 3 * * 0'] } };

  test('while the run of the slot waits ends that run with the generation it was for, and gets a run of its own', async () => {
    const world = await World.create();
    world.apply({ spec: weekly });
    await world.reconcile();
    const slot = world.newest().metadata.name;
    world.apply({ spec: { ...weekly, history: { failed: 3 } }, generation: 2 });
    await world.round();
    expect(world.run(slot).status).toMatchObject({ phase: 'Cancelled', systemGeneration: 1 });
    expect(world.newest()).toMatchObject({
      metadata: { name: 'cmdb-g-2' },
      spec: { trigger: 'SpecChange', systemRef: { generation: 2 } },
    });
    await world.round();
    expect(world.run('cmdb-g-2').status).toMatchObject({ phase: 'Succeeded', systemGeneration: 2 });
    expect(world.condition('Reconciling')).toMatch(/^False Settled/u);
  });

  test('is run once, however often it is looked at', async () => {
    const world = await World.create();
    world.apply({ spec: weekly });
    await world.round();
    world.apply({ spec: weekly, generation: 2 });
    await world.reconcile();
    world.cancel('cmdb-g-2');
    await world.work();
    for (let look = 0; look < 3; look += 1) {
      world.pass(minuteMs);
      await world.round();
    }
    expect(world.made.map(({ metadata }) => metadata.name).slice(1)).toEqual(['cmdb-g-2']);
  });

  test('does not cancel a run that a person or an annotation asked for, unless that names a generation', async () => {
    const world = await World.create();
    world.apply({ spec: weekly });
    await world.round();
    world.ask('please', 'Test');
    await world.reconcile();
    const asked = world.newest().metadata.name;
    expect(world.newest().spec.systemRef).toEqual({ name: 'cmdb', uid: 'system-uid' });
    world.create('mine');
    world.create('exactly', { systemRef: { name: 'cmdb', generation: 1 } });
    world.apply({ spec: weekly, generation: 2 });
    await world.work();
    await world.work();
    expect(world.run(asked).status).toMatchObject({ phase: 'Succeeded', systemGeneration: 2 });
    expect(world.run('mine').status).toMatchObject({ phase: 'Succeeded', systemGeneration: 2 });
    expect(world.run('exactly').status?.failure?.message).toContain('spec.systemRef.generation');
    await world.reconcile();
    expect(world.names(), 'they were a verdict on it').not.toContain('cmdb-g-2');
  });

  test('after deletions were held back by their budget is a full run, which can delete', async () => {
    const world = await World.create();
    const spec = { ...weekly, deletion: { budget: { alwaysAllow: 0, maxPercent: 10 } } };
    world.script.events = [page([row('1'), row('2'), row('3')]), end()];
    world.apply({ spec });
    await world.round();
    world.script.events = [page([row('1')]), end()];
    world.create('full', { mode: 'Full' });
    await world.round();
    expect(world.run('full').status?.failure?.code).toBe('deletionBudget');
    world.script.events = [end('all', 'Window')];
    world.create('incremental');
    await world.round();
    expect(world.run('incremental').status?.phase).toBe('Succeeded');
    world.script.events = [page([row('1')]), end()];
    world.apply({ spec: { ...weekly, deletion: { budget: { maxPercent: 100 } } }, generation: 2 });
    await world.round();
    expect(world.run('cmdb-g-2')).toMatchObject({
      spec: { mode: 'Full' },
      status: { totals: { deleted: 2 } },
    });
    world.apply({ spec: weekly, generation: 3 });
    await world.round();
    expect(world.run('cmdb-g-3').spec.mode, 'nothing is held back any more').toBe('Incremental');
  });
});

describe('a healthy system', () => {
  test('that is suspended stays ready, and says that it is suspended', async () => {
    const world = await World.create();
    world.apply({});
    await world.round();
    world.apply({ spec: { suspend: true }, generation: 2 });
    await world.round();
    expect(world.condition('Ready')).toMatch(/^True Suspended: .*Suspended: no scheduled runs/u);
    expect(world.condition('Reconciling')).toMatch(/^False/u);
    expect(world.condition('Connected')).toMatch(/^True/u);
    expect(world.system().status?.nextRunTime).toBeUndefined();
    world.pass(hourMs);
    await world.round();
    expect(world.made).toHaveLength(1);
  });

  test('in a long first load is ready between its runs', async () => {
    const world = await World.create();
    world.script.events = [
      page([row('1')]),
      new Failure('cancelled', 'the soft time limit was reached; the next run goes on from the checkpoint'),
    ];
    world.apply({});
    await world.reconcile();
    world.connected = true;
    await world.reconcile();
    expect(world.condition('Ready')).toMatch(/^True/u);
    await world.work();
    world.connected = false;
    await world.reconcile();
    expect(world.newest().status?.phase).toBe('Cancelled');
    expect(world.condition('Ready')).toMatch(/^True Connected/u);
    expect(world.condition('Reconciling')).toMatch(/^False Settled/u);
  });
});

test('rows that misfit a mapping are for the owner to mend, and leave the system ready and in its slots', async () => {
  const world = await World.create();
  const rows = Array.from({ length: 20 }, (_, index) => row(`good-${index}`));
  world.script.events = [page([...rows, row('bad', misfit)]), end()];
  world.apply({});
  await world.round();
  expect(world.newest().status).toMatchObject({
    phase: 'PartiallySucceeded',
    failure: { code: 'contract', audience: 'owner of the ExternalSystem' },
  });
  const ready = world.system().status?.conditions?.find(({ type }) => type === 'Ready');
  expect(ready).toMatchObject({ status: 'True', reason: 'Connected' });
  expect(ready?.message).toMatch(
    /1 of 21 rows was set aside; .* Who must act: owner of the ExternalSystem\.$/u,
  );
  world.pass(15 * minuteMs);
  await world.round();
  expect(world.made, 'the next slot has its run').toHaveLength(2);
});

test('only a run that read nothing waits for a person: a partial one keeps its slots', async () => {
  const world = await World.create();
  world.script.more = [
    { type: 'unverified', scope: 'all', failure: new Failure('permission', '403 table x') },
  ];
  world.apply({});
  await world.round();
  expect(world.newest().status).toMatchObject({
    phase: 'PartiallySucceeded',
    failure: { code: 'permission' },
  });
  expect(await world.reconcile(), 'its Secret is not looked at').toEqual({ afterMs: minuteMs });
  world.pass(15 * minuteMs);
  await world.round();
  expect(world.made).toHaveLength(2);
  world.script.connect = new Failure('permission', '403');
  world.pass(15 * minuteMs);
  await world.round();
  expect(world.newest().status?.phase).toBe('Failed');
  world.pass(15 * minuteMs);
  await world.round();
  expect(world.made, 'the next slot is held back').toHaveLength(3);
});

test.each([
  ['a refused address is tried once after a restart, whose flags may allow it', 'configuration', 2],
  ['bad credentials wait after a restart too', 'credentials', 1],
] as const)('%s', async (_, code, runs) => {
  const world = await World.create();
  world.script.connect = new Failure(code, 'no');
  world.apply({});
  await world.round();
  world.pass(15 * minuteMs);
  await world.round();
  expect(world.made).toHaveLength(1);
  world.restart();
  for (let look = 0; look < 3; look += 1) await world.round();
  expect(world.made).toHaveLength(runs);
});

test('while one stream comes to no verified end every scheduled run is Full, reads that one in full and the others from their cursors', async () => {
  const world = await World.create();
  const failure = new Failure('configuration', 'spec.roleMappings[0].group: there is no such group');
  world.script.more = [{ type: 'unverified', scope: 'all', failure }];
  world.apply({});
  await world.round();
  world.script.events = [page([row('1')]), end('all', 'Window')];
  world.pass(20 * minuteMs);
  await world.round();
  expect(world.newest().spec).toMatchObject({ mode: 'Full', trigger: 'Schedule' });
  expect(world.newest().status).toMatchObject({
    phase: 'PartiallySucceeded',
    streams: [
      { name: 'items', mode: 'Incremental', complete: true },
      { name: 'more', complete: false },
    ],
  });
  expect(world.script.asked.at(-1)?.cursor).toEqual({ until: 1 });
  expect(world.condition('Fresh')).toMatch(/^Unknown NeverSynced: .* the 1 records that it read stand/u);
});
