// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { DatabaseRefused } from '../port.ts';
import { integer, text, type Sql } from './sql.ts';

export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

export function migrationsIn(folder: URL): Migration[] {
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
export async function applyMigrations(sql: Sql, what: string, known: readonly Migration[]): Promise<void> {
  await sql.run(
    'CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)',
  );
  const rows = await sql.all('SELECT number, name, checksum FROM migrations').catch((error: unknown) => {
    throw lacksColumns(error) ? anothers(what) : error;
  });
  const applied = new Map(rows.map((row) => [integer(row, 'number'), row]));
  const newest = known.at(-1)?.number ?? 0;
  const beyond = Math.max(0, ...applied.keys());
  if (beyond > newest) throw newerSchema(what, beyond, newest);
  for (const migration of known) {
    const checksum = hash('sha256', migration.sql, 'hex');
    const before = applied.get(migration.number);
    if (before === undefined) {
      await sql.script(migration.sql);
      await sql.run('INSERT INTO migrations VALUES (?, ?, ?)', migration.number, migration.name, checksum);
    } else if (text(before, 'checksum') !== checksum) {
      throw otherMigration(what, text(before, 'name'));
    }
  }
}

/** That a database has exactly this program's schema. Changes nothing. */
export async function checkMigrations(sql: Sql, what: string, known: readonly Migration[]): Promise<void> {
  const rows = await sql.all('SELECT number, name, checksum FROM migrations').catch((error: unknown) => {
    // Of a right that is missing the engine knows better what helps.
    if (error instanceof Error && 'code' in error && error.code === '42501') throw error;
    throw new DatabaseRefused(
      `${what}: its table migrations cannot be read (${error instanceof Error ? error.message : String(error)}); ` +
        'name the database of an operator, and one that this account may read',
    );
  });
  const applied = new Map(rows.map((row) => [integer(row, 'number'), text(row, 'checksum')]));
  const newest = known.at(-1)?.number ?? 0;
  const found = Math.max(0, ...applied.keys());
  if (found > newest) throw newerSchema(what, found, newest);
  for (const { number, name, sql: statements } of known) {
    const checksum = applied.get(number);
    if (checksum === undefined)
      throw new DatabaseRefused(
        `${what} is without migration ${name} of this version; what only reads does not migrate: ` +
          'start the operator of this version first, or read it with the version that wrote it',
      );
    if (checksum !== hash('sha256', statements, 'hex')) throw otherMigration(what, name);
  }
}

export function newerSchema(what: string, found: number, known: number): DatabaseRefused {
  return new DatabaseRefused(
    `${what} has schema ${found}, newer than the ${known} of this version; use a version that knows it`,
  );
}

function otherMigration(what: string, name: string): DatabaseRefused {
  return new DatabaseRefused(
    `${what}: migration ${name} is not the one of this version; a build that was never released, or another program, ` +
      'has made its tables: use the version that made them, or a database or schema of its own',
  );
}

function anothers(what: string): DatabaseRefused {
  return new DatabaseRefused(
    `${what} has a table migrations of another program; use a database or schema of its own, ` +
      'such as --store postgres://USER@HOST/DATABASE?options=-c%20search_path%3Dinventory',
  );
}

/** undefined_column of PostgreSQL; the general error of SQLite, which has no finer one. */
function lacksColumns(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && error.code === '42703') || ('errcode' in error && error.errcode === 1);
}
