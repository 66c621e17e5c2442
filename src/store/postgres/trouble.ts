// SPDX-License-Identifier: Apache-2.0
import { DatabaseRefused, DatabaseTrouble } from '../refusals.ts';
import { optionalText, type Sql } from '../sql/sql.ts';
import type { ConnectionSettings } from './connection-settings.ts';

/** Conditions of the server that a person must mend (https://www.postgresql.org/docs/current/errcodes-appendix.html), and how. */
const remedies: Readonly<Record<string, (settings: ConnectionSettings, message: string) => string>> = {
  // insufficient_privilege
  '42501': ({ user }, message) => {
    const schema = /^permission denied for schema (\S+)$/u.exec(message)?.[1] ?? 'public';
    return `as its owner: GRANT CREATE, USAGE ON SCHEMA ${schema} TO ${quoted(user)}; or give the account a schema or a database of its own`;
  },
  // invalid_schema_name
  '3F000': ({ user }) =>
    `the search_path names no schema that exists and that the account may use; CREATE SCHEMA inventory AUTHORIZATION ${quoted(user)}, and name it with ?options=-c%20search_path%3Dinventory`,
};

export function nameOf({ database, host }: ConnectionSettings): string {
  return `database ${database} on ${host}`;
}

/** What the server says in a few words, as a sentence that names the database and the remedy; other errors stay as they are. */
export function troubleOf(settings: ConnectionSettings, error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  const remedy = remedies[String(error.code)];
  if (remedy === undefined) return error;
  const { message } = error;
  return new DatabaseTrouble(`${nameOf(settings)}: ${message}; ${remedy(settings, message)}`, {
    cause: error,
  });
}

/** Another encoding holds some names only: a run would end at the first that it lacks. */
export async function requireUnicode(sql: Sql, settings: ConnectionSettings): Promise<void> {
  const row = await sql.get("SELECT current_setting('server_encoding') AS encoding");
  const encoding = optionalText(row, 'encoding') ?? 'unknown';
  if (encoding === 'UTF8') return;
  throw new DatabaseRefused(
    `${nameOf(settings)} has the encoding ${encoding}, which cannot hold every name; make another and use that: ` +
      "CREATE DATABASE inventory ENCODING 'UTF8' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'",
  );
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Of sockets, of the resolver, and of a server that starts, stops or is full. */
const awayCodes: ReadonlySet<unknown> = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EPIPE'],
  // The name of a Service in a cluster comes with the Service.
  ...['ENOTFOUND', 'EAI_AGAIN'],
  // admin_shutdown, crash_shutdown, cannot_connect_now, too_many_connections
  ...['57P01', '57P02', '57P03', '53300'],
]);

/** Whether the server may be there by itself in a while. What it has refused it goes on refusing. */
export function isAway(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isAway);
  if (!(error instanceof Error)) return false;
  if ('code' in error && awayCodes.has(error.code)) return true;
  // The driver gives these two no code.
  return /^Connection terminated (?:unexpectedly|due to connection timeout)$/u.test(error.message);
}
