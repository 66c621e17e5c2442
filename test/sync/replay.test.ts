// SPDX-License-Identifier: Apache-2.0
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
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(bench.file);
  database.exec(`UPDATE quarantine SET raw = replace(raw, '1.5', '2')`);
  database.close();
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
    const tally = { scopes: [], systemLive: 0, systemRecentlyDeleted: 0 };
    const failure = misread('cis', { ...tally, fetched: 20, setAside: 10, setAsideByMapping: by }, undefined);
    expect(failure?.code).toBe(code);
  },
);

test.each([
  ['the owner, when all misfit the mapping', 2, 'owner of the ExternalSystem'],
  ['the maintainer, when some do not', 1, undefined],
])('a few rows set aside are for %s', (_, by, audience) => {
  const tally = { scopes: [], systemLive: 0, systemRecentlyDeleted: 0, fetched: 20, setAside: 2 };
  const failure = fewSetAside('cis', { ...tally, setAsideByMapping: by }, undefined);
  expect(failure).toMatchObject({ code: 'contract', audience });
});
