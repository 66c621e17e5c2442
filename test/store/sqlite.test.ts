// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sqliteStore } from '../../src/store/sqlite/index.ts';
import { storeContract, type StoreUnderTest } from '../contract/store-contract.ts';

async function open(): Promise<StoreUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), 'extsys-store-'));
  const file = join(folder, 'inventory.db');
  const store = sqliteStore(file);
  await store.open({});
  return {
    store,
    async second() {
      const other = sqliteStore(file);
      await other.open({});
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

  async function opened(installation?: string): Promise<void> {
    const store = sqliteStore(file);
    await store.open(installation === undefined ? {} : { installation });
    await store.close();
  }

  function change(sql: string): void {
    const database = new DatabaseSync(file);
    database.exec(sql);
    database.close();
  }

  it('makes its folder, and opens it again as it is', async () => {
    file = join(folder, 'deep', 'inventory.db');
    await opened();
    await opened();
  });

  it('refuses a newer schema and leaves it as it is', async () => {
    await opened();
    change("INSERT INTO migrations VALUES (9999, 'of-the-future', 'x')");
    await expect(opened()).rejects.toThrow(/has schema 9999, newer than the \d+ of this version/u);
  });

  it('refuses migrations of another program', async () => {
    await opened();
    change("UPDATE migrations SET checksum = 'other' WHERE number = 1");
    await expect(opened()).rejects.toThrow(/migration 0001_core\.sql is not the one of this version/u);
  });

  it('refuses the database of another installation', async () => {
    await opened('cluster-a');
    await opened('cluster-a');
    await expect(opened('cluster-b')).rejects.toThrow('belongs to installation cluster-a, not to cluster-b');
  });

  it('refuses a file that is no database, and says which', async () => {
    const { writeFile } = await import('node:fs/promises');
    await writeFile(file, 'no database, just text that is long enough to be read as a header '.repeat(20));
    await expect(opened()).rejects.toThrow(/not a database/u);
  });

  it('two processes that open it at once both get the whole schema', async () => {
    await Promise.all([opened(), opened(), opened()]);
    const store = sqliteStore(file);
    await store.open({});
    await expect(store.ping()).resolves.toBeUndefined();
    await store.close();
    await expect(store.ping()).rejects.toThrow('is not open');
  });
});
