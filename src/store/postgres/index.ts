// SPDX-License-Identifier: Apache-2.0
import type { Store } from '../port.ts';
import { Admission } from '../sql/admission.ts';
import { sqlStore } from '../sql/store.ts';
import type { ConnectionSettings } from './connection-settings.ts';
import { Database } from './database.ts';
import { nameOf, requireUnicode, troubleOf } from './trouble.ts';

/** Any number; the same for all versions, since it is what they wait for each other at. */
const migrationLock = 7_251_996_004;

/** The inventory in PostgreSQL: any number of operator replicas, beside them the CLI. */
export function postgresStore(
  settings: ConnectionSettings,
  onError: (error: Error) => void = () => undefined,
): Store {
  let connection: Database | undefined;
  let opening: Database | undefined;
  const what = nameOf(settings);
  const admission = new Admission(what, new URL('migrations/', import.meta.url));

  function database(): Database {
    if (connection === undefined) throw new Error(`${what} is not open`);
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
      const opened = new Database(settings, onError);
      opening = opened;
      try {
        await opened.transaction(async (sql) => {
          await requireUnicode(sql, settings);
          await sql.run(`SELECT pg_advisory_xact_lock(${migrationLock})`);
          await admission.migrate(sql);
        });
      } catch (error) {
        await opened.close();
        throw troubleOf(settings, error);
      } finally {
        opening = undefined;
      }
      connection = opened;
    },
    /** Ends an opening that is under way, too. */
    async close() {
      await (connection ?? opening)?.close();
      connection = undefined;
    },
  };
}
