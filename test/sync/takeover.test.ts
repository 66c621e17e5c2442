// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Failure } from '../../src/connector/failure.ts';
import { FenceLost, type Store } from '../../src/store/port.ts';
import { RunStop } from '../../src/sync/control.ts';
import { end, page, row, type Event, type Events, type Request } from '../kit/fake-connector.ts';
import { SyncBench } from '../kit/sync-bench.ts';

let bench: SyncBench;
beforeEach(async () => {
  bench = await new SyncBench().open();
});
afterEach(() => bench.close());

const ids = (count: number, prefix = 'r') => Array.from({ length: count }, (_, at) => row(`${prefix}${at}`));

/** Events after which the given stop comes from outside. */
function stoppedAfter(events: readonly Event[], kind: RunStop['kind'], message = 'stopped') {
  const stop = new AbortController();
  const abort = () => {
    stop.abort(new RunStop(kind, message));
    throw new Failure('cancelled', 'the request was aborted');
  };
  return { events: [...events, abort], signal: stop.signal };
}

describe('the record has what the database counted', () => {
  test('of a run that was cancelled in the middle of a stream', async () => {
    const { events, signal } = stoppedAfter([page(ids(4)), page(ids(2, 'x'))], 'cancelled', 'by annotation');
    const status = await bench.run(events, { mode: 'Full', signal });
    expect(status).toMatchObject({
      phase: 'Cancelled',
      failure: { code: 'cancelled', message: 'by annotation; the next run goes on from the checkpoint' },
      totals: { fetched: 6, created: 6 },
      streams: [{ name: 'items', mode: 'Full', complete: false, pages: 2, fetched: 6 }],
    });
  });

  test('of a run that was taken over and then could not log in', async () => {
    const { events, signal } = stoppedAfter([page(ids(5))], 'shutdown');
    await expect(bench.run(events, { uid: 'x', signal })).rejects.toThrow('stopped');
    bench.script.connect = new Failure('credentials', 'Secret fake-login: 401');
    const status = await bench.run([], { uid: 'x', attempt: 2 });
    expect(status).toMatchObject({
      phase: 'Failed',
      failure: { code: 'credentials' },
      totals: { created: 5 },
      streams: [{ name: 'items', fetched: 5, complete: false, incompleteReason: 'not reached: credentials' }],
    });
  });

  test('of the streams that an earlier attempt brought to their end, which are not read again', async () => {
    const first = [page(ids(3)), end()];
    const { events, signal } = stoppedAfter([page(ids(2, 'm'))], 'shutdown');
    await expect(bench.run(first, { mode: 'Full', uid: 'x', more: events, signal })).rejects.toThrow();
    const status = await bench.run([new Error('must not be read again')], {
      mode: 'Full',
      uid: 'x',
      attempt: 2,
      more: [page(ids(1, 'n')), end()],
    });
    expect(status).toMatchObject({ phase: 'Succeeded', totals: { fetched: 6, created: 6 } });
    expect(status.streams).toMatchObject([
      { name: 'items', mode: 'Full', complete: true, fetched: 3, scopesVerified: 1 },
      { name: 'more', mode: 'Full', complete: true, fetched: 3 },
    ]);
    expect((await bench.store.history('inventory/fake', 'system-uid')).lastFullAt).toBeDefined();
  });
});

describe('a first load that takes several runs', () => {
  /** A reader of so many pages, each of which takes two minutes of the bench's clock. */
  function slowly(prefix: string, pages: number): Events {
    return async function* read(request: Request) {
      if (request.cursor('all') !== undefined) {
        yield end('all', 'Window', 2);
        return;
      }
      for (let at = request.checkpoint('all')?.at ?? 0; at < pages; at += 1) {
        bench.time += 120_000;
        yield page([row(`${prefix}${at}`)], 'all', at + 1);
      }
      yield end();
    };
  }

  test('completes, though one stream alone fills a run', async () => {
    const phases: string[] = [];
    const modes: string[] = [];
    for (let run = 0; run < 20 && phases.at(-1) !== 'Succeeded'; run += 1) {
      const startedMs = bench.time;
      const { lastFullAt } = await bench.store.history('inventory/fake', 'system-uid');
      const status = await bench.run(slowly('one', 10), {
        mode: lastFullAt === undefined ? 'Full' : 'Incremental',
        trigger: 'Schedule',
        more: slowly('two', 40),
        monotonicMs: () => bench.time - startedMs,
        limits: { softMs: 25 * 60_000, hardMs: 24 * 3_600_000 },
      });
      phases.push(status.phase ?? '');
      modes.push(status.streams?.map(({ mode }) => mode).join(' ') ?? '');
      bench.time += 60_000;
    }
    expect(phases).toEqual(['Cancelled', 'Cancelled', 'Cancelled', 'Cancelled', 'Succeeded']);
    expect(modes).toEqual(['Full Full', ...Array.from({ length: 4 }, () => 'Incremental Full')]);
    expect(bench.live()).toHaveLength(50);
    const { lastFullAt } = await bench.store.history('inventory/fake', 'system-uid');
    expect(lastFullAt, 'the start of the pass that finished first').toEqual(new Date('2026-03-01T10:00:00Z'));
  });

  test('in full means everything when a person asks for it', async () => {
    await bench.run([page(ids(2)), end()], { mode: 'Full', trigger: 'Schedule' });
    bench.time += 60_000;
    const again = await bench.run([page(ids(2)), end()], { mode: 'Full' });
    expect(again.streams?.[0]?.mode).toBe('Full');
    bench.time += 60_000;
    const scheduled = await bench.run([end('all', 'Window')], { mode: 'Full', trigger: 'Schedule' });
    expect(scheduled.streams?.[0]?.mode).toBe('Incremental');
  });
});

describe('a pass that goes on in a later run', () => {
  /** Reads what a scope holds: all of it, or with a cursor only what is in the window. */
  function* scope(request: Request, name: string, all: readonly string[], window: readonly string[] = []) {
    const whole = request.cursor(name) === undefined;
    yield page(
      (whole ? all : window).map((id) => row(id)),
      name,
    );
    yield end(name, whole ? 'Full' : 'Window', 5);
  }

  test('catches up the scopes that had ended, so that a record which moved into one lives', async () => {
    await bench.run(
      async function* read(request) {
        yield* scope(request, 'one', ['a']);
        yield* scope(request, 'two', ['m', 'z']);
      },
      { mode: 'Full' },
    );
    bench.time += 24 * 3_600_000;
    let clock = 0;
    const stopped = await bench.run(
      async function* read(request) {
        yield* scope(request, 'one', ['a']);
        yield page([row('z')], 'two', 1);
        clock = 61_000;
        yield page([], 'two', 2);
      },
      { mode: 'Full', monotonicMs: () => clock },
    );
    expect(stopped.phase).toBe('Cancelled');
    bench.time += 3_600_000;
    const status = await bench.run(async function* read(request) {
      expect(request.checkpoint('two')).toEqual({ at: 1 });
      yield* scope(request, 'one', [], ['m']);
      yield end('two');
    });
    expect(status).toMatchObject({ phase: 'Succeeded', totals: { deleted: 0 }, streams: [{ mode: 'Full' }] });
    expect(bench.live()).toEqual(['a', 'm', 'z']);
  });

  test('lets absence wait for a scope that cannot be caught up', async () => {
    const whole: Events = [page(ids(1, 'a'), 'one'), end('one'), page(ids(2, 'b'), 'two'), end('two')];
    await bench.run(whole, { mode: 'Full' });
    const withoutCursor: Event = { type: 'end', scope: 'one', coverage: 'Full', evidence: {} };
    const { events, signal } = stoppedAfter([page(ids(1, 'a'), 'one'), withoutCursor], 'cancelled');
    await bench.run(events, { mode: 'Full', signal });
    const status = await bench.run(
      async function* read(request) {
        expect(request.ended('one')).toBe(true);
        yield page(ids(1, 'b'), 'two');
        yield end('two');
      },
      { mode: 'Full' },
    );
    expect(status.streams?.[0]).toMatchObject({ complete: true, deleted: 0, withheld: 1 });
    expect(bench.live()).toEqual(['a0', 'b0', 'b1']);
  });

  test('does not freeze the scopes that were read while another one fails', async () => {
    let version = 0;
    for (; version < 4; version += 1) {
      await bench.run(async function* read(request) {
        yield page([row('a', `version ${version}`)], 'one');
        yield end('one', request.cursor('one') === undefined ? 'Full' : 'Window');
        throw new Failure('unavailable', 'table two: 504');
      });
      bench.time += 15 * 60_000;
    }
    expect(bench.rows('SELECT name FROM assets')).toEqual([{ name: 'version 3' }]);
  });
});

describe('the time limits', () => {
  test('a run that has nothing left to read but the end is not stopped by its soft limit', async () => {
    let clock = 0;
    const events = [page(ids(1)), () => (clock = 61_000), end()];
    const status = await bench.run(events, { mode: 'Full', monotonicMs: () => clock });
    expect(status.phase).toBe('Succeeded');
  });

  test('many scopes without a page are stopped too', async () => {
    let clock = 0;
    const events = [end('one'), () => (clock = 61_000), end('two'), end('three')];
    const status = await bench.run(events, { mode: 'Full', monotonicMs: () => clock });
    expect(status).toMatchObject({ phase: 'Cancelled', streams: [{ scopesTotal: 1, complete: false }] });
  });

  test('the hard limit ends a run whose reader does not obey the signal', async () => {
    const status = await bench.run(
      async function* read() {
        yield page(ids(1));
        await new Promise(() => undefined);
      },
      { mode: 'Full', limits: { softMs: 1_000, hardMs: 30 } },
    );
    expect(status).toMatchObject({
      phase: 'Cancelled',
      failure: { message: expect.stringContaining('the hard time limit of 0.03 s was reached') },
      totals: { created: 1 },
    });
  });
});

test('a run that lost its hold does not wait for the page that is under way', async () => {
  const lost = (store: Store) => ({
    ...store,
    writePage: () => Promise.reject(new FenceLost('inventory/fake')),
  });
  const run = bench.run(
    async function* read() {
      yield page(ids(1));
      await new Promise(() => undefined);
    },
    { store: lost },
  );
  await expect(run).rejects.toThrow(FenceLost);
  expect(await bench.store.archivedRun('run-1')).toBeUndefined();
});

test('shutdown during mode Test leaves the run open', async () => {
  const stop = new AbortController();
  bench.script.test = async () => {
    stop.abort(new RunStop('shutdown', 'shutting down'));
    throw new Failure('cancelled', 'the request was aborted');
  };
  await expect(bench.run([], { mode: 'Test', signal: stop.signal })).rejects.toThrow('shutting down');
  expect(await bench.store.archivedRun('run-1')).toBeUndefined();
});
