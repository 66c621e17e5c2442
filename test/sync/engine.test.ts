// SPDX-License-Identifier: Apache-2.0
import type { SyncRunStatus } from '../../src/api/sync-run.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Failure } from '../../src/connector/failure.ts';
import { RunStop } from '../../src/sync/control.ts';
import { end, page, row } from '../kit/fake-connector.ts';
import { SyncBench } from '../kit/sync-bench.ts';

let bench: SyncBench;
beforeEach(async () => {
  bench = await new SyncBench().open();
});
afterEach(() => bench.close());

const ids = (count: number, from = 0) => Array.from({ length: count }, (_, index) => row(`r${from + index}`));

describe('a full pass', () => {
  test('creates what is new, leaves what is equal, updates what differs, and proves what is gone', async () => {
    const first = await bench.run([page([row('a'), row('b'), row('c')]), end()], { mode: 'Full' });
    expect(first).toMatchObject({ phase: 'Succeeded', totals: { fetched: 3, created: 3, deleted: 0 } });
    bench.time += 60_000;
    const second = await bench.run([page([row('a'), row('b', 'renamed')]), end()], { mode: 'Full' });
    expect(second.totals).toEqual({
      fetched: 2,
      created: 0,
      updated: 1,
      unchanged: 1,
      deleted: 1,
      failed: 0,
    });
    expect(second.streams?.[0]).toMatchObject({
      name: 'items',
      complete: true,
      mode: 'Full',
      scopesVerified: 1,
    });
    expect(bench.live()).toEqual(['a', 'b']);
  });

  test('brings a record back with its first sighting kept', async () => {
    await bench.run([page([row('a'), row('b')]), end()], { mode: 'Full' });
    bench.time += 1000;
    await bench.run([page([row('a')]), end()], { mode: 'Full' });
    bench.time += 1000;
    const back = await bench.run([page([row('a'), row('b')]), end()], { mode: 'Full' });
    expect(back.totals).toMatchObject({ created: 0, updated: 1, unchanged: 1 });
    const [record] = bench.rows("SELECT first_seen_at, deleted_at FROM assets WHERE external_id = 'b'");
    expect(record).toEqual({ first_seen_at: '2026-03-01T10:00:00.000Z', deleted_at: null });
  });

  test('a record that moved to another scope lives', async () => {
    await bench.run([page([row('a'), row('b')], 'one'), end('one'), page([row('c')], 'two'), end('two')], {
      mode: 'Full',
    });
    const moved = await bench.run(
      [page([row('a')], 'one'), end('one'), page([row('c'), row('b')], 'two'), end('two')],
      { mode: 'Full' },
    );
    expect(moved.totals?.deleted).toBe(0);
    expect(bench.live()).toEqual(['a', 'b', 'c']);
  });

  test('a removal that the vendor states needs no full pass, and a later sighting revokes it', async () => {
    await bench.run([page([row('a'), row('b'), row('c')]), end()], { mode: 'Full' });
    const status = await bench.run([
      { type: 'page', scope: 'all', rows: [], removed: ['b', 'c'], checkpoint: { at: 1 } },
      page([row('c')]),
      end('all', 'Window'),
    ]);
    expect(status.totals).toMatchObject({ deleted: 1 });
    expect(bench.live()).toEqual(['a', 'c']);
  });
});

describe('what proves nothing deletes nothing', () => {
  beforeEach(async () => {
    await bench.run([page([row('a'), row('b')], 'one'), end('one'), page([row('c')], 'two'), end('two')], {
      mode: 'Full',
    });
  });

  test('a stream that breaks off', async () => {
    const status = await bench.run([page([row('a')], 'one'), new Failure('unavailable', 'GET table: 503')], {
      mode: 'Full',
    });
    expect(status).toMatchObject({
      phase: 'Failed',
      totals: { deleted: 0 },
      failure: { code: 'unavailable', class: 'transient', audience: 'nobody' },
    });
    expect(status.streams?.[0]).toMatchObject({
      complete: false,
      incompleteReason: 'unavailable: GET table: 503',
    });
    expect(bench.live()).toEqual(['a', 'b', 'c']);
  });

  test('a scope that is not verified holds back its siblings', async () => {
    const hidden = {
      type: 'unverified',
      scope: 'two',
      failure: new Failure('permission', '3 rows are hidden'),
    } as const;
    const status = await bench.run([page([row('a')], 'one'), end('one'), hidden], { mode: 'Full' });
    expect(status.phase).toBe('Failed');
    expect(status.streams?.[0]).toMatchObject({ complete: false, deleted: 0, withheld: 1 });
    expect(status.unverifiedScopes).toEqual([
      { stream: 'items', scope: 'two', reason: 'permission: 3 rows are hidden' },
    ]);
    expect(bench.live()).toEqual(['a', 'b', 'c']);
  });

  test('an incremental window', async () => {
    const status = await bench.run([
      page([row('a', 'new name')], 'one'),
      end('one', 'Window'),
      end('two', 'Window'),
    ]);
    expect(status).toMatchObject({ phase: 'Succeeded', totals: { updated: 1, deleted: 0 } });
  });

  test('a row whose id cannot be read', async () => {
    const status = await bench.run(
      [page([row('a'), { name: 'no id' }], 'one'), end('one'), page([row('c')], 'two'), end('two')],
      {
        mode: 'Full',
      },
    );
    expect(status.streams?.[0]).toMatchObject({ complete: false, failed: 1, deleted: 0 });
    expect(status.failure?.message).toContain('no readable id');
    expect(bench.live()).toEqual(['a', 'b', 'c']);
  });

  test('the policy Keep', async () => {
    bench.spec = { deletion: { policy: 'Keep' } };
    const status = await bench.run([page([row('a')], 'one'), end('one'), end('two')], { mode: 'Full' });
    expect(status.streams?.[0]).toMatchObject({ deleted: 0, withheld: 2 });
  });
});

describe('the deletion budget', () => {
  test('a passed budget deletes nothing and says so; within it all go', async () => {
    await bench.run([page(ids(100)), end()], { mode: 'Full' });
    const passed = await bench.run([page(ids(70)), end()], { mode: 'Full' });
    expect(passed).toMatchObject({ phase: 'PartiallySucceeded', failure: { code: 'deletionBudget' } });
    expect(passed.streams?.[0]).toMatchObject({ deleted: 0, withheld: 30, complete: true });
    const within = await bench.run([page(ids(85)), end()], { mode: 'Full' });
    expect(within).toMatchObject({ phase: 'Succeeded', totals: { deleted: 15 } });
    const again = await bench.run([page(ids(75)), end()], { mode: 'Full' });
    expect(again.failure?.code, 'deletions of the last 24 hours count').toBe('deletionBudget');
    bench.time += 25 * 3_600_000;
    const later = await bench.run([page(ids(75)), end()], { mode: 'Full' });
    expect(later.totals?.deleted).toBe(10);
  });
});

describe('rows that do not fit', () => {
  test('are set aside, counted and kept; the former row stays, flagged, and a good row clears it', async () => {
    await bench.run([page(ids(60)), end()], { mode: 'Full' });
    const bad = [...ids(59), { id: 'r59', name: 42 }];
    const status = await bench.run([page(bad), end()], { mode: 'Full' });
    expect(status).toMatchObject({
      phase: 'PartiallySucceeded',
      totals: { failed: 1, unchanged: 59, deleted: 0 },
    });
    const [kept] = await bench.store.quarantinedRows({ system: 'inventory/fake', limit: 10 });
    expect(kept).toMatchObject({ stream: 'items', externalId: 'r59', path: '/name' });
    expect(
      bench.rows("SELECT name, quarantined_at IS NOT NULL AS flagged FROM assets WHERE external_id = 'r59'"),
    ).toEqual([{ name: 'item r59', flagged: 1 }]);
    await bench.run([page(ids(60)), end()], { mode: 'Full' });
    expect(await bench.store.quarantinedRows({ system: 'inventory/fake', limit: 10 })).toEqual([]);
    expect(bench.rows('SELECT count(*) AS n FROM assets WHERE quarantined_at IS NOT NULL')).toEqual([
      { n: 0 },
    ]);
  });

  test('more than a tenth of them is a contract failure that deletes nothing', async () => {
    await bench.run([page(ids(50)), end()], { mode: 'Full' });
    const bad = Array.from({ length: 6 }, (_, index) => ({ id: `r${index}`, name: null }));
    const status = await bench.run([page([...bad, ...ids(40, 6)]), end()], { mode: 'Full' });
    expect(status).toMatchObject({
      phase: 'Failed',
      failure: { code: 'contract', class: 'permanent' },
      totals: { deleted: 0 },
    });
    expect(bench.live()).toHaveLength(50);
  });

  test('a record over 256 KiB is set aside with its size, cut in the quarantine', async () => {
    const huge = { id: 'huge', name: 'x'.repeat(1000), note: 'y' };
    const wide = row('wide', 'w'.repeat(1024));
    bench.script.source = 'fake';
    const status = await bench.run([page([wide, { ...huge, name: 'z'.repeat(300 * 1024) }]), end()], {
      mode: 'Full',
    });
    expect(status.totals).toMatchObject({ created: 1, failed: 1 });
    const [kept] = await bench.store.quarantinedRows({ system: 'inventory/fake', limit: 1 });
    expect(kept?.raw.length).toBeLessThan(17_000);
  });

  test('known secrets do not reach the quarantine or the record', async () => {
    const redact = (text: string) => text.replaceAll('hunter2hunter2', '[redacted]');
    await bench.run(
      [
        page([{ id: 'a', name: 7, note: 'hunter2hunter2' }]),
        new Failure('unavailable', 'sent hunter2hunter2'),
      ],
      {
        redact,
      },
    );
    const everything = JSON.stringify([
      bench.rows('SELECT * FROM quarantine'),
      bench.rows('SELECT * FROM runs'),
    ]);
    expect(everything).not.toContain('hunter2');
    expect(everything).toContain('[redacted]');
  });
});

describe('interruption', () => {
  test('a run stopped by its soft limit ends Cancelled, and the next goes on from the checkpoint', async () => {
    let clock = 0;
    const events = [
      page([row('a')], 'all', 1),
      () => (clock = 61_000),
      page([row('b')], 'all', 2),
      page([row('c')]),
      end(),
    ];
    const stopped = await bench.run(events, { mode: 'Full', monotonicMs: () => clock });
    expect(stopped).toMatchObject({ phase: 'Cancelled', failure: { code: 'cancelled' } });
    bench.time += 60_000;
    const next = await bench.run([page([row('c')], 'all', 3), end()]);
    expect(bench.script.asked.at(-1)?.checkpoint).toEqual({ at: expect.any(Number) });
    expect(next).toMatchObject({ phase: 'Succeeded', streams: [{ mode: 'Full', complete: true }] });
    expect(bench.live()).toContain('a');
  });

  test('shutdown leaves the run open; another worker takes it over and its counts go on', async () => {
    const stop = new AbortController();
    const shutdown = () => {
      stop.abort(new RunStop('shutdown', 'shutting down'));
      throw new Failure('cancelled', 'aborted');
    };
    await expect(
      bench.run([page([row('a'), row('b')], 'all', 7), shutdown], {
        mode: 'Full',
        uid: 'run-x',
        signal: stop.signal,
      }),
    ).rejects.toThrow('shutting down');
    expect(await bench.store.archivedRun('run-x')).toBeUndefined();
    const taken = await bench.run([page([row('c')], 'all', 8), end()], {
      mode: 'Full',
      uid: 'run-x',
      attempt: 2,
    });
    expect(bench.script.asked.at(-1)?.checkpoint).toEqual({ at: 7 });
    expect(taken).toMatchObject({ phase: 'Succeeded', attempt: 2, totals: { fetched: 3, created: 3 } });
    expect(taken.streams?.[0]?.pages).toBe(2);
  });

  test('an unreadable id taints its scope across a takeover', async () => {
    await bench.run([page([row('a'), row('b')]), end()], { mode: 'Full' });
    const stop = new AbortController();
    const crash = () => {
      stop.abort(new RunStop('shutdown', 'gone'));
      throw new Error('gone');
    };
    await expect(
      bench.run([page([{ name: 'no id' }]), crash], { mode: 'Full', uid: 'x', signal: stop.signal }),
    ).rejects.toThrow();
    const status = await bench.run([page([row('a')]), end()], { mode: 'Full', uid: 'x', attempt: 2 });
    expect(status.streams?.[0]?.complete).toBe(false);
    expect(bench.live()).toEqual(['a', 'b']);
  });

  test('a run that has ended answers its archived record and does nothing again', async () => {
    const first = await bench.run([page([row('a')]), end()], { uid: 'once' });
    const second = await bench.run([page([row('b')]), end()], { uid: 'once', attempt: 2 });
    expect(second).toEqual(first);
    expect(bench.live()).toEqual(['a']);
  });
});

describe('mode and source', () => {
  test('without a cursor a run is full; with one it is incremental; a changed reading makes it full again', async () => {
    expect((await bench.run([page([row('a')]), end()])).streams?.[0]?.mode).toBe('Full');
    expect((await bench.run([end('all', 'Window')])).streams?.[0]?.mode).toBe('Incremental');
    expect(bench.script.asked.at(-1)?.cursor).toEqual({ until: 1 });
    bench.script.fingerprint = 'two';
    expect((await bench.run([page([row('a')]), end()])).streams?.[0]?.mode).toBe('Full');
  });

  test('another source under the same name is refused and touches nothing', async () => {
    await bench.run([page([row('a')]), end()]);
    bench.script.source = 'fake https://other.example.com';
    const status = await bench.run([page([]), end()], { mode: 'Full' });
    expect(status).toMatchObject({
      phase: 'Failed',
      failure: { code: 'configuration', audience: 'owner of the ExternalSystem' },
    });
    expect(bench.live()).toEqual(['a']);
  });

  test('mode Test reads and writes no records', async () => {
    const status = await bench.run([page([row('a')]), end()], { mode: 'Test' });
    expect(status).toMatchObject({
      phase: 'Succeeded',
      totals: { fetched: 0 },
      streams: [{ name: 'items', complete: true }],
    });
    expect(bench.live()).toEqual([]);
  });

  test('mode Test tells whose the rows are, and that another source would be refused', async () => {
    const source = ({ checks = [] }: SyncRunStatus) => checks.find(({ name }) => name === 'source');
    expect(source(await bench.run([], { mode: 'Test' }))).toBeUndefined();
    await bench.run([page([row('a')]), end()]);
    expect(source(await bench.run([], { mode: 'Test' }))?.result).toBe('Passed');
    bench.script.source = 'fake https://other.example.com';
    const status = await bench.run([], { mode: 'Test' });
    expect(source(status)).toMatchObject({ result: 'Failed', message: expect.stringContaining('come from') });
    expect(status).toMatchObject({ phase: 'PartiallySucceeded', failure: { code: 'configuration' } });
    expect(bench.live()).toEqual(['a']);
  });

  test('a connection that fails ends the run with its failure', async () => {
    bench.script.connect = new Failure('credentials', 'Secret fake-login: 401');
    const status = await bench.run([]);
    expect(status).toMatchObject({
      phase: 'Failed',
      failure: { code: 'credentials', class: 'policy_violation', audience: 'owner of the Secret' },
    });
  });
});

test('the records of a system form a chain', async () => {
  const first = await bench.run([page([row('a')]), end()]);
  const second = await bench.run([end('all', 'Window')]);
  expect([first.sequence, second.sequence]).toEqual([1, 2]);
  expect(second.previousDigest).toBe(first.digest);
});
