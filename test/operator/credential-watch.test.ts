// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { Failure } from '../../src/connector/failure.ts';
import { ApiError } from '../../src/operator/api-error.ts';
import { World } from './world.ts';

/** A system whose newest run failed by its credentials. */
async function refused(code: 'credentials' | 'permission' = 'credentials'): Promise<World> {
  const world = await World.create();
  world.secret('1', 'wrong');
  world.script.connect = new Failure(code, 'the account is refused');
  world.apply({});
  await world.round();
  return world;
}

const byCredentials = (world: World) => world.made.filter(({ spec }) => spec.trigger === 'CredentialsChange');

describe('credentials that are known to be bad', () => {
  test('are looked at twice a minute, and a change of their data runs once', async () => {
    const world = await refused();
    expect(await world.reconcile()).toEqual({ afterMs: 30_000 });
    world.secret('2', 'wrong');
    await world.round();
    expect(byCredentials(world), 'only its version changed').toEqual([]);
    world.secret('3', 'right');
    delete world.script.connect;
    await world.round();
    await world.round();
    expect(byCredentials(world)).toHaveLength(1);
    expect(world.newest().status?.phase).toBe('Succeeded');
    expect(world.condition('Ready')).toMatch(/^True/u);
  });

  test('that changed are not forgotten when the run cannot be made', async () => {
    const world = await refused();
    world.secret('2', 'right');
    world.cluster.fails.set('createRun', new ApiError(500, 'InternalError', 'etcdserver: leader changed'));
    await expect(world.reconcile()).rejects.toThrow('leader changed');
    world.pass(30_000);
    await world.reconcile();
    expect(byCredentials(world)).toHaveLength(1);
  });

  test('nor when another run of the system is going on, which had read the old ones', async () => {
    const world = await refused('permission');
    world.create('mine', { mode: 'Test' });
    world.secret('2', 'right');
    await world.reconcile();
    expect(byCredentials(world)).toEqual([]);
    // The run ends by what it had read before the change.
    world.secret('1', 'wrong');
    await world.work();
    world.secret('2', 'right');
    world.pass(30_000);
    await world.reconcile();
    expect(byCredentials(world)).toHaveLength(1);
  });

  test('are not looked at while the system is suspended; what it needs then is a new generation', async () => {
    const world = await refused();
    world.apply({ spec: { suspend: true }, generation: 2 });
    world.secret('2', 'right');
    delete world.script.connect;
    await world.round();
    expect(world.made).toHaveLength(1);
    world.apply({ generation: 3 });
    await world.round();
    expect(world.newest()).toMatchObject({ metadata: { name: 'cmdb-g-3' }, status: { phase: 'Succeeded' } });
  });
});
