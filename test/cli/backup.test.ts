// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { backupCommand } from '../../src/cli/backup.ts';
import { backupSqlite } from '../../src/store/sqlite/backup.ts';
import { sqliteStore } from '../../src/store/sqlite/index.ts';
import { fullPass, record } from '../contract/contract-bench.ts';
import { waitFor } from '../kit/wait.ts';
import { call } from './cli-bench.ts';

let folder: string;
let file: string;
let copy: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'extsys-backup-'));
  file = join(folder, 'inventory.db');
  copy = join(folder, 'copy.db');
  const store = sqliteStore(file);
  await store.open();
  await fullPass(store, 'run-1', [record('a'), record('b')]);
  await store.close();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Writes pairs of equal numbers, one transaction after another, until it is told to stop. */
const writerCode = `const { DatabaseSync } = require('node:sqlite');
  const { file, shared } = require('node:worker_threads').workerData;
  const database = new DatabaseSync(file, { timeout: 30000 });
  for (let round = 1; Atomics.load(shared, 0) === 0; round += 1) {
    database.exec('BEGIN IMMEDIATE; UPDATE pairs SET a = ' + round + ' WHERE rowid <= 50');
    database.exec('UPDATE pairs SET b = ' + round + ' WHERE rowid <= 50; COMMIT');
    Atomics.store(shared, 1, round);
  }
  database.close();`;

const backupOf = (...flags: string[]) =>
  call(backupCommand, flags.includes('--store') ? flags : ['--store', `sqlite:${file}`, ...flags]);

/** What lies in the folder besides the inventory. */
const others = () => readdirSync(folder).filter((name) => !name.startsWith('inventory.db'));

describe('extsys backup', () => {
  test('writes one new file that opens as the same inventory', async () => {
    const { code, out } = await backupOf('--to', copy);
    expect(code).toBe(0);
    expect(out).toMatch(/copy\.db: \d+\.\d MB, schema \d+, checked$/mu);
    expect(others()).toEqual(['copy.db']);
    const store = sqliteStore(copy);
    await store.open();
    expect((await store.archivedRuns('inventory/cmdb', 10)).map(({ runUid }) => runUid)).toEqual(['run-1']);
    expect(await store.recordCounts('inventory/cmdb')).toContainEqual({
      kind: 'Group',
      live: 2,
      deleted: 0,
      withdrawn: 0,
    });
    await store.close();
  });

  test.each<[string, () => string[], RegExp]>([
    ['a file that exists', () => ['--to', file], /inventory\.db exists already; name a new file/u],
    [
      'a folder that is not there',
      () => ['--to', join(folder, 'deep', 'copy.db')],
      /deep\/copy\.db: there is no folder .*deep; make it/u,
    ],
    [
      'a name that cannot be written, with the file that it is about',
      () => ['--to', join(folder, 'x'.repeat(300))],
      /x\.partial-\d+: cannot be made \(ENAMETOOLONG\); give this user the right to write into/u,
    ],
    ['a target that is a URL', () => ['--to', `sqlite:${copy}`], /--to sqlite:.*: give the file alone/u],
    ['no target', () => [], /--to FILE is missing/u],
    [
      'an inventory that is not there',
      () => ['--store', `sqlite:${file}-missing`, '--to', copy],
      /--store sqlite:.*-missing: there is no such file/u,
    ],
    [
      'PostgreSQL, with the command to use and without the password',
      () => ['--store', 'postgres://extsys:hunter2-canary@db.example.com/inventory', '--to', 'x.dump'],
      /^(?!.*hunter2).*pg_dump --format=custom --file=x\.dump --dbname='postgres:\/\/extsys@db\.example\.com\/inventory\?sslmode=verify-full&sslrootcert=system'$/u,
    ],
    [
      'PostgreSQL on this machine, where the program uses no TLS either',
      () => ['--store', 'postgres://extsys@localhost/inventory', '--to', 'x.dump'],
      /--dbname='postgres:\/\/extsys@localhost\/inventory'$/u,
    ],
    [
      'PostgreSQL whose address says what it wants of TLS, and keeps it',
      () => ['--store', 'postgres://u@db.example.com/d?sslmode=verify-ca&sslrootcert=ca.crt', '--to', 'x'],
      /--dbname='postgres:\/\/u@db\.example\.com\/d\?sslmode=verify-ca&sslrootcert=ca\.crt'$/u,
    ],
    [
      'PostgreSQL that is verified by a file, as the program does by default then',
      () => ['--store', 'postgres://u@localhost/d?sslrootcert=ca.crt', '--to', 'x'],
      /--dbname='postgres:\/\/u@localhost\/d\?sslrootcert=ca\.crt&sslmode=verify-full'$/u,
    ],
    [
      'two inventories at once',
      () => ['--store', 'sqlite:a.db', '--store', 'sqlite:b.db', '--to', copy],
      /^--store is given 2 times \(sqlite:a\.db, sqlite:b\.db\); there is one inventory, name it once$/u,
    ],
    ['another store', () => ['--store', 'mysql://a/b', '--to', copy], /use sqlite:FILE/u],
  ])('refuses %s', async (_what, flags, message) => {
    const before = readFileSync(file);
    await expect(backupOf(...flags())).rejects.toThrow(message);
    expect(readFileSync(file)).toEqual(before);
    expect(others()).toEqual([]);
  });

  test('refuses a database that is no inventory', async () => {
    rmSync(file);
    const other = new DatabaseSync(file);
    other.exec('CREATE TABLE t (a)');
    other.close();
    await expect(backupOf('--to', copy)).rejects.toThrow(/is no inventory: it has no table migrations/u);
    expect(others()).toEqual([]);
  });

  test('a damaged database makes no copy', async () => {
    const bytes = readFileSync(file);
    // Past the first page, which tells what the file is.
    bytes.fill(0x5a, 4096 * 3, 4096 * 12);
    writeFileSync(file, bytes);
    const { code, err } = await backupOf('--to', copy);
    expect(code).toBe(1);
    expect(err).toMatch(/damaged|malformed|disk image/u);
    expect(others()).toEqual([]);
  });
});

test('a copy is of one moment and comes to its end while another process writes without a pause', async () => {
  const grown = new DatabaseSync(file);
  grown.exec(`CREATE TABLE pairs (a INTEGER, b INTEGER, filler TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
    INSERT INTO pairs SELECT 0, 0, hex(randomblob(500)) FROM n`);
  grown.close();
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const rounds = () => Atomics.load(shared, 1);
  const writer = new Worker(writerCode, { eval: true, workerData: { file, shared } });
  try {
    await waitFor('the writer to write', () => rounds() > 0);
    const begun = rounds();
    const copied: number[] = [];
    await backupSqlite(file, copy, {
      signal: new AbortController().signal,
      onProgress: (pages) => copied.push(pages),
      onCheck: () => undefined,
    });
    expect(copied.length, 'the copy takes several steps').toBeGreaterThan(1);
    expect(copied, 'it never begins anew').toEqual([...new Set(copied)].toSorted((a, b) => a - b));
    expect(rounds(), 'the writer went on').toBeGreaterThan(begun);
  } finally {
    Atomics.store(shared, 0, 1);
    await once(writer, 'exit');
  }
  const made = new DatabaseSync(copy, { readOnly: true });
  const seen = made.prepare('SELECT DISTINCT a, b FROM pairs WHERE rowid <= 50').all();
  made.close();
  expect(seen).toHaveLength(1);
  expect(seen[0]?.['a']).toBe(seen[0]?.['b']);
});

test('a copy that is interrupted leaves nothing', async () => {
  const stop = new AbortController();
  const copying = backupSqlite(file, copy, {
    signal: stop.signal,
    onProgress: () => undefined,
    onCheck: () => stop.abort(new Error('interrupted')),
  });
  await expect(copying).rejects.toThrow('interrupted');
  expect(others()).toEqual([]);
});
