// SPDX-License-Identifier: Apache-2.0
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Failure } from '../../src/connector/failure.ts';
import { fewSetAside, misread } from '../../src/sync/set-aside.ts';
import { end, page, row } from '../kit/fake-connector.ts';
import { SyncBench } from '../kit/sync-bench.ts';

let bench: SyncBench;
beforeEach(async () => {
  bench = await new SyncBench().open();
});
afterEach(() => bench.close());

function change(sql: string): void {
  const database = new DatabaseSync(bench.file);
  database.exec(sql);
  database.close();
}

/** Sets two good rows aside: their size is no integer, until the kept text is mended by hand. */
async function setAside() {
  await bench.run([page([row('a')]), end()], { mode: 'Full' });
  await bench.run([page([{ ...row('a', 'newer'), size: 1.5 }]), end()], { mode: 'Full' });
  expect(await bench.store.quarantinedRows({ limit: 5 })).toMatchObject([{ externalId: 'a', path: '/size' }]);
}

test('a row that still does not fit stays, with the reading that it failed with last', async () => {
  await setAside();
  bench.script.fingerprint = 'two';
  await bench.run([new Failure('unavailable', 'down')]);
  const [kept] = await bench.store.quarantinedRows({ limit: 5 });
  expect(kept).toMatchObject({ externalId: 'a', times: 1 });
  expect(kept?.revision).toMatch(/^two /u);
});

test('a row is read again when the reading has changed, also when the upstream is away', async () => {
  await setAside();
  change(`UPDATE quarantine SET raw = replace(raw, '1.5', '2')`);
  await bench.run([new Failure('unavailable', 'down')]);
  expect(await bench.store.quarantinedRows({ limit: 5 })).toHaveLength(1);
  bench.script.fingerprint = 'two';
  const status = await bench.run([new Failure('unavailable', 'down')]);
  expect(status.totals).toMatchObject({ updated: 1, fetched: 0 });
  expect(bench.rows('SELECT name, quarantined_at FROM assets')).toEqual([
    { name: 'newer', quarantined_at: null },
  ]);
  expect(await bench.store.quarantinedRows({ limit: 5 })).toEqual([]);
});

test('a kept text that is no JSON says so, and holds up neither the other rows nor the stream', async () => {
  const broken = ['a', 'b'].map((id) => ({ ...row(id), size: 1.5 }));
  await bench.run([page(broken), end()], { mode: 'Full' });
  change(
    `UPDATE quarantine SET raw = CASE external_id WHEN 'a' THEN '{"hunter' ELSE '{"id":"b","name":"b"}' END`,
  );
  bench.script.fingerprint = 'two';
  const status = await bench.run([page([row('c')]), end()]);
  expect(status.totals).toMatchObject({ created: 2, fetched: 1 });
  expect(await bench.store.quarantinedRows({ limit: 5 })).toMatchObject([
    { externalId: 'a', reason: 'the kept text is no JSON', unreplayable: 'the kept text is no JSON' },
  ]);
});

test('a kept row whose reading breaks says so, and holds up neither the other rows nor the stream', async () => {
  const broken = ['a', 'b'].map((id) => ({ ...row(id), size: 1.5 }));
  await bench.run([page(broken), end()], { mode: 'Full' });
  change(
    `UPDATE quarantine SET raw = replace(raw, '"size":1.5', CASE external_id WHEN 'a' THEN '"breaks":true' ELSE '"size":2' END)`,
  );
  bench.script.fingerprint = 'two';
  await bench.run([new Failure('unavailable', 'down')]);
  expect(bench.live()).toEqual(['b']);
  expect(await bench.store.quarantinedRows({ limit: 5 })).toMatchObject([
    { externalId: 'a', unreplayable: 'reading it again failed with RangeError' },
  ]);
});

test('rows that did not come again for as long as the retention says go at the end of a run', async () => {
  const windowed = (rows: readonly object[]) => [page(rows), end('all', 'Window')];
  await bench.run([page([row('a')]), end()], { mode: 'Full' });
  await bench.run(windowed([{ ...row('b'), size: 1.5 }]));
  const later = async (hours: number) => {
    bench.time += hours * 3_600_000;
    await bench.run(windowed([]));
    return (await bench.store.quarantinedRows({ limit: 5 })).length;
  };
  bench.spec = { retention: { quarantine: '48h' } };
  expect(await later(47)).toBe(1);
  expect(await later(2)).toBe(0);
  bench.spec = {};
  await bench.run(windowed([{ ...row('b'), size: 1.5 }]));
  expect(await later(719)).toBe(1);
  expect(await later(2)).toBe(0);
});

test('a value that the schema does not know never reaches the database file, and its row is not replayed', async () => {
  await bench.run([page([{ id: 'a', name: 7, api_key: 'canary-4711' }]), end()], { mode: 'Full' });
  const [kept] = await bench.store.quarantinedRows({ limit: 5 });
  expect(kept?.raw).toBe('{"id":"a","name":7,"api_key":"(text of 11 characters)"}');
  expect(kept?.unreplayable).toContain('taken out');
});

test.each([
  ['configuration', 10],
  ['contract', 3],
])(
  'a pass of which too much was set aside is a failure of %s when %i of 10 rows misfit the mapping',
  (code, by) => {
    const tally = { mode: 'Full' as const, scopes: [], systemLive: 0, systemRecentlyDeleted: 0 };
    const failure = misread('cis', { ...tally, fetched: 20, setAside: 10, setAsideByMapping: by }, undefined);
    expect(failure?.code).toBe(code);
  },
);

test.each([
  ['the owner, when all misfit the mapping', 2, 'owner of the ExternalSystem'],
  ['the maintainer, when some do not', 1, undefined],
])('a few rows set aside are for %s', (_, by, audience) => {
  const tally = {
    mode: 'Full' as const,
    scopes: [],
    systemLive: 0,
    systemRecentlyDeleted: 0,
    fetched: 20,
    setAside: 2,
  };
  const failure = fewSetAside('cis', { ...tally, setAsideByMapping: by }, undefined);
  expect(failure).toMatchObject({ code: 'contract', audience });
});
