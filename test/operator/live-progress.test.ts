// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { Compile } from 'typebox/compile';
import type { SyncRun } from '../../src/api/resource.ts';
import { SyncRunStatusSchema } from '../../src/api/sync-run.ts';
import { ApiError } from '../../src/operator/api-error.ts';
import { RunStop } from '../../src/sync/control.ts';
import type { Progress } from '../../src/sync/engine.ts';
import { end, page, row } from '../kit/fake-connector.ts';
import { World } from './world.ts';

const secondMs = 1_000;

/** A run whose reading stops after each of its pages of two until the test lets it go on; each then counts. */
async function heldRun(pages: number) {
  const world = await World.create();
  world.apply({});
  await world.reconcile();
  const { name } = world.newest().metadata;
  const gates = Array.from({ length: pages }, () => Promise.withResolvers<void>());
  world.script.events = async function* () {
    for (const [at, gate] of gates.entries()) {
      yield page([row(`${at}a`), row(`${at}b`)]);
      await gate.promise;
    }
    yield end();
  };
  const under = world.me.process(`ns/${name}`);
  const read = async () => (await world.store.progress(world.run(name).metadata.uid))[0]?.tally.fetched ?? 0;
  let open = 0;
  const goOn = async () => {
    gates[open]?.resolve();
    open += 1;
    if (open < pages) await expect.poll(read).toBe(2 * open + 2);
  };
  await expect.poll(read).toBe(2);
  await expect.poll(() => world.waits).toBe(true);
  const writes = () => world.cluster.writes.updateRunStatus;
  const written = async (count: number) => {
    await expect.poll(writes).toBe(count);
    return world.run(name).status;
  };
  /** The first write is made, and fails. */
  const missed = async () => {
    world.pass(10 * secondMs);
    await expect.poll(() => world.log.some(({ msg }) => msg === 'progress not written')).toBe(true);
  };
  /** The status after a page more, and the write behind the one that failed. */
  const next = async () => {
    await goOn();
    await expect.poll(() => world.waits).toBe(true);
    world.pass(15 * secondMs);
    return written(2);
  };
  const toEnd = async () => {
    for (const gate of gates) gate.resolve();
    await under;
  };
  return { world, name, goOn, writes, written, missed, next, toEnd };
}

describe('a run that takes long', () => {
  test('tells after ten seconds how far it is, and its record has nothing of that', async () => {
    const { world, name, written, toEnd } = await heldRun(3);
    const claimed = world.run(name).status;
    world.pass(10 * secondMs);
    const status = await written(2);
    expect(status).toEqual({
      ...claimed,
      totals: { fetched: 2, created: 2, updated: 0, unchanged: 0, deleted: 0, failed: 0 },
      progress: {
        time: '2026-03-02T12:07:40Z',
        streams: [
          {
            ...{ name: 'items', fetched: 2, created: 2, updated: 0, unchanged: 0, failed: 0 },
            ...{ recordsPerSecond: 0, ended: false },
          },
        ],
      },
    });
    await toEnd();
    const ended = world.run(name).status;
    expect(ended).toMatchObject({ phase: 'Succeeded', totals: { fetched: 6 } });
    expect(ended?.progress).toBeUndefined();
    expect(ended?.digest).toBe((await world.store.archivedRun(world.run(name).metadata.uid))?.digest);
  });

  test('that has nothing new to tell writes nothing', async () => {
    const { world, writes, written, toEnd } = await heldRun(2);
    world.pass(10 * secondMs);
    await written(2);
    expect(world.waits).toBe(false);
    world.pass(600 * secondMs);
    expect(writes()).toBe(2);
    await toEnd();
  });

  test('writes every fifteen seconds at first, and every minute in the end', async () => {
    const pages = 18;
    const { world, goOn, writes, written, toEnd } = await heldRun(pages);
    world.pass(10 * secondMs);
    await written(2);
    const waited: number[] = [];
    for (let at = 1; at < pages; at += 1) {
      await goOn();
      await expect.poll(() => world.waits).toBe(true);
      const before = writes();
      let passed = 0;
      for (; world.waits; passed += 1) world.pass(secondMs);
      waited.push(passed);
      await written(before + 1);
    }
    expect(waited.slice(0, 5)).toEqual([15, 15, 15, 15, 15]);
    expect(waited, 'longer and longer').toEqual(waited.toSorted((one, other) => one - other));
    expect(waited.slice(-2)).toEqual([60, 60]);
    await toEnd();
  });
});

describe('a short run', () => {
  test('writes its claim and its end, and leaves no timer behind', async () => {
    const { world, writes, toEnd } = await heldRun(2);
    world.pass(9 * secondMs);
    await toEnd();
    expect(writes()).toBe(2);
    expect(world.waits).toBe(false);
  });
});

describe('a write of progress', () => {
  test.each([
    ['the API server is away', new ApiError(503, 'ServiceUnavailable', 'away')],
    ['the connection broke', new Error('ECONNRESET')],
  ])('that fails because %s is no failure of the run', async (_why, error) => {
    const { world, name, missed, next, toEnd } = await heldRun(3);
    world.cluster.fails.set('updateRunStatus', error);
    await missed();
    expect(await next()).toMatchObject({ totals: { fetched: 4 } });
    await toEnd();
    expect(world.run(name).status?.phase).toBe('Succeeded');
  });

  test('that meets an annotation goes on from the new version', async () => {
    const { world, name, missed, next, toEnd } = await heldRun(3);
    const before = world.run(name);
    const metadata = {
      ...before.metadata,
      annotations: { note: 'mine' },
      resourceVersion: world.cluster.next(),
    };
    world.cluster.put({ ...before, metadata });
    await missed();
    expect(await next()).toMatchObject({ totals: { fetched: 4 } });
    expect(world.run(name).metadata.annotations).toEqual({ note: 'mine' });
    await toEnd();
  });

  test.each<[string, Partial<NonNullable<SyncRun['status']>>]>([
    ['has another worker', { worker: 'other', attempt: 2 }],
    ['is in its next attempt', { attempt: 2 }],
    ['has ended', { phase: 'Cancelled' }],
  ])('leaves a run alone that %s', async (_what, change) => {
    const { world, name, goOn, missed, toEnd } = await heldRun(3);
    const before = world.run(name);
    const others = world.cluster.put({
      ...before,
      metadata: { ...before.metadata, resourceVersion: world.cluster.next() },
      status: { ...before.status, ...change },
    });
    await missed();
    await goOn();
    for (let at = 0; at < 10; at += 1) world.pass(60 * secondMs);
    expect(world.waits).toBe(false);
    expect(world.run(name)).toEqual(others);
    await toEnd();
  });

  test('is under way when the run ends: the end waits for it, and stands', async () => {
    const { world, name, toEnd } = await heldRun(2);
    const gate = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const write = world.cluster.updateRunStatus.bind(world.cluster);
    world.cluster.updateRunStatus = async (run, status) => {
      if (status.progress !== undefined) {
        reached.resolve();
        await gate.promise;
      }
      return write(run, status);
    };
    world.pass(10 * secondMs);
    await reached.promise;
    const ended = toEnd();
    const { uid } = world.run(name).metadata;
    await expect.poll(async () => (await world.store.archivedRun(uid))?.phase).toBe('Succeeded');
    expect(world.run(name).status?.phase).toBe('Running');
    gate.resolve();
    await ended;
    expect(world.run(name).status).toMatchObject({ phase: 'Succeeded', totals: { fetched: 4 } });
    expect(world.log.some(({ msg }) => msg === 'progress not written')).toBe(false);
  });
});

test('a run that is taken over goes on showing what was counted, the ended streams too', async () => {
  const world = await World.create();
  world.apply({});
  await world.reconcile();
  const { name } = world.newest().metadata;
  const key = `ns/${name}`;
  const readOf = async (run: string, stream: number) =>
    (await world.store.progress(world.run(run).metadata.uid))[stream]?.tally.fetched;
  world.script.events = [page([row('1'), row('2')]), end()];
  const dead = world.worker('dead');
  world.script.more = async function* () {
    yield page([row('3')]);
    await expect.poll(() => readOf(name, 1)).toBe(1);
    world.pass(10 * secondMs);
    await expect.poll(() => world.run(name).status?.totals?.fetched).toBe(3);
    dead.shutdown();
    throw new RunStop('shutdown', 'gone');
  };
  await dead.process(key);
  expect(world.run(name).status?.progress?.streams).toMatchObject([
    { name: 'items', fetched: 2, ended: true },
    { name: 'more', fetched: 1, ended: false },
  ]);
  world.lapsed.add('dead');
  world.script.more = async function* () {
    const claimed = world.run(name).status;
    expect(claimed).toMatchObject({ attempt: 2, totals: { fetched: 3 } });
    expect(claimed?.progress).toBeUndefined();
    yield page([row('4')]);
    await expect.poll(() => readOf(name, 1)).toBe(2);
    world.pass(10 * secondMs);
    await expect
      .poll(() => world.run(name).status?.progress?.streams)
      .toMatchObject([
        { name: 'items', fetched: 2, ended: true },
        { name: 'more', fetched: 2 },
      ]);
    yield end();
  };
  await world.me.process(key);
  expect(world.run(name).status).toMatchObject({ phase: 'Succeeded', totals: { fetched: 4 } });
});

test('a status of many streams stays below four KiB and fits its schema: those that ended first are left out', async () => {
  const world = await World.create();
  world.apply({});
  world.create('many');
  const told = Array.from({ length: 40 }, (_, at): Progress => {
    const counts = { fetched: 1e9 + at, created: 1e9, updated: 1e9, unchanged: 1e9, deleted: 0, failed: 1e9 };
    const tally = {
      stream: `a-stream-with-a-long-name-${at}`,
      record: 'Asset',
      pages: 1e6,
      ...counts,
    } as const;
    return { tally, recordsPerSecond: 1e6, ended: at % 2 === 0 };
  });
  let written: SyncRun['status'];
  const worker = world.worker('me', {
    sync: async (_request, _system, run, _signal, onProgress) => {
      for (const one of told) onProgress(one);
      world.pass(10 * secondMs);
      await expect.poll(() => world.run('many').status?.progress).toBeDefined();
      written = world.run('many').status;
      throw new RunStop('shutdown', `enough of ${run.metadata.name}`);
    },
  });
  await worker.process('ns/many');
  expect(Compile(SyncRunStatusSchema).Check(written)).toBe(true);
  const { spec } = world.run('many');
  const bytes = Buffer.byteLength(JSON.stringify({ spec, status: written }));
  expect(bytes).toBeLessThanOrEqual(4096);
  expect(bytes, 'and no more is left out than must be').toBeGreaterThan(3800);
  expect(written?.totals?.fetched).toBe(told.reduce((sum, { tally }) => sum + tally.fetched, 0));
  const names = written?.progress?.streams.map(({ name }) => name) ?? [];
  expect(names.at(-1)).toBe('a-stream-with-a-long-name-39');
  expect(written?.progress?.streams.every(({ ended }) => !ended)).toBe(true);
});
