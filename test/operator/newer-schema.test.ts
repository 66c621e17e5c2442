// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { DatabaseRefused } from '../../src/store/port.ts';
import { World } from './world.ts';

test('a run stays as it is while the database may not be used by this version, for a replica that may', async () => {
  const schema = { newer: true };
  const world = await World.create((store) => ({
    ...store,
    ping: async () => {
      if (schema.newer)
        throw new DatabaseRefused('database x has schema 3, newer than the 2 of this version');
    },
  }));
  world.apply({});
  world.create('mine');
  await expect(world.work()).rejects.toThrow(DatabaseRefused);
  expect(world.run('mine').status).toBeUndefined();
  expect(world.cluster.writes.updateRunStatus).toBe(0);
  schema.newer = false;
  await world.work();
  expect(world.run('mine').status?.phase).toBe('Succeeded');
});
