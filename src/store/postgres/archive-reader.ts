// SPDX-License-Identifier: Apache-2.0
import type { ArchiveReader } from '../port/archive.ts';
import { Admission } from '../sql/admission.ts';
import { sqlArchiveReader } from '../sql/archive-reader.ts';
import type { ConnectionSettings } from './connection-settings.ts';
import { Database } from './database.ts';
import { nameOf, troubleOf } from './trouble.ts';

/** The archive in PostgreSQL, in read-only transactions: a role that may only SELECT will do. */
export function postgresArchive(
  settings: ConnectionSettings,
  onError: (error: Error) => void = () => undefined,
): ArchiveReader {
  const database = new Database(settings, onError);
  return {
    ...sqlArchiveReader(database.read),
    async open() {
      const admission = new Admission(nameOf(settings), new URL('migrations/', import.meta.url));
      try {
        await database.read((sql) => admission.checkSchema(sql));
      } catch (error) {
        await database.close();
        throw troubleOf(settings, error);
      }
    },
    close: () => database.close(),
  };
}
