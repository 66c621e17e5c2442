// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type { SyncRun } from '../../src/api/resource.ts';
import { Failure } from '../../src/connector/failure.ts';
import type { Store } from '../../src/store/port.ts';
import { RunStop } from '../../src/sync/control.ts';
import { statusFromArchive } from '../../src/sync/run-record.ts';
import { end, page, row } from '../kit/fake-connector.ts';
import { minuteMs, World } from './world.ts';

const hourMs = 60 * minuteMs;

/** The claim of a run's slot or system by something else, as the store takes it. */
function claimOf(world: World, run: SyncRun, worker: string, attempt = 1) {
  const { uid, name } = run.metadata;
  return {
    system: 'ns/cmdb',
    systemUid: 'system-uid',
    systemGeneration: 1,
    runUid: uid,
    runName: name,
    attempt,
    mode: run.spec.mode,
    trigger: run.spec.trigger ?? 'Manual',
    slot: run.spec.scheduledTime === undefined ? undefined : new Date(run.spec.scheduledTime),
    correlationId: uid,
    worker,
    demo: false,
    at: world.now(),
  } as const;
}

/** A store that can be told to refuse writes, as a full disk does; reading goes on. */
function fullDisk(): { readonly disk: { full: boolean }; readonly change: (store: Store) => Store } {
  const disk = { full: false };
  const writing = async <Result>(write: () => Promise<Result>): Promise<Result> => {
    if (disk.full) throw new Error('database or disk is full');
    return write();
  };
  return {
    disk,
    change: (store) => ({
      ...store,
      claim: (claim) => writing(() => store.claim(claim)),
      writePage: (hold, written) => writing(() => store.writePage(hold, written)),
      finish: (hold, build) => writing(() => store.finish(hold, build)),
      finishUnclaimed: (claim, build) => writing(() => store.finishUnclaimed(claim, build)),
    }),
  };
}

describe('an archived run', () => {
  test.each<[string, (world: World, run: SyncRun) => void, readonly string[]]>([
    [
      'whose end did not reach the cluster is copied from the archive and told',
      (world, run) => world.cluster.put({ ...run, status: { phase: 'Running', worker: 'me', attempt: 1 } }),
      ['now'],
    ],
    ['that is gone is not told again', (world) => world.cluster.runs.clear(), []],
    [
      'whose name another run has now is not told again',
      (world, run) => world.cluster.put({ ...run, metadata: { ...run.metadata, uid: 'other' } }),
      [],
    ],
  ])('%s', async (_, change, told) => {
    const world = await World.create();
    world.apply({});
    world.create('now');
    await world.work();
    const before: SyncRun = { ...world.run('now'), status: { phase: 'Running', worker: 'me', attempt: 1 } };
    change(world, world.run('now'));
    world.ended.length = 0;
    await world.worker('me', { getRun: () => before }).process('ns/now');
    expect(world.ended.map(({ runName }) => runName)).toEqual(told);
    if (told.length > 0) expect(world.run('now').status).toMatchObject({ phase: 'Succeeded', sequence: 1 });
  });
});

describe('a slot that another run took first', () => {
  test('ends the run as Cancelled with the name of the other, and stays with that one', async () => {
    const world = await World.create();
    world.apply({});
    await world.round();
    const slot = world.newest();
    world.create('again', { ...slot.spec });
    await world.work();
    const { status } = world.run('again');
    expect(status).toMatchObject({ phase: 'Cancelled', failure: { code: 'cancelled' } });
    expect(status?.failure?.message).toContain(slot.metadata.name);
    expect(status?.missedSlots).toBeUndefined();
    expect(await world.store.archivedRun(slot.metadata.uid)).toMatchObject({ slot: expect.any(Date) });
    expect(await world.store.archivedRun('uid-of-again')).toMatchObject({ slot: undefined });
    // The system goes on.
    world.pass(15 * minuteMs);
    await world.round();
    expect(world.newest().status?.phase).toBe('Succeeded');
  });

  test('that a person gives and that is yet to come is refused, and does not end the schedule', async () => {
    const world = await World.create();
    world.apply({});
    await world.round();
    world.create('far', { trigger: 'Schedule', scheduledTime: '2999-01-01T00:00:00Z' });
    await world.work();
    expect(world.run('far').status).toMatchObject({ phase: 'Failed', failure: { code: 'configuration' } });
    world.pass(15 * minuteMs);
    await world.round();
    expect(world.newest()).toMatchObject({
      spec: { scheduledTime: '2026-03-02T12:15:00Z' },
      status: { phase: 'Succeeded' },
    });
  });
});

describe('a run that is refused', () => {
  test.each<[string, Partial<SyncRun['spec']>, string]>([
    ['names another generation', { systemRef: { name: 'cmdb', generation: 7 } }, 'spec.systemRef.generation'],
    ['names another uid', { systemRef: { name: 'cmdb', uid: 'other' } }, 'spec.systemRef.uid'],
  ])('because it %s says nothing of the system', async (_, spec, field) => {
    const world = await World.create();
    world.apply({});
    await world.round();
    const before = world.system().status;
    world.create('mine', spec);
    await world.work();
    await world.reconcile();
    expect(world.run('mine').status).toMatchObject({ phase: 'Failed', failure: { code: 'configuration' } });
    expect(world.run('mine').status?.failure?.message).toContain(field);
    const { status } = world.system();
    expect(status?.conditions).toEqual(before?.conditions);
    expect(status).toMatchObject({ consecutiveFailures: 0, nextRunTime: before?.nextRunTime });
    expect(status?.lastRun?.name, 'it is a run all the same').toBe('mine');
    world.pass(15 * minuteMs);
    await world.round();
    expect(world.newest().spec.scheduledTime).toBe('2026-03-02T12:15:00Z');
  });
});

describe('two runs of one system', () => {
  /** A worker whose run is under way until the test lets it end. */
  function held(world: World, identity: string) {
    const gate = Promise.withResolvers<void>();
    const worker = world.worker(identity, {
      sync: async (request, _, run) => {
        const hold = await world.store.claim({
          ...claimOf(world, run, identity),
          attempt: request.run.attempt,
        });
        await gate.promise;
        await world.store.beginPass(hold, {
          stream: 'items',
          record: 'Asset',
          mode: 'Full',
          fullSince: world.now(),
          source: 'fake',
          fingerprint: 'f',
          notBefore: new Date(0),
          at: world.now(),
        });
        throw new RunStop('shutdown', 'it would go on here');
      },
    });
    return { worker, letGo: gate.resolve };
  }

  test('on two replicas: the second waits, and the first keeps its hold', async () => {
    const world = await World.create();
    world.apply({});
    await world.reconcile();
    const first = world.newest().metadata.name;
    const a = held(world, 'a');
    const under = a.worker.process(`ns/${first}`);
    await expect.poll(() => world.run(first).status?.phase).toBe('Running');
    world.create('mine', { mode: 'Test' });
    const b = world.worker('b');
    expect(await b.process('ns/mine')).toEqual({ afterMs: expect.any(Number) });
    expect(world.run('mine').status).toBeUndefined();
    a.letGo();
    await under;
    expect(world.run(first).status).toMatchObject({ phase: 'Running', worker: 'a' });
  });

  test('go in the order in which they were made', async () => {
    const world = await World.create();
    world.apply({});
    world.create('one');
    world.pass(1_000);
    world.create('two');
    expect(await world.me.process('ns/two')).toEqual({ afterMs: expect.any(Number) });
    await world.me.process('ns/one');
    await world.me.process('ns/two');
    expect(world.ended.map(({ runName }) => runName)).toEqual(['one', 'two']);
  });

  test('of which the waiting one is cancelled end it at once', async () => {
    const world = await World.create();
    world.apply({});
    await world.reconcile();
    const first = world.newest().metadata.name;
    const a = held(world, 'me');
    const under = a.worker.process(`ns/${first}`);
    await expect.poll(() => world.run(first).status?.phase).toBe('Running');
    world.create('mine');
    world.cancel('mine');
    await a.worker.process('ns/mine');
    expect(world.run('mine').status).toMatchObject({
      phase: 'Cancelled',
      failure: { message: 'cancelled by annotation' },
    });
    expect(world.run(first).status?.phase).toBe('Running');
    a.letGo();
    await under;
  });
});

describe('slots that were missed', () => {
  const missed = { count: 7, first: '2026-03-02T12:15:00Z', last: '2026-03-02T13:45:00Z' };

  async function behind(): Promise<World> {
    const world = await World.create();
    world.apply({});
    await world.round();
    world.pass(2 * hourMs);
    await world.reconcile();
    expect(world.newest().spec.scheduledTime).toBe('2026-03-02T14:00:00Z');
    return world;
  }

  test('are in the record of the run that follows, also after a takeover', async () => {
    const world = await behind();
    const key = world.key(world.newest());
    const dead = world.worker('dead', {
      sync: async (_request, _system, run) => {
        await world.store.claim(claimOf(world, run, 'dead'));
        throw new RunStop('shutdown', 'gone');
      },
    });
    await dead.process(key);
    world.lapsed.add('dead');
    await world.me.process(key);
    expect(world.newest().status).toMatchObject({ phase: 'Succeeded', attempt: 2, missedSlots: missed });
  });

  test('are in the record of a run that was not carried out, and are not counted again', async () => {
    const world = await behind();
    const { name } = world.newest().metadata;
    world.cancel(name);
    await world.work();
    expect(world.run(name).status).toMatchObject({ phase: 'Cancelled', missedSlots: missed });
    world.pass(15 * minuteMs);
    await world.round();
    expect(world.newest().status).toMatchObject({ phase: 'Succeeded' });
    expect(world.newest().status?.missedSlots).toBeUndefined();
  });
});

describe('a run that was taken over', () => {
  test('and is then ended has the counts of what was read, and those pages prove the connection', async () => {
    const world = await World.create();
    world.apply({});
    await world.reconcile();
    const { name } = world.newest().metadata;
    const dead = world.worker('dead');
    const read = async () => (await world.store.progress(world.run(name).metadata.uid))[0]?.tally.fetched;
    world.script.events = async function* () {
      yield page([row('1'), row('2')]);
      await expect.poll(read).toBe(2);
      dead.shutdown();
      yield page([row('3')]);
    };
    await dead.process(`ns/${name}`);
    world.lapsed.add('dead');
    world.cancel(name);
    await world.me.process(`ns/${name}`);
    expect(world.run(name).status).toMatchObject({
      phase: 'Cancelled',
      totals: { fetched: 2, created: 2 },
      streams: [{ name: 'items', complete: false, incompleteReason: 'not reached: cancelled' }],
    });
    await world.reconcile();
    expect(world.condition('Ready')).toMatch(/^True Connected/u);
  });
});

describe('a database that refuses writes', () => {
  test('uses up no attempts, and the run goes on as the same attempt when it is back', async () => {
    const { disk, change } = fullDisk();
    const world = await World.create(change);
    world.apply({});
    await world.reconcile();
    const key = world.key(world.newest());
    disk.full = true;
    for (let time = 0; time < 6; time += 1) {
      await expect(world.me.process(key)).rejects.toThrow('disk is full');
      expect(world.newest().status).toMatchObject({ phase: 'Running', worker: 'me', attempt: 1 });
    }
    expect(world.cluster.writes.updateRunStatus, 'nothing is written for a try').toBe(1);
    disk.full = false;
    await world.me.process(key);
    expect(world.newest().status).toMatchObject({ phase: 'Succeeded', attempt: 1 });
  });

  test('after it had the attempt counts that one, so that no bug of ours goes on for ever', async () => {
    const world = await World.create((store) => ({
      ...store,
      finish: async () => {
        throw new Error('constraint failed');
      },
    }));
    world.apply({});
    await world.reconcile();
    const key = world.key(world.newest());
    for (const attempt of [1, 2, 3]) {
      await expect(world.me.process(key)).rejects.toThrow('constraint failed');
      expect(world.newest().status?.attempt).toBe(attempt);
    }
    await world.me.process(key);
    expect(world.newest().status).toMatchObject({
      phase: 'Failed',
      failure: { code: 'internal' },
      totals: { fetched: 1 },
    });
    await world.reconcile();
    expect(world.condition('Ready')).toMatch(/^False InternalError/u);
    expect(world.system().status?.consecutiveFailures).toBe(1);
  });

  test('a Lease that was lost for a moment uses up none either', async () => {
    const world = await World.create();
    world.apply({});
    await world.reconcile();
    const key = world.key(world.newest());
    for (let time = 0; time < 4; time += 1) {
      world.script.events = [page([row('1')]), () => world.me.letGo(), page([row('2')])];
      await world.me.process(key);
      expect(world.newest().status).toMatchObject({ phase: 'Running', attempt: 1 });
    }
    world.script.events = [page([row('1')]), end()];
    await world.me.process(key);
    expect(world.newest().status).toMatchObject({ phase: 'Succeeded', attempt: 1 });
  });
});

test('a claim that another replica won is no error', async () => {
  const world = await World.create();
  world.apply({});
  await world.reconcile();
  const run = world.newest();
  const behind = world.worker('b', { getRun: () => run });
  world.script.events = [page([row('1')]), () => world.me.letGo(), page([row('2')])];
  await world.me.process(world.key(run));
  expect(await behind.process(world.key(run))).toEqual({ afterMs: expect.any(Number) });
  expect(world.newest().status?.worker).toBe('me');
});

test('every line about a run carries its correlation id, and the stack of a bug of ours is logged once', async () => {
  const world = await World.create();
  world.apply({});
  world.create('mine', { correlationId: 'ticket-42' });
  world.script.events = [page([row('1')]), new TypeError('cannot read properties of undefined')];
  await world.work();
  expect(world.run('mine').status).toMatchObject({ phase: 'Failed', failure: { code: 'internal' } });
  expect(world.log.filter(({ correlationId }) => correlationId !== 'ticket-42')).toEqual([]);
  const stacks = world.log.filter(({ level }) => level === 'error');
  expect(stacks).toMatchObject([
    {
      msg: 'internal failure',
      error: { type: 'TypeError', stack: expect.stringContaining('run-worker.test') },
    },
  ]);
  world.log.length = 0;
  world.script.events = [new Failure('permission', '403')];
  world.create('other');
  await world.work();
  expect(world.log.filter(({ level }) => level === 'error')).toEqual([]);
});

test('a record is made of a run that never found its system, without the object', async () => {
  const world = await World.create();
  world.create('lost');
  await world.work();
  expect(world.run('lost').status).toBeUndefined();
  world.pass(61_000);
  await world.work();
  const archived = await world.store.archivedRun('uid-of-lost');
  expect(archived).toMatchObject({ phase: 'Failed', systemUid: '' });
  expect(archived === undefined ? {} : statusFromArchive(archived)).toMatchObject({
    failure: { code: 'configuration', message: expect.stringContaining('no ExternalSystem cmdb') },
  });
});
