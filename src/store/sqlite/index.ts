// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseRefused, DatabaseTrouble, type Store } from '../port.ts';
import { Admission } from '../sql/admission.ts';
import { integer, type Sql } from '../sql/sql.ts';
import { sqlStore } from '../sql/store.ts';
import { Database } from './database.ts';

/**
 * The inventory in one SQLite file: one operator replica, beside it the CLI. Statements run to their end without yielding; a
 * page of a thousand records holds the loop for some tens of milliseconds.
 */
export function sqliteStore(file: string): Store {
  const admission = new Admission(`database ${file}`, new URL('migrations/', import.meta.url));
  let connection: Database | undefined;

  function database(): Database {
    if (connection === undefined) throw new Error(`the database ${file} is not open`);
    return connection;
  }

  return {
    ...sqlStore(
      {
        transaction: async (work) => database().transaction(work),
        read: async (work) => database().read(work),
      },
      admission,
    ),
    async open() {
      checkFolder(file);
      const opened = new Database(file);
      try {
        await opened.useWriteAheadLog();
        await opened.transaction(async (sql) => {
          await checkOwner(sql, file);
          await admission.migrate(sql);
        });
      } catch (error) {
        await opened.close();
        throw error;
      }
      connection = opened;
    },
    async close() {
      await connection?.close();
      connection = undefined;
    },
  };
}

/** A mistyped path, or a volume that is not mounted, must not become a new inventory. */
function checkFolder(file: string): void {
  const folder = dirname(resolve(file));
  if (file !== ':memory:' && !existsSync(folder))
    throw new DatabaseTrouble(`database ${file}: there is no folder ${folder}; make it, or correct the path`);
}

/** The file of another program stays as it is. */
async function checkOwner(sql: Sql, file: string): Promise<void> {
  const found = await sql.get(
    "SELECT count(*) AS tables, count(*) FILTER (WHERE name = 'migrations') AS ours FROM sqlite_schema WHERE type = 'table'",
  );
  if (integer(found, 'tables') > 0 && integer(found, 'ours') === 0)
    throw new DatabaseRefused(`database ${file} holds tables of another program; give a file of its own`);
}
