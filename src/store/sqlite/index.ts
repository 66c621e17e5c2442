// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Store } from '../port.ts';
import { claimInstallation, migrate } from '../sql/migrate.ts';
import { sqlStore } from '../sql/store.ts';
import { Database } from './database.ts';

/**
 * The inventory in one SQLite file: one operator replica, beside it the CLI. Statements run to their end without yielding; a
 * page of a thousand records holds the loop for some tens of milliseconds.
 */
export function sqliteStore(file: string): Store {
  let connection: Database | undefined;

  function database(): Database {
    if (connection === undefined) throw new Error(`the database ${file} is not open`);
    return connection;
  }

  return {
    ...sqlStore({
      transaction: (work) => database().transaction(work),
      read: (work) => database().read(work),
    }),
    async open({ installation }) {
      if (file !== ':memory:') mkdirSync(dirname(resolve(file)), { recursive: true });
      const opened = new Database(file);
      try {
        await opened.useWriteAheadLog();
        await opened.transaction((sql) =>
          migrate(sql, `database ${file}`, new URL('migrations/', import.meta.url)),
        );
        if (installation !== undefined) {
          await opened.transaction((sql) => claimInstallation(sql, `database ${file}`, installation));
        }
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
    async ping() {
      await database().read((sql) => sql.get('SELECT 1 AS one'));
    },
  };
}
