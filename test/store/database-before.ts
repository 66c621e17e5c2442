// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import type { Store } from '../../src/store/port.ts';
import { postgresStore } from '../../src/store/postgres/index.ts';
import { Database as Postgres } from '../../src/store/postgres/database.ts';
import { Database as Sqlite } from '../../src/store/sqlite/database.ts';
import { sqliteStore } from '../../src/store/sqlite/index.ts';
import { applyMigrations, migrationsIn } from '../../src/store/sql/migrate.ts';
import type { Row, SqlEngine } from '../../src/store/sql/sql.ts';
import type { PostgresServer } from '../kit/postgres/server.ts';
import { settingsFor } from '../kit/postgres/store-under-test.ts';

/** A database as an earlier version made it, and a store of this version that may open it. */
export interface Before {
  readonly engine: SqlEngine;
  readonly store: Store;
  /** Where its tables are; none in SQLite. */
  readonly schema?: string;
  readonly close: () => Promise<void>;
}

export const all = ({ engine }: Before, query: string): Promise<readonly Row[]> =>
  engine.read((sql) => sql.all(query));

/** `first` is the first migration that the earlier version did not have. */
async function migrateBefore(engine: SqlEngine, folder: string, first: number): Promise<void> {
  const url = new URL(`../../src/store/${folder}/migrations/`, import.meta.url);
  const known = migrationsIn(url).filter(({ number }) => number < first);
  await engine.transaction((sql) => applyMigrations(sql, 'database', known));
}

export async function sqliteBefore(first: number): Promise<Before> {
  const folder = mkdtempSync(join(tmpdir(), 'extsys-upgrade-'));
  const file = join(folder, 'inventory.db');
  const engine = new Sqlite(file);
  await engine.useWriteAheadLog();
  await migrateBefore(engine, 'sqlite', first);
  return {
    engine,
    store: sqliteStore(file),
    async close() {
      await engine.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function postgresBefore(
  server: PostgresServer,
  first: number,
): Promise<Before & { schema: string }> {
  const schema = `upgrade_${randomUUID().replaceAll('-', '')}`;
  const settings = settingsFor(server, schema);
  const engine = new Postgres(settings, () => undefined);
  await engine.transaction((sql) => sql.script(`CREATE SCHEMA ${schema}`));
  await migrateBefore(engine, 'postgres', first);
  return { engine, store: postgresStore(settings), schema, close: () => engine.close() };
}

/** Opens one for a piece of work, and closes it whatever comes of that. */
export async function withBefore(
  open: () => Promise<Before>,
  work: (tested: Before) => Promise<void>,
): Promise<void> {
  const tested = await open();
  try {
    await work(tested);
  } finally {
    await tested.store.close();
    await tested.close();
  }
}
