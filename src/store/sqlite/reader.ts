// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import type { InventoryReader } from '../port/reader.ts';
import { DatabaseTrouble } from '../refusals.ts';
import { Admission } from '../sql/admission.ts';
import { sqlReader } from '../sql/reader.ts';
import { Database } from './database.ts';

/**
 * The inventory in a SQLite file, opened for reading alone. A file that an operator writes into is in WAL mode: SQLite keeps two small
 * files beside it that readers share; only those are touched.
 */
export function sqliteReader(file: string): InventoryReader {
  let connection: Database | undefined;

  function database(): Database {
    if (connection === undefined) throw new Error(`the database ${file} is not open`);
    return connection;
  }

  return {
    ...sqlReader(async (work) => database().read(work)),
    async open() {
      if (!existsSync(file)) throw new DatabaseTrouble(`database ${file}: there is no such file`);
      const opened = new Database(file, { readOnly: true });
      try {
        const admission = new Admission(`database ${file}`, new URL('migrations/', import.meta.url));
        await opened.read((sql) => admission.checkSchema(sql));
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
