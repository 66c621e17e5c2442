// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { Failure } from '../../src/connector/failure.ts';
import { World } from '../operator/world.ts';

const refused = new Failure('unavailable', 'dc1.example.com:636 refuses connections; check urls, or wait');
const audience = (world: World) => world.newest().status?.failure?.audience;

async function runs(world: World, token: string, mode?: string): Promise<void> {
  world.pass(60_000);
  world.ask(token, mode);
  await world.round();
}

test('an address that nothing has ever been reached at is looked at by its owner, until one run came through', async () => {
  const world = await World.create();
  world.script.connect = refused;
  world.apply({});
  await world.round();
  expect(audience(world)).toBe('owner of the ExternalSystem');
  expect(world.condition('Ready')).toMatch(
    /^False UpstreamUnavailable: .* Who must act: owner of the ExternalSystem\./u,
  );
  await runs(world, 'still away');
  expect(audience(world)).toBe('owner of the ExternalSystem');

  delete world.script.connect;
  await runs(world, 'a test that comes through', 'Test');
  expect(world.newest().status?.phase).toBe('Succeeded');
  world.script.connect = refused;
  await runs(world, 'away now');
  expect(audience(world)).toBe('nobody');
  expect(world.newest().status?.failure?.class).toBe('transient');
  await runs(world, 'away for long');
  expect(audience(world)).toBe('nobody');
});

test('a changed spec, and another object of that name, are a first contact again', async () => {
  const world = await World.create();
  world.apply({});
  await world.round();
  world.script.connect = refused;
  world.apply({ generation: 2 });
  await world.round();
  expect(audience(world)).toBe('owner of the ExternalSystem');
  world.apply({ uid: 'another' });
  await world.round();
  expect(audience(world)).toBe('owner of the ExternalSystem');
});

test('who must act of another failure, or by its own words, stays as it was', async () => {
  const world = await World.create();
  world.script.connect = new Failure('throttled', 'slow down');
  world.apply({});
  await world.round();
  expect(audience(world)).toBe('nobody');
  world.script.connect = new Failure('unavailable', 'not trusted', {
    audience: 'administrator of the external system',
  });
  await runs(world, 'another');
  expect(audience(world)).toBe('administrator of the external system');
});
