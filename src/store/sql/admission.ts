// SPDX-License-Identifier: Apache-2.0
import { DatabaseRefused } from '../port.ts';
import { applyMigrations, checkMigrations, migrationsIn, newerSchema, type Migration } from './migrate.ts';
import { integer, optionalText, type Sql } from './sql.ts';

const bound = "SELECT value FROM meta WHERE key = 'installation'";

/** Who may use a database: programs that know its schema and, of operators, those of the one installation that it belongs to. */
export class Admission {
  private readonly what: string;
  private readonly migrations: readonly Migration[];
  /** Undefined for a program that is no operator: it may use the database of any. */
  private installation: string | undefined;

  /** `what` names the database in messages; `folder` holds the migrations of its engine. */
  constructor(what: string, folder: URL) {
    this.what = what;
    this.migrations = migrationsIn(folder);
  }

  migrate(sql: Sql): Promise<void> {
    return applyMigrations(sql, this.what, this.migrations);
  }

  /** For a program that only reads, and migrates nothing. */
  checkSchema(sql: Sql): Promise<void> {
    return checkMigrations(sql, this.what, this.migrations);
  }

  /** Answers the installation that it was taken over from, if it was. */
  async bind(sql: Sql, installation: string, adopt: string | undefined): Promise<string | undefined> {
    // Of two that come first at once, one waits here for the other.
    await sql.run(
      "INSERT INTO meta (key, value) VALUES ('installation', ?) ON CONFLICT (key) DO NOTHING",
      installation,
    );
    const owner = optionalText(await sql.get(`${bound}${sql.forUpdate}`), 'value') ?? '';
    if (owner !== installation && owner !== adopt) throw this.foreign(owner, installation);
    this.installation = installation;
    if (owner === installation) return undefined;
    await sql.run("UPDATE meta SET value = ? WHERE key = 'installation'", installation);
    return owner;
  }

  /** Asked at every claim: a newer version, or another installation, may have come since this program opened the database. */
  async check(sql: Sql): Promise<void> {
    const row = await sql.get(
      `SELECT (SELECT max(number) FROM migrations) AS newest, (${bound}) AS installation`,
    );
    const newest = integer(row, 'newest');
    const known = this.migrations.at(-1)?.number ?? 0;
    if (newest > known) throw newerSchema(this.what, newest, known);
    const owner = optionalText(row, 'installation') ?? 'none';
    const { installation } = this;
    if (installation !== undefined && owner !== installation) throw this.foreign(owner, installation);
  }

  private foreign(owner: string, installation: string): DatabaseRefused {
    return new DatabaseRefused(
      `${this.what} belongs to installation ${owner}, not to ${installation}; give each installation a database of its own, ` +
        `or, if that one is gone for good, start the operator with --adopt-database ${owner}`,
    );
  }
}
