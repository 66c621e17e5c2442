// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { integer, optionalText, text, type Sql } from './sql.ts';

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

function migrationsIn(folder: URL): Migration[] {
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
 * Brings a database to this program's schema, in a transaction that nobody else can be in. One with a newer schema, or whose
 * migrations are not ours, is refused and left as it is. `what` names it in messages.
 */
export async function migrate(sql: Sql, what: string, folder: URL): Promise<void> {
  await sql.run(
    'CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)',
  );
  const rows = await sql.all('SELECT number, name, checksum FROM migrations');
  const applied = new Map(rows.map((row) => [integer(row, 'number'), row]));
  const known = migrationsIn(folder);
  const newest = known.at(-1)?.number ?? 0;
  const beyond = Math.max(0, ...applied.keys());
  if (beyond > newest) {
    throw new Error(
      `${what} has schema ${beyond}, newer than the ${newest} of this version; use a version that knows it`,
    );
  }
  for (const migration of known) {
    const checksum = hash('sha256', migration.sql, 'hex');
    const before = applied.get(migration.number);
    if (before === undefined) {
      await sql.script(migration.sql);
      await sql.run('INSERT INTO migrations VALUES (?, ?, ?)', migration.number, migration.name, checksum);
    } else if (text(before, 'checksum') !== checksum) {
      throw new Error(`${what}: migration ${text(before, 'name')} is not the one of this version`);
    }
  }
}

/** Binds the database to one installation, or checks that it is the one it was bound to. */
export async function claimInstallation(sql: Sql, what: string, installation: string): Promise<void> {
  const row = await sql.get("SELECT value FROM meta WHERE key = 'installation'");
  const owner = optionalText(row, 'value');
  if (owner === undefined) {
    await sql.run("INSERT INTO meta (key, value) VALUES ('installation', ?)", installation);
  } else if (owner !== installation) {
    throw new Error(`${what} belongs to installation ${owner}, not to ${installation}`);
  }
}
