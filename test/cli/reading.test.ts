// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { approveCommand } from '../../src/cli/approve.ts';
import { backupCommand } from '../../src/cli/backup.ts';
import type { Command } from '../../src/cli/command.ts';
import { InputError } from '../../src/cli/manifests.ts';
import { planCommand } from '../../src/cli/plan.ts';
import { quarantineCommand } from '../../src/cli/quarantine.ts';
import { runsEntry } from '../../src/cli/runs.ts';
import { syncCommand } from '../../src/cli/sync.ts';
import { ServiceNow } from '../simulators/servicenow/index.ts';
import { embeddedPostgres, startPostgres, type PostgresServer } from '../kit/postgres/server.ts';
import { call, CliBench } from './cli-bench.ts';

const bench = new CliBench();
let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres(await embeddedPostgres());
}, 60_000);
afterAll(() => server.stop());

/** Every command that only reads, with the tables that it needs beside `migrations`. */
const readers: [string, Command, string[], string[]][] = [
  ['quarantine list', quarantineCommand.run, ['list'], ['quarantine', 'streams']],
  ['quarantine show', quarantineCommand.run, ['show', '1'], ['quarantine', 'streams']],
  ['plan show', planCommand.run, ['show'], ['plan_passes', 'runs', 'plan_fields', 'plan_samples']],
  [
    'approve --list',
    approveCommand,
    ['cmdb', '-n', 'inventory', '--list'],
    ['deletion_proposals', 'proposed_deletions', 'runs', 'streams', 'assets'],
  ],
  ['runs list', runsEntry.run, ['list'], ['runs']],
];

/** Deletions that wait, a plan, and a system whose mapping no server fits, so that its rows are set aside. */
async function fill(store: string): Promise<void> {
  const sync = async (yaml: string, ...args: string[]) =>
    call(syncCommand, ['-f', '-', '-q', '--store', store, ...args], yaml);
  const misfit = bench.manifests({}, { mapping: { cis: { memoryMb: { from: 'ram' } } } });
  await sync(misfit.replace('name: cmdb', 'name: misfit'));
  expect((await sync(bench.manifests())).code).toBe(0);
  for (let index = 0; index < 30; index += 1)
    bench.instance.removeUnaudited('cmdb_ci_linux_server', ServiceNow.id('0c', index));
  await sync(bench.manifests(), '--mode', 'Full');
  await sync(bench.manifests(), '--mode', 'Plan');
}

describe.each(readers)('extsys %s', (name, command, args, tables) => {
  test('makes no file, and refuses one that is not there', async () => {
    const file = join(bench.folder, 'typo.db');
    const asked = call(command, [...args, '--store', `sqlite:${file}`]);
    await expect(asked).rejects.toThrow(InputError);
    await expect(asked).rejects.toThrow(`database ${file}: there is no such file`);
    expect(readdirSync(bench.folder)).toEqual([]);
  });

  test('migrates nothing, and leaves the file as it is', async () => {
    await fill(bench.store);
    const file = join(bench.folder, 'inventory.db');
    const before = readFileSync(file);
    const { code, out } = await call(command, [...args, '--store', bench.store]);
    expect(code).toBe(0);
    expect(out.split('\n').length).toBeGreaterThan(2);
    expect(readFileSync(file).equals(before)).toBe(true);
    const database = new DatabaseSync(file);
    database.exec('DELETE FROM migrations WHERE number = (SELECT max(number) FROM migrations)');
    database.close();
    await expect(call(command, [...args, '--store', bench.store])).rejects.toThrow('is without migration');
  });

  test('needs no right in PostgreSQL but SELECT, and names the GRANT that is missing', async () => {
    const role = `reader_${name.replaceAll(/\W+/gu, '_')}`;
    const options = encodeURIComponent(`-c search_path=${role}`);
    const admin = new Client({ connectionString: server.url });
    await admin.connect();
    try {
      await admin.query(`CREATE SCHEMA ${role}; SET search_path = ${role}; CREATE ROLE ${role} LOGIN;
        GRANT USAGE ON SCHEMA ${role} TO ${role}`);
      await fill(`${server.url}?options=${options}`);
      const store = `${server.url.replace('//postgres@', `//${role}@`)}?options=${options}`;
      const asked = () => call(command, [...args, '--store', store]);
      for (const table of ['migrations', tables[0]]) {
        const refused = asked();
        await expect(refused).rejects.toThrow(InputError);
        await expect(refused).rejects.toThrow(`GRANT SELECT ON ${table} TO "${role}"`);
        await admin.query(`GRANT SELECT ON ${table} TO ${role}`);
      }
      await admin.query(`GRANT SELECT ON ${tables.join(', ')} TO ${role}`);
      const { code, out } = await asked();
      expect(code).toBe(0);
      expect(out.split('\n').length).toBeGreaterThan(2);
    } finally {
      await admin.end();
    }
  });
});

test('a file in WAL mode that nobody may write beside is refused with extsys backup, whose copy can be read', async () => {
  await bench.sync(bench.manifests());
  const folder = join(bench.folder, 'evidence');
  mkdirSync(folder);
  copyFileSync(join(bench.folder, 'inventory.db'), join(folder, 'copied.db'));
  const to = join(folder, 'backup.db');
  expect((await call(backupCommand, ['--store', bench.store, '--to', to, '-q'])).code).toBe(0);
  for (const file of ['copied.db', 'backup.db']) chmodSync(join(folder, file), 0o444);
  chmodSync(folder, 0o555);
  chmodSync(bench.folder, 0o755);
  // Root may write everywhere.
  const account = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const audit = async (file: string) =>
    promisify(execFile)(
      process.execPath,
      ['src/main.ts', 'audit', 'verify', '--store', `sqlite:${join(folder, file)}`],
      account,
    );
  try {
    await expect(audit('copied.db')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/it is in WAL mode.*or read a copy that extsys backup made/u),
    });
    expect((await audit('backup.db')).stdout).toContain('1 runs of 1 systems: sound');
    expect(existsSync(join(folder, 'backup.db-wal'))).toBe(false);
  } finally {
    chmodSync(folder, 0o755);
  }
});

test('runs list names the systems that there are when it is asked for another, ten at most', async () => {
  await bench.sync(bench.manifests());
  const database = new DatabaseSync(join(bench.folder, 'inventory.db'));
  for (let count = 10; count < 22; count += 1)
    database.exec(`INSERT INTO systems (system) VALUES ('inventory/s${count}')`);
  database.close();
  const asked = call(runsEntry.run, ['list', '--store', bench.store, '--system', 'inventory/nope']);
  await expect(asked).rejects.toThrow(InputError);
  await expect(asked).rejects.toThrow(
    /--system inventory\/nope: the database knows no such system; it has inventory\/cmdb, inventory\/s10, .*inventory\/s18 and 3 more$/u,
  );
});
