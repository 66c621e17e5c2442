// SPDX-License-Identifier: Apache-2.0
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { CommandFailed } from '../../src/cli/command.ts';
import { InputError } from '../../src/cli/manifests.ts';
import { quarantineCommand } from '../../src/cli/quarantine.ts';
import { exchange, idOf, link, recordedItem, serve } from '../simulators/recorded.ts';
import { bytesOf, canariesIn, canaryRow, plantCanaries } from '../kit/canaries.ts';
import { call, CliBench, password } from './cli-bench.ts';

const bench = new CliBench();
const misfit = () => bench.manifests({}, { mapping: { cis: { memoryMb: { from: 'ram' } } } });
const quarantine = (...args: string[]) => call(quarantineCommand.run, [...args, '--store', bench.store]);

test('a row that the mapping does not fit is listed, shown, and replayed with the mended mapping', async () => {
  await bench.sync(misfit());
  const listed = await quarantine('list', '-o', 'json', '--system', 'inventory/cmdb', '--stream', 'cis');
  const [row] = JSON.parse(listed.out) as { id: number; externalId: string; path: string; replay: string }[];
  expect(row).toMatchObject({
    path: 'spec.mapping.cis.memoryMb',
    times: 1,
    replay: 'when the mapping or configuration changes',
  });
  const table = await quarantine('list', '--reason', 'NO WHOLE');
  expect(table.out).toMatch(/^ID +SYSTEM +STREAM/u);
  expect(table.out).toContain(row?.externalId);
  const shown = await quarantine('show', String(row?.id));
  expect(shown.out).toContain(`"sys_id"`);
  expect(`${listed.out}${table.out}${shown.out}`).not.toContain(password);

  const again = await call(
    quarantineCommand.run,
    ['replay', '-f', '-', '--store', bench.store, '-o', 'json'],
    bench.manifests(),
  );
  expect(again.code).toBe(0);
  expect(JSON.parse((await quarantine('list', '-o', 'json')).out)).toEqual([]);
  expect(bench.rows('SELECT count(*) AS n FROM assets WHERE quarantined_at IS NULL')).toEqual([{ n: 60 }]);
  await expect(quarantine('show', String(row?.id))).rejects.toThrow(CommandFailed);
});

test('a later run tells of rows that earlier ones set aside', async () => {
  const first = await bench.sync(misfit());
  expect(first.err).not.toContain('from earlier runs');
  const second = await bench.sync(misfit());
  expect(second.err).toContain(
    `warning: 1 row that does not fit is set aside, from earlier runs too; extsys quarantine list --system inventory/cmdb --store '${bench.store}'`,
  );
  expect((await bench.sync(bench.manifests())).err).not.toContain('set aside');
});

test('a replay stores what fits now also where the pass that follows can read nothing', async () => {
  await bench.sync(misfit());
  const [before] = bench.rows('SELECT count(*) AS n FROM assets');
  const [kept] = bench.rows('SELECT external_id FROM quarantine');
  for (const table of ['cmdb_ci_server', 'cmdb_ci_linux_server', 'cmdb_ci_win_server'])
    bench.instance.forbidden.add(table);
  const replay = await call(
    quarantineCommand.run,
    ['replay', '-f', '-', '--store', bench.store, '-o', 'json'],
    bench.manifests(),
  );
  expect(JSON.parse(replay.out)).toMatchObject({ status: { totals: { created: 1, fetched: 0 } } });
  expect(JSON.parse((await quarantine('list', '-o', 'json')).out)).toEqual([]);
  expect(bench.rows('SELECT count(*) AS n FROM assets')).toEqual([{ n: Number(before?.['n']) + 1 }]);
  expect(
    bench.rows(`SELECT external_id FROM assets WHERE external_id = '${String(kept?.['external_id'])}'`),
  ).toEqual([kept]);
});

test('a replayed row comes out as a reading would give it, by the classes of the instance', async () => {
  const robots = Array.from({ length: 20 }, (_, number) => recordedItem(number, 'u_robot'));
  await using served = await serve([
    exchange('table/sys_db_object', [
      {
        name: 'u_robot',
        label: 'Robot',
        super_class: link('sys_db_object', idOf('db', 1)),
        sys_id: idOf('db', 2),
      },
      { name: 'cmdb_ci_server', label: 'Server', sys_id: idOf('db', 1) },
    ]),
    exchange('table/u_robot', robots),
  ]);
  const login = { username: 'reader', password: 'secret-of-reader' };
  const manifests = (mapping: object) =>
    bench.manifests({ url: served.instance.url, classes: ['u_robot'] }, { mapping: { cis: mapping } }, login);
  const read = await bench.sync(manifests({ serialNumber: { constant: 'A' } }));
  expect(read.run.status).toMatchObject({ phase: 'Succeeded', totals: { created: 20 } });
  const kinds = () =>
    bench.rows('SELECT type, class_label, quarantined_at, count(*) AS n FROM assets GROUP BY 1, 2, 3');
  const asRead = kinds();
  expect(asRead).toEqual([{ type: 'server', class_label: 'Robot', quarantined_at: null, n: 20 }]);
  await bench.sync(manifests({ cpuCount: { from: 'name' } }));
  expect(kinds()).toEqual([{ ...asRead[0], quarantined_at: expect.any(String) }]);

  served.instance.forbidden.add('u_robot');
  const { run } = await bench.sync(manifests({ serialNumber: { from: 'name' } }));
  expect(run.status?.totals).toMatchObject({ fetched: 0, updated: 20, unchanged: 0 });
  expect(kinds()).toEqual(asRead);
});

test('what the rows are read by cannot be had: they wait', async () => {
  await bench.sync(misfit());
  bench.instance.forbidden.add('sys_db_object');
  await bench.sync(bench.manifests());
  expect(bench.rows('SELECT count(*) AS n FROM quarantine')).toEqual([{ n: 1 }]);
  bench.instance.forbidden.clear();
  await bench.sync(bench.manifests());
  expect(bench.rows('SELECT count(*) AS n FROM quarantine')).toEqual([{ n: 0 }]);
});

test('secrets in rows that are set aside stand neither in the database file nor in what a command prints', async () => {
  plantCanaries(bench.instance);
  const synced = await bench.sync(bench.manifests());
  const listed = await quarantine('list', '-o', 'json');
  const [row] = JSON.parse(listed.out) as { id: number; externalId: string }[];
  expect(row?.externalId).toBe(canaryRow);
  const shown = await quarantine('show', String(row?.id), '-o', 'json');
  const table = await quarantine('show', String(row?.id));
  expect(shown.out).toContain('(text of');
  const said = [synced, listed, shown, table].flatMap(({ out, err }) => [out, err]);
  expect(canariesIn(...said, bytesOf(bench.folder))).toEqual([]);
});

test('a system or stream that there is not is refused with those that there are', async () => {
  await bench.sync(misfit());
  const refused = async (said: string, ...args: string[]) => {
    const list = quarantine('list', ...args);
    await expect(list).rejects.toThrow(InputError);
    await expect(list).rejects.toThrow(said);
  };
  await refused('--system inventory/nope: the database has inventory/cmdb', '--system', 'inventory/nope');
  await refused('--stream nope: the database has cis', '--stream', 'nope');
  const other = ['--system', 'inventory/cmdb', '--stream', 'nope'];
  await refused('--stream nope: inventory/cmdb has cis', ...other);
  expect((await quarantine('list', '--stream', 'cis', '--reason', 'nothing like it')).code).toBe(0);
});

test('of many known systems ten are named', async () => {
  await bench.sync(bench.manifests());
  const connection = new DatabaseSync(`${bench.folder}/inventory.db`);
  for (let index = 10; index < 22; index += 1)
    connection.exec(`INSERT INTO systems (system) VALUES ('inventory/s${index}')`);
  connection.close();
  await expect(quarantine('list', '--system', 'inventory/nope')).rejects.toThrow(
    /has inventory\/cmdb, inventory\/s10, .*, inventory\/s18 and 3 more$/u,
  );
});

test.each([
  [['list', '--limit', '0'], '--limit 0: use a whole number from 1 to 10000'],
  [['list', '--before', 'x'], '--before x: use a whole number'],
  [['list', '--system', 'cmdb'], '--system cmdb: use NAMESPACE/NAME'],
  [['show'], 'name one row by its ID'],
  [['show', 'abc'], 'ID abc: use a whole number'],
  [['mend'], 'there is no mend; use extsys quarantine with one of list, show, replay'],
])('%j is refused with what helps', async (args, said) => {
  const refused = quarantine(...args);
  await expect(refused).rejects.toThrow(InputError);
  await expect(refused).rejects.toThrow(said);
});
