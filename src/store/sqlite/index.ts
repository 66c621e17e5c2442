// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Store } from '../port.ts';
import { Admission } from '../sql/admission.ts';
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
      if (file !== ':memory:') mkdirSync(dirname(resolve(file)), { recursive: true });
      const opened = new Database(file);
      try {
        await opened.useWriteAheadLog();
        await opened.transaction((sql) => admission.migrate(sql));
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
