// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DatabaseTrouble } from '../../src/store/port.ts';
import { sqliteStore } from '../../src/store/sqlite/index.ts';
import { troubleOf } from '../../src/store/sqlite/trouble.ts';
import { claimOf, endOf, type StoreUnderTest } from '../contract/contract-bench.ts';
import { storeContract } from '../contract/store-contract.ts';

const run = promisify(execFile);

async function open(): Promise<StoreUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), 'extsys-store-'));
  const file = join(folder, 'inventory.db');
  const store = sqliteStore(file);
  await store.open();
  const change = async (sql: string) => {
    const database = new DatabaseSync(file);
    database.exec(sql);
    database.close();
  };
  return {
    store,
    change,
    async second() {
      const other = sqliteStore(file);
      await other.open();
      return other;
    },
    async query(sql) {
      const reader = new DatabaseSync(file, { readOnly: true });
      try {
        return reader
          .prepare(sql)
          .all()
          .map((row) => ({ ...row }));
      } finally {
        reader.close();
      }
    },
    async close() {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

storeContract('SQLite', open);

describe('opening a file', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'extsys-store-'));
    file = join(folder, 'inventory.db');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function opened(): Promise<void> {
    const store = sqliteStore(file);
    await store.open();
    await store.close();
  }

  function change(sql: string): void {
    const database = new DatabaseSync(file);
    database.exec(sql);
    database.close();
  }

  it('opens it again as it is', async () => {
    await opened();
    await opened();
  });

  it('in a folder that is not there is refused: a mistyped path must not become a new inventory', async () => {
    file = join(folder, 'deep', 'inventory.db');
    await expect(opened()).rejects.toThrow(
      `database ${file}: there is no folder ${join(folder, 'deep')}; make it`,
    );
    expect(existsSync(join(folder, 'deep'))).toBe(false);
  });

  it('of another program is refused, and left as it is', async () => {
    change('CREATE TABLE invoices (id INTEGER PRIMARY KEY)');
    await expect(opened()).rejects.toThrow(/holds tables of another program; give a file of its own/u);
    const reader = new DatabaseSync(file, { readOnly: true });
    expect(reader.prepare('SELECT name FROM sqlite_schema').all()).toEqual([{ name: 'invoices' }]);
    reader.close();
  });

  it('that is a folder is refused with what to look at', async () => {
    file = folder;
    await expect(opened()).rejects.toThrow(
      /it cannot be opened; see whether this account may read and write it/u,
    );
  });

  it.each([
    ['removed', () => rmSync(file)],
    ['replaced', () => renameSync(`${file}.other`, file)],
  ])('that is %s while it is open takes no more writes, and the database is not ready', async (_, change) => {
    writeFileSync(`${file}.other`, '');
    const store = sqliteStore(file);
    await store.open();
    await store.ping();
    change();
    await expect(store.ping()).rejects.toThrow(/was removed or replaced while it was open; put it back/u);
    await expect(store.claim(claimOf('run-1'))).rejects.toThrow(DatabaseTrouble);
    await store.close();
  });

  it('without space left says so, and what to do', () => {
    const small = new DatabaseSync(file);
    small.exec('PRAGMA max_page_count = 3; CREATE TABLE t (x)');
    let full: unknown;
    try {
      small.exec('INSERT INTO t SELECT hex(randomblob(100000))');
    } catch (error) {
      full = troubleOf(file, error);
    }
    small.close();
    expect(full).toBeInstanceOf(DatabaseTrouble);
    expect(String(full)).toMatch(/inventory\.db: there is no space left; make room or enlarge the volume/u);
  });

  it('refuses migrations of another program', async () => {
    await opened();
    change("UPDATE migrations SET checksum = 'other' WHERE number = 1");
    await expect(opened()).rejects.toThrow(/migration 0001_core\.sql is not the one of this version/u);
  });

  it('refuses a file that is no database, and says which', async () => {
    writeFileSync(file, 'no database, just text that is long enough to be read as a header '.repeat(20));
    await expect(opened()).rejects.toThrow(/inventory\.db: the file is no SQLite database; give another/u);
  });

  it('several processes that open a new file at once all get the whole schema', async () => {
    const module = JSON.stringify(new URL('../../src/store/sqlite/index.ts', import.meta.url).href);
    const open = `const { sqliteStore } = await import(${module});
      const store = sqliteStore(process.argv[1]); await store.open(); await store.ping(); await store.close();`;
    for (let round = 0; round < 3; round += 1) {
      const fresh = join(folder, `${round}.db`);
      const processes = Array.from({ length: 5 }, () =>
        run(process.execPath, ['--input-type=module', '--eval', open, fresh]),
      );
      await expect(Promise.all(processes)).resolves.toHaveLength(5);
    }
  });

  it('is over with close', async () => {
    const store = sqliteStore(file);
    await store.open();
    await store.close();
    await expect(store.ping()).rejects.toThrow('is not open');
  });

  it('keeps an archived run from every hand, also from one that replaces it', async () => {
    const store = sqliteStore(file);
    await store.open();
    await store.finishUnclaimed(claimOf('run-1'), endOf('1'));
    await store.close();
    for (const sql of [
      "UPDATE runs SET json = '{}'",
      'UPDATE runs SET mode = upper(mode)',
      "UPDATE runs SET started_at = '2020-01-01'",
      'DELETE FROM runs',
      'PRAGMA recursive_triggers = ON; INSERT OR REPLACE INTO runs SELECT * FROM runs',
    ])
      expect(() => change(sql), sql).toThrow(/an archived run cannot be (?:changed|deleted)/u);
    change('UPDATE runs SET pruned = 1');
  });
});
