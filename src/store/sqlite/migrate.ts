// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { optionalText, text, type Database } from './database.ts';

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

function migrations(): Migration[] {
  const folder = new URL('migrations/', import.meta.url);
  return readdirSync(folder)
    .filter((name) => /^\d{4}_\w+\.sql$/u.test(name))
    .toSorted()
    .map((name) => ({
      number: Number(name.slice(0, 4)),
      name,
      sql: readFileSync(new URL(name, folder), 'utf8'),
    }));
}

/**
 * Brings the file to this program's schema, under the write lock. A file with a newer schema, or one whose migrations are
 * not ours, is refused and left as it is.
 */
export function migrate(database: Database, file: string): void {
  database.transaction(() => {
    database.script(
      'CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT',
    );
    const applied = new Map(
      database
        .all('SELECT number, name, checksum FROM migrations')
        .map((row) => [Number(row['number']), row]),
    );
    const known = migrations();
    const newest = known.at(-1)?.number ?? 0;
    const beyond = Math.max(0, ...applied.keys());
    if (beyond > newest) {
      throw new Error(
        `database ${file} has schema ${beyond}, newer than the ${newest} of this version; use a version that knows it`,
      );
    }
    for (const migration of known) {
      const checksum = hash('sha256', migration.sql, 'hex');
      const before = applied.get(migration.number);
      if (before === undefined) {
        database.script(migration.sql);
        database.run('INSERT INTO migrations VALUES (?, ?, ?)', migration.number, migration.name, checksum);
      } else if (text(before, 'checksum') !== checksum) {
        throw new Error(`database ${file}: migration ${text(before, 'name')} is not the one of this version`);
      }
    }
  });
}

/** Binds the database to one installation, or checks that it is the one it was bound to. */
export function claimInstallation(database: Database, file: string, installation: string): void {
  database.transaction(() => {
    const row = database.get("SELECT value FROM meta WHERE key = 'installation'");
    const owner = row === undefined ? undefined : optionalText(row, 'value');
    if (owner === undefined) {
      database.run("INSERT INTO meta (key, value) VALUES ('installation', ?)", installation);
    } else if (owner !== installation) {
      throw new Error(`database ${file} belongs to installation ${owner}, not to ${installation}`);
    }
  });
}
