// SPDX-License-Identifier: Apache-2.0
import { Compile } from 'typebox/compile';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SyncRunStatusSchema, type SyncRunStatus } from '../../src/api/sync-run.ts';
import { Failure } from '../../src/connector/failure.ts';
import { end, moreLagMs, page, row, type Event, type Events } from '../kit/fake-connector.ts';
import { SyncBench } from '../kit/sync-bench.ts';

let bench: SyncBench;
beforeEach(async () => {
  bench = await new SyncBench().open();
});
afterEach(() => bench.close());

const ids = (count: number, prefix = 'r') => Array.from({ length: count }, (_, at) => row(`${prefix}${at}`));
const bad = (count: number) => Array.from({ length: count }, (_, at) => ({ id: `r${at}`, name: null }));
const removed = (gone: readonly string[], scope = 'all'): Event => ({
  type: 'page',
  scope,
  rows: [],
  removed: gone,
  checkpoint: { at: 1 },
});
const cursorNow = () => bench.rows("SELECT cursor FROM scopes WHERE scope = 'all'")[0]?.['cursor'];

describe('what the vendor states as removed', () => {
  const gone = Array.from({ length: 20 }, (_, at) => `r${at}`);

  test('waits while the budget is passed, and goes when the owner has raised it', async () => {
    await bench.run([page(ids(50)), end()], { mode: 'Full' });
    const passed = await bench.run([removed(gone), end('all', 'Window', 9)]);
    expect(passed).toMatchObject({ failure: { code: 'deletionBudget' }, streams: [{ withheld: 20 }] });
    bench.spec = { deletion: { budget: { maxPercent: 100 } } };
    const raised = await bench.run([end('all', 'Window', 10)]);
    expect(raised).toMatchObject({ phase: 'Succeeded', totals: { deleted: 20 } });
  });

  test('goes also when the record was last seen in a scope that is not read', async () => {
    await bench.run([page(ids(50)), end()], { mode: 'Full' });
    const status = await bench.run([removed(['r7'], 'deleted objects'), end('deleted objects', 'Window')]);
    expect(status).toMatchObject({ phase: 'Succeeded', totals: { deleted: 1 } });
    expect(bench.live()).not.toContain('r7');
  });

  test('is not forgotten with a pass that was given up', async () => {
    await bench.run([page(ids(50)), end()], { mode: 'Full' });
    const broken: Events = [removed(['r7']), end('all', 'Window', 9), new Failure('unavailable', '503')];
    await bench.run(broken);
    bench.time += 25 * 3_600_000;
    await bench.run([end('all', 'Window', 10)]);
    expect(bench.live()).not.toContain('r7');
  });
});

describe('rows that do not fit', () => {
  test('too many of them keep the cursor where it was, so that none is lost', async () => {
    await bench.run([page(ids(50)), end()], { mode: 'Full' });
    const wrong = await bench.run([page(bad(20)), end('all', 'Window', 99)]);
    expect(wrong).toMatchObject({
      phase: 'Failed',
      failure: {
        code: 'contract',
        message: expect.stringMatching(/20 of 20 rows .* first r0: row\/name must be string/u),
      },
    });
    expect(cursorNow()).toBe('{"until":1}');
    const mended = await bench.run([page(ids(20, 'r')), end('all', 'Window', 99)]);
    expect(mended.phase).toBe('Succeeded');
    expect(cursorNow()).toBe('{"until":99}');
  });

  test('are counted over all runs of a pass', async () => {
    await bench.run([page(ids(100)), end()], { mode: 'Full' });
    let clock = 0;
    const first = [page([...bad(40), ...ids(40, 'x')], 'all', 1), () => (clock = 61_000), page([]), page([])];
    await bench.run(first, { mode: 'Full', monotonicMs: () => clock });
    const second = await bench.run([page(ids(15, 'y')), end()]);
    expect(second).toMatchObject({
      phase: 'Failed',
      failure: { code: 'contract', message: expect.stringContaining('40 of 95 rows') },
      totals: { deleted: 0 },
    });
  });

  test('a few end the run with what they are and where they stand, and complete', async () => {
    const status = await bench.run([page([...ids(30), { id: 'odd', name: 7 }]), end()], { mode: 'Full' });
    expect(status).toMatchObject({
      phase: 'PartiallySucceeded',
      failure: {
        class: 'permanent',
        code: 'contract',
        message:
          'items: 1 of 31 rows was set aside; first odd: row/name must be string; extsys quarantine list shows each with its reason',
      },
      streams: [{ complete: true, failed: 1 }],
    });
  });

  test('do not hide that a budget was passed', async () => {
    await bench.run([page(ids(50)), end()], { mode: 'Full', more: [page(ids(50, 'm')), end()] });
    bench.time += moreLagMs + 1;
    const status = await bench.run([page([...ids(50), { id: 'odd', name: 7 }]), end()], {
      mode: 'Full',
      more: [page(ids(10, 'm')), end()],
    });
    expect(status.failure?.code).toBe('deletionBudget');
  });

  test.each([
    ['a NUL', 'a\u0000b'],
    ['half of a character', 'a\ud83d'],
  ])('%s, which no database text holds, is set aside', async (_what, name) => {
    const status = await bench.run([page([...ids(30), row('odd', name)]), end()], { mode: 'Full' });
    expect(status.totals).toMatchObject({ created: 30, failed: 1 });
    expect(bench.live()).not.toContain('odd');
  });

  test('what only looks like an escape is a text like any other', async () => {
    const name = String.raw`a\u0000 and \ud83d`;
    await bench.run([page([row('plain', name)]), end()], { mode: 'Full' });
    expect(bench.rows('SELECT name FROM assets')).toEqual([{ name }]);
  });

  test.each([[''], ['a\u0000b'], ['a\ud83d']])('an id such as %j is none', async (id) => {
    const status = await bench.run([page([row(id), ...ids(20)]), end()], { mode: 'Full' });
    expect(status.streams?.[0]).toMatchObject({ complete: false, failed: 1, created: 20 });
    expect(status.failure?.message).toContain('no readable id');
  });

  test('of one id in a page the last row counts, good or bad', async () => {
    const twice = [{ id: 'a', name: 7 }, row('a'), row('b'), { id: 'b', name: 7 }];
    const status = await bench.run([page(twice), end()], { mode: 'Full' });
    expect(status.totals).toMatchObject({ fetched: 4, created: 1, failed: 1 });
    expect(bench.live()).toEqual(['a']);
    expect(bench.rows('SELECT external_id FROM quarantine')).toEqual([{ external_id: 'b' }]);
  });
});

describe('a reader that breaks the contract has proven nothing', () => {
  beforeEach(() => bench.run([page(ids(3)), end()], { mode: 'Full' }));

  test.each<[string, Events, RegExp]>([
    ['pages without an end', [page(ids(1))], /the reading of scope all stopped without an end/u],
    ['pages after the end', [page(ids(1)), end(), page([])], /scope all went on after its end/u],
    ['two ends', [page(ids(1)), end(), end()], /scope all went on after its end/u],
    ['nothing at all', [], /nothing was read, not even an empty scope/u],
  ])('%s', async (_what, events, message) => {
    const status = await bench.run(events, { mode: 'Full' });
    expect(status).toMatchObject({ phase: 'Failed', failure: { code: 'contract' } });
    expect(status.failure?.message).toMatch(message);
    expect(bench.live()).toHaveLength(3);
  });
});

test('of several scopes that are not verified the worst failure decides', async () => {
  const unverified = (scope: string, code: Failure['code']): Event => ({
    type: 'unverified',
    scope,
    failure: new Failure(code, `${scope} failed`),
  });
  const status = await bench.run([unverified('one', 'permission'), unverified('two', 'credentials')], {
    mode: 'Full',
    more: [page(ids(1)), end()],
  });
  expect(status).toMatchObject({ phase: 'Failed', failure: { code: 'credentials' } });
  expect(status.streams?.[1]).toMatchObject({ name: 'more', incompleteReason: 'not reached: credentials' });
});

test.each([
  [1, 'one: wrong'],
  [2, 'one: wrong; 1 more scope is not verified either (unverifiedScopes names it)'],
  [3, 'one: wrong; 2 more scopes are not verified either (unverifiedScopes names them)'],
])(
  'of %i scopes that are not verified the failure names the first and counts the others',
  async (count, said) => {
    const scopes = ['one', 'two', 'three'].slice(0, count);
    const status = await bench.run(
      scopes.map((scope) => ({
        type: 'unverified',
        scope,
        failure: new Failure('configuration', `${scope}: wrong`),
      })),
      { mode: 'Full', more: [page(ids(1)), end()] },
    );
    expect(status.failure).toMatchObject({ code: 'configuration', message: said });
    expect(status.unverifiedScopes?.map(({ scope }) => scope)).toEqual(scopes);
  },
);

test('where a failure has no room, the number of other scopes stays', async () => {
  const failure = new Failure('configuration', 'x'.repeat(600));
  const away = (scope: string): Event => ({ type: 'unverified', scope, failure });
  const status = await bench.run([away('one'), away('two')], { mode: 'Full', more: [page(ids(1)), end()] });
  expect(status.failure?.message).toMatch(
    /^x+…?; 1 more scope is not verified either \(unverifiedScopes names it\)$/u,
  );
});

test('a scope that is away says nothing of the other streams', async () => {
  const away: Event = {
    type: 'unverified',
    scope: 'one',
    failure: new Failure('unavailable', 'table one: 500'),
  };
  const status = await bench.run([away, page(ids(2), 'two'), end('two')], {
    mode: 'Full',
    more: [page(ids(1, 'm')), end()],
  });
  expect(status).toMatchObject({
    phase: 'PartiallySucceeded',
    failure: { code: 'unavailable', class: 'transient' },
    streams: [
      { name: 'items', complete: false, fetched: 2 },
      { name: 'more', complete: true, fetched: 1 },
    ],
  });
});

test('a reading that broke off stops the run', async () => {
  const status = await bench.run([page(ids(2)), new Failure('unavailable', '503')], {
    mode: 'Full',
    more: [page(ids(1, 'm')), end()],
  });
  expect(status).toMatchObject({ phase: 'Failed', streams: [{}, { name: 'more', fetched: 0 }] });
});

describe('the texts of a record', () => {
  const statusCheck = Compile(SyncRunStatusSchema);
  const mask = (secret: string) => (text: string) => text.replaceAll(secret, '[redacted]');

  async function failing(message: string, redact = (text: string) => text): Promise<SyncRunStatus> {
    const scope = `scope ${message}`;
    const failure = new Failure('permission', message);
    return bench.run([{ type: 'unverified', scope, failure }], { mode: 'Full', redact });
  }

  test.each([100, 125, 130, 500, 512])(
    'keep nothing of a secret that begins at character %i',
    async (start) => {
      const secret = 'correct-horse-battery-staple-correct-horse-staple';
      const status = await failing(`${'x'.repeat(start)}${secret}`, mask(secret));
      const everything = JSON.stringify([
        status,
        bench.rows('SELECT * FROM runs'),
        bench.rows('SELECT * FROM pass_scopes'),
      ]);
      for (let length = 6; length <= secret.length; length += 1)
        expect(everything).not.toContain(secret.slice(0, length));
    },
  );

  test('fit their schema, though the mask is longer than what it hides', async () => {
    const status = await failing('acme '.repeat(100), mask('acme'));
    expect([...statusCheck.Errors(status)]).toEqual([]);
  });

  test.each([119, 120, 127, 128, 511, 512])('are cut between characters at %i', async (start) => {
    const status = await failing(`${'x'.repeat(start)}🙂🙂🙂🙂${'y'.repeat(600)}`);
    expect(JSON.stringify(status)).not.toMatch(/\\ud/iu);
    expect([...statusCheck.Errors(status)]).toEqual([]);
  });

  test('may hold half a character of the vendor, which is replaced', async () => {
    const status = await failing('broken \ud83d text');
    expect(status.failure?.message).toContain('broken \ufffd text');
  });
});
