// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { minuteMs, World } from './world.ts';

describe('a run that an annotation asks for', () => {
  test('is made and acknowledged once; its token never runs again, whatever came between and was pruned', async () => {
    const world = await World.create();
    world.apply({ spec: { history: { successful: 1 } } });
    await world.round();
    for (const token of ['a', 'b', 'a', 'c', 'b', 'a']) {
      world.ask(token);
      await world.round();
      expect(world.system().status?.lastHandledRequest).toBe(token);
      world.pass(minuteMs);
    }
    const asked = world.made.filter(({ spec }) => spec.trigger === 'Manual');
    expect(asked).toHaveLength(3);
    expect(world.names().filter((name) => name.startsWith('cmdb-r-')).length).toBeLessThan(3);
  });

  test.each<[string, string, string, RegExp]>([
    ['in a mode that is not known', 'now', 'full', /run-mode: full is not known; use Incremental, Full/u],
    [
      'by a token that cannot be acknowledged',
      'x'.repeat(257),
      'Full',
      /has 257 characters; use at most 256/u,
    ],
  ])('%s is not made; that is said, and made when it is mended', async (_, token, mode, problem) => {
    const world = await World.create();
    world.apply({});
    await world.round();
    world.ask(token, mode);
    for (let look = 0; look < 3; look += 1) await world.round();
    expect(world.made).toHaveLength(1);
    expect(world.system().status?.lastHandledRequest).toBeUndefined();
    expect(world.condition('Ready')).toMatch(/^True Connected/u);
    expect(world.condition('Ready')).toMatch(problem);
    expect(world.refusedRequests, 'told once').toHaveLength(1);
    world.ask('mended', 'Full');
    await world.round();
    expect(world.newest()).toMatchObject({ spec: { mode: 'Full' }, status: { phase: 'Succeeded' } });
    expect(world.condition('Ready')).not.toContain('The requested run');
  });

  test('is the only one that is made then: a slot that is due waits for it', async () => {
    const world = await World.create();
    world.apply({ spec: { schedule: { jitter: '0s' } } });
    await world.round();
    world.pass(15 * minuteMs);
    world.ask('now');
    await world.reconcile();
    expect(world.made.map(({ spec }) => spec.trigger)).toEqual(['Schedule', 'Manual']);
    await world.round();
    expect(world.made.map(({ spec }) => spec.trigger)).toEqual(['Schedule', 'Manual', 'Schedule']);
  });
});
