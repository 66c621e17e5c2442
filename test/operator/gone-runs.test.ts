// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { LeaderDuties } from '../../src/operator/leader-duties.ts';
import { RunStop } from '../../src/sync/control.ts';
import { statusFromArchive } from '../../src/sync/run-record.ts';
import { minuteMs, World } from './world.ts';

/** A worker that has read a page when its process ends. */
function dying(world: World, identity: string) {
  return world.worker(identity, {
    sync: async (request) => {
      const { run, system } = request;
      const hold = await world.store.claim({
        system: system.key,
        systemUid: system.uid,
        systemGeneration: system.generation,
        runUid: run.uid,
        runName: run.name,
        attempt: run.attempt,
        mode: run.spec.mode,
        trigger: run.spec.trigger ?? 'Manual',
        slot: run.spec.scheduledTime === undefined ? undefined : new Date(run.spec.scheduledTime),
        correlationId: run.uid,
        worker: identity,
        demo: false,
        at: world.now(),
      });
      const pass = await world.store.beginPass(hold, {
        stream: 'items',
        record: 'Asset',
        mode: 'Full',
        fullSince: world.now(),
        source: 'fake https://fake.example.com',
        fingerprint: 'f',
        notBefore: new Date(0),
        at: world.now(),
      });
      await world.store.writePage(hold, {
        passId: pass.id,
        scope: 'all',
        removed: [],
        records: [{ record: { externalId: '1', columns: { name: 'one' }, attributes: {} }, hash: 'h' }],
        setAside: [],
        checkpoint: {},
        fetched: 1,
        at: world.now(),
      });
      throw new RunStop('shutdown', 'the process ends');
    },
  });
}

async function archived(world: World, uid: string) {
  const found = await world.store.archivedRun(uid);
  return found === undefined ? undefined : statusFromArchive(found);
}

/** A system with a run that a worker has begun and left. */
async function begun(worker = 'dead') {
  const world = await World.create();
  world.apply({});
  await world.reconcile();
  await dying(world, worker).process(world.key(world.newest()));
  return { world, run: world.newest() };
}

describe('a run whose object was deleted', () => {
  test('before it started leaves a record', async () => {
    const world = await World.create();
    world.apply({});
    const run = world.create('mine', { correlationId: 'ticket-42' });
    world.cluster.runs.clear();
    expect(await world.goneRuns.gone(run)).toBeUndefined();
    expect(await archived(world, 'uid-of-mine')).toMatchObject({
      phase: 'Cancelled',
      correlationId: 'ticket-42',
      failure: { code: 'cancelled', message: 'the SyncRun mine was deleted' },
    });
    expect(world.ended.map(({ runName }) => runName)).toEqual(['mine']);
    await world.goneRuns.gone(run);
    expect(world.ended).toHaveLength(1);
  });

  test('together with its system, too', async () => {
    const world = await World.create();
    world.apply({});
    await world.reconcile();
    const run = world.newest();
    world.deleteSystem();
    world.cluster.runs.clear();
    await world.goneRuns.gone(run);
    expect(await archived(world, run.metadata.uid)).toMatchObject({
      phase: 'Cancelled',
      systemUid: 'system-uid',
    });
  });

  test('while nobody worked on it ends with what was read of it', async () => {
    const { world, run } = await begun();
    world.lapsed.add('dead');
    world.cluster.runs.clear();
    await world.goneRuns.sweep();
    expect(await archived(world, run.metadata.uid)).toMatchObject({
      phase: 'Cancelled',
      worker: 'dead',
      attempt: 1,
      totals: { created: 1 },
      failure: { message: 'the SyncRun was deleted' },
    });
    expect(await world.store.openRuns()).toEqual([]);
    await world.reconcile();
    expect(world.system().status?.lastRun?.phase).toBe('Cancelled');
  });

  test('and stands there again with another uid, likewise', async () => {
    const { world, run } = await begun();
    world.lapsed.add('dead');
    world.cluster.put({ ...run, metadata: { ...run.metadata, uid: 'another' } });
    await world.goneRuns.sweep();
    expect((await archived(world, run.metadata.uid))?.phase).toBe('Cancelled');
  });

  test('is left to its worker while that lives, for a minute', async () => {
    const { world, run } = await begun();
    world.cluster.runs.clear();
    expect(await world.goneRuns.gone(run)).toEqual({ afterMs: expect.any(Number) });
    expect(await world.goneRuns.sweep(), 'looked at again soon').toEqual({ afterMs: 5_000 });
    expect(await archived(world, run.metadata.uid)).toBeUndefined();
    world.pass(minuteMs);
    expect(await world.goneRuns.gone(run)).toBeUndefined();
    expect(await archived(world, run.metadata.uid)).toMatchObject({
      phase: 'Cancelled',
      totals: { created: 1 },
    });
  });
});

describe('a run that is open in the database', () => {
  test('and stands in the cluster is left alone', async () => {
    const { world, run } = await begun();
    world.lapsed.add('dead');
    await world.goneRuns.sweep();
    expect(await archived(world, run.metadata.uid)).toBeUndefined();
  });

  test('and is of the CLI is left alone until another run has its system', async () => {
    const { world, run } = await begun('cli-4711');
    world.cluster.runs.clear();
    world.pass(10 * minuteMs);
    await world.goneRuns.sweep();
    expect(await archived(world, run.metadata.uid)).toBeUndefined();
    world.create('next');
    await world.work();
    await world.goneRuns.sweep();
    expect(await archived(world, run.metadata.uid)).toMatchObject({
      phase: 'Cancelled',
      failure: { message: 'another run has taken the system' },
    });
  });

  test('and has just ended is not told twice', async () => {
    const world = await World.create();
    world.apply({});
    await world.reconcile();
    const run = world.newest();
    await world.work();
    expect(await world.goneRuns.gone(run)).toBeUndefined();
    expect(world.ended).toHaveLength(1);
  });
});

test('who begins to lead looks at every open run and cleans up after every system that is gone', async () => {
  const world = await World.create();
  world.apply({});
  await world.round();
  const looked: string[] = [];
  const did: string[] = [];
  let leads = true;
  const duties = new LeaderDuties({
    store: world.store,
    goneRuns: {
      gone: async ({ metadata }) => {
        did.push(`gone ${metadata.name}`);
        return undefined;
      },
      sweep: async () => {
        did.push('sweep');
        return undefined;
      },
    },
    goneSystems: {
      sweep: async () => {
        did.push('withdraw');
        return undefined;
      },
    },
    leads: () => leads,
    watches: (key) => key.startsWith('ns/'),
    lookAt: (key) => looked.push(key),
    queue: {
      name: 'leader',
      onError: (_, error) => {
        throw error;
      },
      monotonicMs: () => performance.now(),
      random: () => 1,
    },
  });
  duties.begin();
  duties.runGone(world.newest());
  await expect.poll(() => did.length).toBe(3);
  duties.systemGone();
  await expect.poll(() => did.length).toBe(4);
  leads = false;
  duties.runGone(world.newest());
  duties.systemGone();
  await duties.stop();
  expect(looked).toEqual(['ns/cmdb']);
  expect(did).toEqual(['sweep', 'withdraw', `gone ${world.newest().metadata.name}`, 'withdraw']);
});
