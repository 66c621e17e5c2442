// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sqliteStore } from '../../src/store/sqlite/index.ts';
import { openPostgres } from '../kit/postgres/store-under-test.ts';
import type { PostgresServer } from '../kit/postgres/server.ts';
import { postgresJournal, sqliteJournal, type Query } from './journal.ts';

/** A database that notes every write of a row, for processes that open it by its address. */
export interface InstallationDatabase {
  readonly url: string;
  readonly query: Query;
  close(): Promise<void>;
}

export async function sqliteDatabase(): Promise<InstallationDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'extsys-crash-db-'));
  const file = join(folder, 'inventory.db');
  const store = sqliteStore(file);
  await store.open();
  await store.close();
  const connection = new DatabaseSync(file, { timeout: 30_000 });
  for (const statement of sqliteJournal) connection.exec(statement);
  return {
    url: `sqlite:${file}`,
    query: async (sql) => connection.prepare(sql).all(),
    async close() {
      connection.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function postgresDatabase(server: PostgresServer): Promise<InstallationDatabase> {
  const database = await openPostgres(server);
  for (const statement of postgresJournal) await database.change(statement);
  const options = encodeURIComponent(database.settings.options ?? '');
  return {
    url: `${server.url}?options=${options}`,
    query: (sql) => database.query(sql),
    close: () => database.close(),
  };
}
