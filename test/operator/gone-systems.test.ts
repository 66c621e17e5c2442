// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { ApiError } from '../../src/operator/api-error.ts';
import { GoneSystems, type GoneSystemsDependencies } from '../../src/operator/gone-systems.ts';
import { system, World } from './world.ts';

/** An operator's duty, and what it told. */
function duty(world: World, change: Partial<GoneSystemsDependencies> = {}) {
  const told: unknown[] = [];
  const gone = new GoneSystems({
    store: world.store,
    cluster: world.cluster,
    getSystem: (key) => world.cluster.systems.get(key),
    watches: (key) => key.startsWith('ns/'),
    identity: 'leader',
    now: () => world.now(),
    onWithdrawn: (key, records) => told.push([key, records]),
    onError: (error) => told.push(error),
    ...change,
  });
  return { gone, told };
}

async function withRows(): Promise<World> {
  const world = await World.create();
  world.apply({});
  await world.round();
  return world;
}

const states = async (world: World) =>
  (await world.store.recordCounts(system)).find(({ kind }) => kind === 'Asset');

test('the rows of a deleted system are withdrawn once, and come back with the object', async () => {
  const world = await withRows();
  const { gone, told } = duty(world);
  await gone.sweep();
  expect(told).toEqual([]);
  world.deleteSystem();
  await gone.sweep();
  await gone.sweep();
  expect(told).toEqual([[system, 1]]);
  expect(await states(world)).toMatchObject({ live: 0, withdrawn: 1, deleted: 0 });
  world.apply({ uid: 'made-again' });
  await world.round();
  expect(await states(world)).toMatchObject({ live: 1, withdrawn: 0 });
  // Full, and its record names what was done meanwhile.
  expect(world.newest().status).toMatchObject({
    streams: [{ mode: 'Full', updated: 1 }],
    actions: [{ kind: 'withdraw' }],
  });
  world.deleteSystem();
  await gone.sweep();
  expect(told).toHaveLength(2);
});

test('a run that is still in hand is waited for', async () => {
  const world = await withRows();
  const { gone, told } = duty(world);
  const hold = await world.store.claim({
    ...{ system, systemUid: 'system-uid', systemGeneration: 1, runUid: 'late', runName: 'late', attempt: 1 },
    ...{ mode: 'Incremental', trigger: 'Manual', slot: undefined, correlationId: 'late', worker: 'me' },
    ...{ demo: false, at: world.now() },
  });
  world.deleteSystem();
  expect(await gone.sweep()).toEqual({ afterMs: 5_000 });
  expect(told).toEqual([]);
  expect(hold.runUid).toBe('late');
});

test.each([
  ['of a namespace that is not watched', { watches: () => false }],
  ['that only the cache does not know', { getSystem: () => undefined }],
] as const)('a system %s keeps its rows', async (_case, change) => {
  const world = await withRows();
  if ('watches' in change) world.deleteSystem();
  const { gone, told } = duty(world, change);
  await gone.sweep();
  expect(told).toEqual([]);
  expect(await states(world)).toMatchObject({ live: 1, withdrawn: 0 });
});

test('an operator that may not, or cannot, ask withdraws nothing, and goes on with the others', async () => {
  const world = await withRows();
  world.deleteSystem();
  const forbidden = new ApiError(403, 'Forbidden', 'no');
  const { gone, told } = duty(world, {
    cluster: {
      hasSystem: async () => {
        throw forbidden;
      },
    },
  });
  expect(await gone.sweep()).toEqual({ afterMs: 60_000 });
  expect(told).toEqual([forbidden]);
  expect(await states(world)).toMatchObject({ live: 1, withdrawn: 0 });
});
