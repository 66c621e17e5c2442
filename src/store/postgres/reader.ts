// SPDX-License-Identifier: Apache-2.0
import type { InventoryReader } from '../port/reader.ts';
import { DatabaseTrouble } from '../refusals.ts';
import { Admission } from '../sql/admission.ts';
import { sqlReader } from '../sql/reader.ts';
import type { SqlEngine } from '../sql/sql.ts';
import type { ConnectionSettings } from './connection-settings.ts';
import { Database } from './database.ts';
import { nameOf } from './trouble.ts';

/** The inventory in PostgreSQL, in read-only transactions: a role that may only SELECT will do. */
export function postgresReader(
  settings: ConnectionSettings,
  onError: (error: Error) => void = () => undefined,
): InventoryReader {
  const database = new Database(settings, onError);
  const what = nameOf(settings);
  const read: SqlEngine['read'] = async (work) => {
    try {
      return await database.read(work);
    } catch (error) {
      throw readingTrouble(what, settings.user, error);
    }
  };
  return {
    ...sqlReader(read),
    async open() {
      const admission = new Admission(what, new URL('migrations/', import.meta.url));
      try {
        await read((sql) => admission.checkSchema(sql));
      } catch (error) {
        await database.close();
        throw error;
      }
    },
    close: () => database.close(),
  };
}

/** What a reader may lack, by the codes of PostgreSQL (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
function readingTrouble(what: string, role: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  const { message, code } = error;
  if (code === '42501') {
    const table = /^permission denied for (?:table|view|relation) (\S+)$/u.exec(message)?.[1];
    const grant = table === undefined ? 'SELECT ON its tables' : `SELECT ON ${table}`;
    return new DatabaseTrouble(
      `${what}: ${message}; its owner gives the right with GRANT ${grant} TO "${role}"`,
      { cause: error },
    );
  }
  if (code === '42P01' || code === '42703')
    return new DatabaseTrouble(`${what}: ${message}; somebody altered its schema, see extsys audit verify`, {
      cause: error,
    });
  return error;
}
