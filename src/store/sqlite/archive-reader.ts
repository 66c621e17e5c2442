// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import type { ArchiveReader } from '../port/archive.ts';
import { DatabaseTrouble } from '../refusals.ts';
import { Admission } from '../sql/admission.ts';
import { sqlArchiveReader } from '../sql/archive-reader.ts';
import { Database } from './database.ts';

/**
 * The archive in a SQLite file, opened for reading alone. While an operator writes into it, SQLite keeps two small files beside it that
 * readers share; only those are touched.
 */
export function sqliteArchive(file: string): ArchiveReader {
  let connection: Database | undefined;

  function database(): Database {
    if (connection === undefined) throw new Error(`the database ${file} is not open`);
    return connection;
  }

  return {
    ...sqlArchiveReader(async (work) => database().read(work)),
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
