// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type { SyncRun } from '../../src/api/resource.ts';
import { Failure } from '../../src/connector/failure.ts';
import { overdueSince } from '../../src/operator/controller-metrics.ts';
import { minuteMs, World } from './world.ts';

/* When the leader looks, what it writes, and what it says of slots. */

const next = (world: World) => world.system().status?.nextRunTime;

describe('a slot whose name something else has', () => {
  const slot = (world: World, time: string) =>
    world.create(`cmdb-${Date.parse(time) / minuteMs}`, { systemRef: { name: 'other' }, mode: 'Full' });

  test('is said of a new system too, is not called its last slot, and costs no write at every look', async () => {
    const world = await World.create();
    world.apply({});
    slot(world, '2026-03-02T12:07:00Z');
    const { afterMs } = (await world.reconcile()) ?? { afterMs: 0 };
    expect(world.condition('Ready')).toMatch(/^False SlotBlocked: .*delete it/u);
    expect(world.system().status?.lastScheduleTime).toBeUndefined();
    expect(afterMs).toBe(minuteMs);
    world.pass(1_000);
    await world.reconcile();
    expect(world.cluster.writes.updateSystemStatus).toBe(1);
    world.cluster.runs.clear();
    await world.round();
    expect(world.condition('Ready')).toMatch(/^True/u);
  });

  test('leaves the last slot of an old one as it was', async () => {
    const world = await World.create();
    world.apply({ spec: { schedule: { jitter: '0s' } } });
    await world.round();
    slot(world, '2026-03-02T12:15:00Z');
    world.pass(8 * minuteMs);
    const before = world.cluster.writes.updateSystemStatus;
    for (let look = 0; look < 10; look += 1) {
      const { afterMs } = (await world.reconcile()) ?? { afterMs: 0 };
      expect(afterMs).toBe(minuteMs);
      world.pass(1_000);
    }
    expect(world.condition('Ready')).toMatch(/^False SlotBlocked/u);
    expect(world.system().status).toMatchObject({
      lastScheduleTime: '2026-03-02T12:07:00Z',
      nextRunTime: '2026-03-02T12:15:00Z',
    });
    expect(world.cluster.writes.updateSystemStatus - before).toBe(1);
  });
});

describe('what a scheduled run costs', () => {
  const quiet = { schedule: { jitter: '0s' } };
  const total = (world: World) => Object.values(world.cluster.writes).reduce((sum, count) => sum + count, 0);

  test('is four writes: made, claimed, ended, and one of the status', async () => {
    const world = await World.create();
    world.apply({ spec: quiet });
    await world.round();
    for (let run = 0; run < 3; run += 1) {
      const before = { ...world.cluster.writes };
      world.pass(15 * minuteMs);
      await world.round();
      await world.reconcile();
      expect(world.cluster.writes).toEqual({
        createRun: before.createRun + 1,
        updateRunStatus: before.updateRunStatus + 2,
        updateSystemStatus: before.updateSystemStatus + 1,
        deleteRun: before.deleteRun,
      });
    }
    expect(world.system().status).toMatchObject({
      lastScheduleTime: '2026-03-02T12:45:00Z',
      nextRunTime: '2026-03-02T13:00:00Z',
    });
  });

  test('is the same for a system that fails, whose message names the next run', async () => {
    const world = await World.create();
    world.script.connect = new Failure('unavailable', 'refuses connections');
    world.apply({ spec: quiet });
    await world.round();
    const before = total(world);
    world.pass(15 * minuteMs);
    await world.round();
    expect(total(world) - before).toBe(4);
    expect(world.condition('Ready')).toContain('Next run 2026-03-02T12:30:00');
  });

  test('is one more when it lasts, so that the next start is not told late', async () => {
    const world = await World.create();
    world.apply({ spec: quiet });
    await world.round();
    world.pass(15 * minuteMs);
    await world.reconcile();
    const first = (await world.reconcile()) ?? { afterMs: 0 };
    expect(first.afterMs).toBeLessThanOrEqual(30_000);
    expect(next(world)).toBe('2026-03-02T12:15:00Z');
    world.pass(first.afterMs);
    await world.reconcile();
    expect(next(world)).toBe('2026-03-02T12:30:00Z');
  });

  test('a status that the cache does not have yet is not written again', async () => {
    const world = await World.create();
    world.apply({ spec: quiet });
    const behind = world.system();
    await world.reconcile();
    expect(world.cluster.writes.updateSystemStatus).toBe(1);
    const fresh = world.system();
    world.cluster.systems.set('ns/cmdb', behind);
    await world.reconcile();
    expect(world.cluster.writes.updateSystemStatus).toBe(1);
    world.cluster.systems.set('ns/cmdb', fresh);
    await world.round();
    expect(world.condition('Ready')).toMatch(/^True/u);
  });
});

describe('a slot that is due behind another run', () => {
  async function behind(): Promise<World> {
    const world = await World.create();
    world.apply({ spec: { schedule: { jitter: '0s' } } });
    await world.round();
    world.create('long', { mode: 'Full' });
    return world;
  }

  test('keeps its own start as the next one, is not written at every look, and shows as overdue', async () => {
    const world = await behind();
    world.pass(8 * minuteMs);
    const before = world.cluster.writes.updateSystemStatus;
    for (let look = 0; look < 5; look += 1) {
      const { afterMs } = (await world.reconcile()) ?? { afterMs: 0 };
      expect(afterMs, 'the end of the run will be heard of').toBe(minuteMs);
      world.pass(1_000);
    }
    expect(world.cluster.writes.updateSystemStatus).toBe(before);
    expect(next(world)).toBe('2026-03-02T12:15:00Z');
    expect(overdueSince(world.system(), [])).toBe(Date.parse('2026-03-02T12:15:00Z'));
    await world.round();
    expect(world.newest().spec.scheduledTime).toBe('2026-03-02T12:15:00Z');
    expect(next(world), 'its run is made').toBe('2026-03-02T12:30:00Z');
  });

  test('is looked at when it starts, and not a moment sooner', async () => {
    const world = await World.create();
    world.apply({ spec: { schedule: { jitter: '0s' } } });
    await world.round();
    world.pass(7 * minuteMs);
    expect(await world.reconcile()).toEqual({ afterMs: 30_000 });
  });
});

describe('how long a scheduled run is overdue', () => {
  const status = { lastScheduleTime: '2026-03-02T12:00:00Z', nextRunTime: '2026-03-02T12:15:00Z' };
  const due = Date.parse(status.nextRunTime);

  async function runFor(scheduledTime: string, phase?: 'Running'): Promise<SyncRun> {
    const world = await World.create();
    const run = world.create('slot', { scheduledTime });
    return phase === undefined ? run : { ...run, status: { phase } };
  }

  test.each<[string, number, () => Promise<SyncRun[]>]>([
    ['counts from the start of a slot without a run', due, async () => []],
    [
      'ends with the start of its run, though the status has not heard of it',
      Infinity,
      async () => [await runFor('2026-03-02T12:15:00Z', 'Running')],
    ],
    [
      'goes on while its run waits for a worker',
      Date.parse('2026-03-02T12:07:30Z'),
      async () => [await runFor('2026-03-02T12:15:00Z')],
    ],
    [
      'counts behind the long run of the slot before',
      due,
      async () => [await runFor('2026-03-02T12:00:00Z', 'Running')],
    ],
  ])('%s', async (_, expected, runs) => {
    const world = await World.create();
    world.apply({});
    expect(overdueSince({ ...world.system(), status }, await runs())).toBe(expected);
  });
});
