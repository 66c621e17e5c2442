// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { tlsAsked } from '../store/postgres/connection-settings.ts';
import { BackupRefused, backupSqlite } from '../store/sqlite/backup.ts';
import type { Streams } from './command.ts';
import { InputError } from './manifests.ts';
import {
  defaultStoreUrl,
  oneStore,
  refusedStore,
  sqliteFileOf,
  storeOptions,
  withoutPassword,
} from './store-url.ts';

export const backupUsage = `extsys backup [--store sqlite:FILE] --to FILE

Copies a SQLite inventory into a new file, as it stands at this moment, also while an operator writes into it. The copy is
checked before it gets its name. For PostgreSQL use pg_dump.

      --store URL  inventory to copy (default ${defaultStoreUrl})
      --to FILE    where to; a file that exists is never overwritten
  -q, --quiet      no progress on standard error

Exit status: 0 the copy is there and sound, 1 it could not be made, 2 unusable input.
`;

/** Small copies are done before anybody wonders. */
const firstWordMs = 1_000;

/** `extsys backup`. Answers the exit status. */
export async function backupCommand(args: readonly string[], streams: Streams): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      store: storeOptions.store,
      to: { type: 'string' },
      quiet: { type: 'boolean', short: 'q', default: false },
    },
  });
  const { to } = values;
  const store = oneStore(values);
  if (to === undefined || to === '') throw new InputError('--to FILE is missing: the new file of the copy');
  if (sqliteFileOf(to) !== undefined)
    throw new InputError(`--to ${to}: give the file alone, without sqlite:`);
  const from = sourceOf(store, to);
  const say = (line: string) => void (values.quiet || streams.stderr.write(`${line}\n`));
  const stop = new AbortController();
  const interrupt = () => stop.abort(new Error('interrupted; there is no copy'));
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    const { bytes, schema } = await backupSqlite(from, to, {
      signal: stop.signal,
      onProgress: progressOf(say),
      onCheck: () => say('checking the copy …'),
    });
    streams.stdout.write(`${to}: ${megabytes(bytes)}, schema ${schema}, checked\n`);
    return 0;
  } catch (error) {
    if (error instanceof BackupRefused) throw new InputError(error.message);
    streams.stderr.write(`extsys backup: ${refusedStore(values, error).message}\n`);
    return 1;
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

function sourceOf(store: string, to: string): string {
  const file = sqliteFileOf(store);
  if (file === undefined || file === ':memory:') throw new InputError(insteadOf(store, to));
  if (!existsSync(file)) throw new InputError(`--store ${store}: there is no such file`);
  return file;
}

function insteadOf(store: string, to: string): string {
  if (!/^postgres(?:ql)?:/u.test(store)) return `--store ${store}: use sqlite:FILE`;
  const url = withoutPassword(store);
  return (
    `--store ${url}: this copies SQLite files; for PostgreSQL use its own: ` +
    `pg_dump --format=custom --file=${to} --dbname='${forLibpq(url)}'`
  );
}

/** The same check of the server by libpq, which knows no authority unless it is told one; `system` is known to it from version 16 on. */
function forLibpq(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null) return url;
  const { mode, authority } = tlsAsked(parsed);
  if (mode === 'disable') return url;
  const missing = [
    ...(parsed.searchParams.has('sslmode') ? [] : [`sslmode=${mode}`]),
    // With the authorities of the machine libpq checks no less than the name.
    ...(authority === null ? [`sslrootcert=${mode === 'verify-full' ? 'system' : 'FILE'}`] : []),
  ];
  if (missing.length === 0) return url;
  return `${url}${url.includes('?') ? '&' : '?'}${missing.join('&')}`;
}

function progressOf(say: (line: string) => void): (copied: number, pages: number) => void {
  let saidMs = performance.now();
  return (copied, pages) => {
    const nowMs = performance.now();
    if (nowMs - saidMs < firstWordMs) return;
    saidMs = nowMs;
    say(`${copied} of ${pages} pages (${Math.floor((copied / pages) * 100)} %) …`);
  };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
