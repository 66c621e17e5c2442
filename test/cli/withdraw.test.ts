// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { adoptCommand } from '../../src/cli/adopt.ts';
import { CommandFailed } from '../../src/cli/command.ts';
import { InputError } from '../../src/cli/manifests.ts';
import { purgeCommand } from '../../src/cli/purge.ts';
import { FenceLost } from '../../src/store/port.ts';
import { sqliteStore } from '../../src/store/sqlite/index.ts';
import { startServiceNow } from '../simulators/servicenow/index.ts';
import { claimOf } from '../contract/contract-bench.ts';
import { call, CliBench, password } from './cli-bench.ts';

const bench = new CliBench();
const both = ['cmdb_ci_linux_server', 'cmdb_ci_win_server'];
const linux = ['cmdb_ci_linux_server'];

const number = (sql: string) => Number(bench.rows(`SELECT count(*) AS n FROM ${sql}`)[0]?.['n']);
const purge = (...args: string[]) => call(purgeCommand, ['inventory/cmdb', '--store', bench.store, ...args]);
const adopt = (...args: string[]) => call(adoptCommand, ['inventory/cmdb', '--store', bench.store, ...args]);
const actions = () => bench.rows('SELECT kind, actor, noted_in FROM actions ORDER BY id');

test('a class that is taken from the list has its rows withdrawn, and back when it is listed again', async () => {
  await bench.sync(bench.manifests({ classes: both }));
  const windows = number("assets WHERE class = 'cmdb_ci_win_server'");
  expect(windows).toBeGreaterThan(0);
  const narrowed = await bench.sync(bench.manifests({ classes: linux }));
  expect(narrowed.run.status).toMatchObject({
    phase: 'Succeeded',
    streams: [{ name: 'cis', mode: 'Full', deleted: 0, withdrawn: windows }],
  });
  expect(number('current_assets')).toBe(60 - windows);
  expect(number('assets WHERE deleted_at IS NOT NULL')).toBe(0);
  expect(
    bench.rows('SELECT DISTINCT withdrawn_reason AS why FROM assets WHERE withdrawn_at IS NOT NULL'),
  ).toEqual([{ why: 'scope cmdb_ci_win_server is no longer read' }]);
  const widened = await bench.sync(bench.manifests({ classes: both }));
  expect(widened.run.status?.streams).toMatchObject([{ mode: 'Full', updated: windows, deleted: 0 }]);
  expect(number('current_assets')).toBe(60);
});

test('a listed class above takes the rows of those below it along, and what is deleted then is deleted', async () => {
  await bench.sync(bench.manifests({ classes: both }));
  const { run } = await bench.sync(bench.manifests({ classes: ['cmdb_ci_server'] }));
  expect(run.status?.streams?.[0]?.withdrawn).toBeUndefined();
  const [first] = bench.rows("SELECT external_id FROM assets WHERE class = 'cmdb_ci_linux_server' LIMIT 1");
  bench.instance.removeUnaudited('cmdb_ci_linux_server', String(first?.['external_id']));
  const after = await bench.sync(bench.manifests({ classes: ['cmdb_ci_server'] }), '--mode', 'Full');
  expect(after.run.status?.totals).toMatchObject({ deleted: 1 });
  expect(number('assets WHERE withdrawn_at IS NOT NULL')).toBe(0);
});

test('a narrower query withdraws what it leaves out', async () => {
  await bench.sync(bench.manifests());
  const { run } = await bench.sync(bench.manifests({ query: 'sys_class_name=cmdb_ci_linux_server' }));
  const left = number("assets WHERE class <> 'cmdb_ci_linux_server'");
  expect(run.status?.streams).toMatchObject([{ withdrawn: left, deleted: 0 }]);
});

test('a stream that is switched off is withdrawn, its run succeeds, and it is read in full when it is back', async () => {
  await bench.sync(bench.manifests({ users: true }));
  const users = number('users');
  expect(users).toBeGreaterThan(0);
  const off = await bench.sync(bench.manifests());
  expect(off.run.status).toMatchObject({
    phase: 'Succeeded',
    streams: [{ name: 'cis' }, { name: 'users', complete: true, fetched: 0, withdrawn: users }],
  });
  expect(number('current_users')).toBe(0);
  expect((await bench.sync(bench.manifests())).run.status?.streams).toHaveLength(1);
  const back = await bench.sync(bench.manifests({ users: true }));
  expect(back.run.status?.streams?.[1]).toMatchObject({ name: 'users', mode: 'Full', updated: users });
  expect(number('current_users')).toBe(users);
});

test('a class that cannot be read, beside one that was taken away, keeps all rows where they are', async () => {
  await bench.sync(bench.manifests({ classes: both, users: true }));
  bench.instance.forbidden.add('cmdb_ci_linux_server');
  const { run } = await bench.sync(bench.manifests({ classes: linux }));
  expect(run.status?.streams).toMatchObject([{ name: 'cis', complete: false }]);
  expect(number('assets WHERE withdrawn_at IS NOT NULL')).toBe(0);
  expect(number('users WHERE withdrawn_at IS NOT NULL')).toBe(0);
});

test('a purge says what it will erase, asks, erases the withdrawn rows, and is named in the next record', async () => {
  await bench.sync(bench.manifests({ classes: both }));
  await bench.sync(bench.manifests({ classes: linux }));
  const windows = number('assets WHERE withdrawn_at IS NOT NULL');
  await expect(purge()).rejects.toThrow(/standard input is no terminal; give --yes/u);
  expect(actions()).toEqual([]);
  const { code, out, err } = await purge('--yes', '--output', 'json');
  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual([{ stream: 'cis', record: 'Asset', erased: windows }]);
  expect(err).toContain(`cis: ${windows} withdrawn rows (${60 - windows} live and 0 deleted ones stay)`);
  expect(number('assets')).toBe(60 - windows);
  expect(number('sightings')).toBe(60 - windows);
  expect(number('runs')).toBe(2);
  expect(actions().map(({ kind }) => kind)).toEqual(['purge-begun', 'purge-ended']);
  expect(String(actions()[0]?.['actor'])).toMatch(/^[^@]+@.+/u);
  const { run } = await bench.sync(bench.manifests({ classes: linux }));
  expect(run.status?.actions).toMatchObject([{ kind: 'purge-begun' }, { kind: 'purge-ended' }]);
  expect(actions().map(({ noted_in }) => noted_in)).toEqual([run.metadata.uid, run.metadata.uid]);
  expect((await purge()).err).toContain('has no withdrawn rows; nothing was done');
});

test('an instance at another address is refused with both remedies, until its rows are adopted', async () => {
  await bench.sync(bench.manifests());
  const moved = await startServiceNow({
    ...{ seed: 1, counts: { servers: 60 }, basic: { username: 'reader', password } },
  });
  try {
    const manifests = bench.manifests({ url: moved.url });
    const [before, after] = [bench.instance.url, moved.url].map((url) => `serviceNowCmdb ${url}/`);
    const refused = await bench.sync(manifests);
    expect(refused.run.status?.failure).toMatchObject({
      code: 'configuration',
      audience: 'owner of the ExternalSystem',
      message: expect.stringContaining(
        `come from ${before}, not from ${after}; if it is the same data under a new address: extsys adopt inventory/cmdb --source '${after}' --store URL`,
      ) as string,
    });
    expect(refused.run.status?.failure?.message).toContain('extsys purge inventory/cmdb --all');
    const done = await adopt('--source', after ?? '', '--yes');
    expect(done.out).toBe(
      `inventory/cmdb: 60 rows adopted from ${before} to ${after}; the next run is full\n`,
    );
    expect((await adopt('--source', after ?? '')).out).toContain('already; nothing was done');
    const { run } = await bench.sync(manifests);
    expect(run.status).toMatchObject({
      phase: 'Succeeded',
      streams: [{ mode: 'Full', unchanged: 60, deleted: 0 }],
      actions: [{ kind: 'adopt' }],
    });
  } finally {
    await moved.stop();
  }
});

test('a purge of all lets another instance take the name', async () => {
  await bench.sync(bench.manifests({ users: true }));
  const other = await startServiceNow({
    ...{ seed: 2, counts: { servers: 5 }, basic: { username: 'reader', password } },
  });
  try {
    const { code, err } = await purge('--all', '--yes');
    expect(code).toBe(0);
    expect(err).toContain('cis: 60 live, 0 withdrawn and 0 deleted rows, 0 set aside, all cursors');
    const { run } = await bench.sync(bench.manifests({ url: other.url }));
    expect(run.status).toMatchObject({ phase: 'Succeeded', totals: { created: 5 }, sequence: 2 });
  } finally {
    await other.stop();
  }
});

test('a run that is under way is not interleaved with; one whose process is gone may be taken over', async () => {
  await bench.sync(bench.manifests());
  const store = sqliteStore(`${bench.folder}/inventory.db`);
  await store.open();
  await store.claim(claimOf(randomUUID(), { runName: 'killed', worker: 'cli-1' }));
  const busy =
    /run killed of inventory\/cmdb is under way \(worker cli-1\); wait for its end, or stop its process; if that is gone, give --take-over, or run extsys sync of the same file, which takes its place$/u;
  await expect(purge('--all', '--yes')).rejects.toThrow(busy);
  await expect(adopt('--source', 'serviceNowCmdb https://other.example.com/', '--yes')).rejects.toThrow(busy);
  await expect(purge('--all', '--yes')).rejects.toThrow(CommandFailed);
  expect((await purge('--all', '--yes', '--take-over')).code).toBe(0);
  expect((await store.openRuns()).length).toBe(0);
  await store.close();
  expect(bench.rows("SELECT phase, json FROM runs WHERE run_name = 'killed'")).toMatchObject([
    { phase: 'Cancelled', json: expect.stringContaining('extsys purge has taken the system') as string },
  ]);
});

test('the rows of a run whose process is gone are adopted with --take-over, and it writes nothing more', async () => {
  await bench.sync(bench.manifests());
  const store = sqliteStore(`${bench.folder}/inventory.db`);
  await store.open();
  const hold = await store.claim(claimOf(randomUUID(), { runName: 'killed', worker: 'cli-1' }));
  const other = 'serviceNowCmdb https://other.example.com/';
  const done = await adopt('--source', other, '--yes', '--take-over');
  expect(done.out).toContain(`60 rows adopted from serviceNowCmdb ${bench.instance.url}/ to ${other}`);
  await expect(store.withdrawStreams(hold, [], new Date())).rejects.toThrow(FenceLost);
  await store.close();
  expect(bench.rows("SELECT phase, json FROM runs WHERE run_name = 'killed'")).toMatchObject([
    { phase: 'Cancelled', json: expect.stringContaining('extsys adopt has taken the system') as string },
  ]);
  expect(bench.rows('SELECT fence_run_uid FROM systems')).toEqual([{ fence_run_uid: null }]);
});

test('a run of an operator is waited for, or cancelled, or taken over', async () => {
  await bench.sync(bench.manifests());
  const store = sqliteStore(`${bench.folder}/inventory.db`);
  await store.open();
  await store.claim(claimOf(randomUUID(), { runName: 'cmdb-1', worker: 'operator-0' }));
  await expect(purge('--all', '--yes')).rejects.toThrow(
    /\(worker operator-0\); wait for its end, or cancel it; if its process is gone, give --take-over$/u,
  );
  await store.close();
});

test('a purge that a run takes the system from says what it erased, and can be run again', async () => {
  await bench.sync(bench.manifests());
  const steal =
    "CREATE TRIGGER steal AFTER DELETE ON assets BEGIN UPDATE systems SET fence_run_uid = 'other'; END";
  const connection = new DatabaseSync(`${bench.folder}/inventory.db`);
  connection.exec(steal);
  await expect(purge('--all', '--yes')).rejects.toThrow(
    /has taken inventory\/cmdb; 60 rows were erased; run the purge again when it has ended/u,
  );
  connection.exec('DROP TRIGGER steal');
  connection.close();
  expect(actions().map(({ kind }) => kind)).toEqual(['purge-begun']);
  expect((await purge('--all', '--yes')).code).toBe(0);
  expect(number('streams')).toBe(0);
});

test.each([
  [[], /give one system as NAMESPACE\/NAME/u, InputError],
  [['cmdb'], /cmdb: give the system as NAMESPACE\/NAME/u, InputError],
  [['inventory/cmbd'], /has no system inventory\/cmbd; it has inventory\/cmdb/u, CommandFailed],
  [['inventory/cmdb', '--stream', 'user'], /--stream user: inventory\/cmdb has cis/u, InputError],
  [['inventory/cmdb', '--all', '--withdrawn'], /exclude each other/u, InputError],
] as const)('purge %j is refused with what to write', async (args, message, kind) => {
  await bench.sync(bench.manifests());
  const refused = call(purgeCommand, [...args, '--store', bench.store]);
  await expect(refused).rejects.toThrow(message);
  await expect(refused).rejects.toBeInstanceOf(kind);
});

test('a file that is not there is refused, and not made', async () => {
  await expect(purge()).rejects.toThrow(/inventory\.db: there is no such file/u);
  expect(existsSync(`${bench.folder}/inventory.db`)).toBe(false);
});

test.each([
  [[], /--source is missing/u],
  [
    ['--source', 'https://example.com/'],
    /give 'CONNECTOR ADDRESS', with one of the connectors serviceNowCmdb/u,
  ],
] as const)('adopt %j is refused with what to write', async (args, message) => {
  await bench.sync(bench.manifests());
  await expect(adopt(...args)).rejects.toThrow(message);
});
