// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import type { Store } from '../store/port.ts';
import type { InventoryReader } from '../store/port/reader.ts';
import { DatabaseTrouble } from '../store/refusals.ts';
import { postgresReader } from '../store/postgres/reader.ts';
import { sqliteReader } from '../store/sqlite/reader.ts';
import type { Streams } from './command.ts';
import {
  addressParameters,
  connectionSettings,
  type ConnectionSettings,
} from '../store/postgres/connection-settings.ts';
import { postgresStore } from '../store/postgres/index.ts';
import { isAway } from '../store/postgres/trouble.ts';
import { sqliteStore } from '../store/sqlite/index.ts';
import { InputError } from './manifests.ts';

export const defaultStoreUrl = 'sqlite:inventory.db';

/** The flags that name the database, for every command that has one. */
export const storeOptions = {
  // parseArgs alone would silently take the last of several.
  store: { type: 'string', multiple: true, default: [defaultStoreUrl] as string[] },
  'store-password-file': { type: 'string' },
} as const;

export const storeUsage = `      --store URL                 inventory database (default ${defaultStoreUrl}), or
                                  postgres://USER@HOST/DATABASE[?sslmode=verify-full&sslrootcert=FILE]
      --store-password-file FILE  password of the database; else PGPASSWORD`;

export interface StoreFlags {
  readonly store: string | readonly string[];
  readonly 'store-password-file'?: string | undefined;
}

export interface StoreSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly warn: (line: string) => void;
  /** A connection that nobody was using broke; it is replaced. */
  readonly onError?: (error: Error) => void;
}

/** The one URL that the flag was given with. */
export function oneStore({ store }: Pick<StoreFlags, 'store'>): string {
  if (typeof store === 'string') return store;
  const [url = defaultStoreUrl, ...more] = store;
  if (more.length === 0) return url;
  const all = store.map(withoutPassword).join(', ');
  throw new InputError(
    `--store is given ${store.length} times (${all}); there is one inventory, name it once`,
  );
}

/** Nobody answers at the address, or not yet: it may be there by itself in a while. */
export class StoreAway extends InputError {}

/**
 * The database that the flags name, opened. Throws InputError with what is wrong, and never with a password; StoreAway when trying again
 * may help.
 */
export async function openStore(
  flags: StoreFlags,
  surroundings: StoreSurroundings,
  signal?: AbortSignal,
): Promise<Store> {
  const one = { ...flags, store: oneStore(flags) };
  try {
    const store = storeOf(one, surroundings);
    const giveUp = () => void store.close();
    signal?.addEventListener('abort', giveUp, { once: true });
    try {
      await store.open();
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
    return store;
  } catch (error) {
    throw refusedStore(one, error);
  }
}

/** Says of the flag what is wrong with what it names. */
export function refusedStore({ store }: StoreFlags, reason: unknown): InputError {
  const message = `--store ${withoutPassword(String(store))}: ${reasonOf(reason)}`;
  return isAway(reason) ? new StoreAway(message) : new InputError(message);
}

/**
 * Works with the database that the flags name, opened for reading alone: nothing is made, migrated or written. Throws InputError like
 * `openStore`, also for a right that shows to be missing later.
 */
export async function withReader<T>(
  flags: StoreFlags,
  { stderr }: Pick<Streams, 'stderr'>,
  work: (reader: InventoryReader) => Promise<T>,
): Promise<T> {
  const warn = (line: string) => void stderr.write(`warning: ${line}\n`);
  const one = { ...flags, store: oneStore(flags) };
  const reader = await openReader(one, { env: process.env, warn });
  try {
    return await work(reader);
  } catch (error) {
    throw error instanceof DatabaseTrouble ? refusedStore(one, error) : error;
  } finally {
    await reader.close();
  }
}

async function openReader(flags: StoreFlags, surroundings: StoreSurroundings): Promise<InventoryReader> {
  try {
    const reader = chosen(flags, surroundings, sqliteReader, postgresReader);
    await reader.open();
    return reader;
  } catch (error) {
    throw refusedStore(flags, error);
  }
}

function storeOf(flags: StoreFlags, surroundings: StoreSurroundings): Store {
  return chosen(flags, surroundings, sqliteStore, postgresStore);
}

function chosen<T>(
  flags: StoreFlags,
  { env, warn, onError }: StoreSurroundings,
  inFile: (file: string) => T,
  onServer: (settings: ConnectionSettings, onError?: (error: Error) => void) => T,
): T {
  const url = oneStore(flags);
  const { 'store-password-file': passwordFile } = flags;
  const file = sqliteFileOf(url);
  if (file !== undefined) {
    if (passwordFile !== undefined)
      throw new InputError('SQLite has no password; leave --store-password-file out, or name a PostgreSQL');
    return inFile(file);
  }
  if (!/^postgres(?:ql)?:/u.test(url))
    throw new InputError('not a known store; use sqlite:FILE or postgres://USER@HOST/DATABASE');
  if (URL.parse(url)?.password)
    warn('the password in --store shows in the list of processes; use --store-password-file or PGPASSWORD');
  const sources = { env, readFile: (path: string) => readFileSync(path, 'utf8'), passwordFile };
  return onServer(connectionSettings(url, sources), onError);
}

/** The file that a URL of SQLite names. */
export function sqliteFileOf(url: string): string | undefined {
  return /^sqlite:(.+)$/u.exec(url)?.[1];
}

/**
 * What may be shown of a URL: no password, which ends at the last @, since it may hold one itself; and no value of a parameter that
 * is not ours, such as `password`.
 */
export function withoutPassword(url: string): string {
  return url
    .replace(/^([a-z]+:\/\/[^:@/]*):.*@/u, '$1@')
    .replaceAll(/([?&])([^=&]*)=[^&]*/gu, (whole, mark: string, name: string) =>
      addressParameters.has(name) ? whole : `${mark}${name}=…`,
    );
}

/** Certificates that no known authority has signed; Node's own words for it advise what does not help here. */
const unknownAuthority: ReadonlySet<unknown> = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
]);

function reasonOf(error: unknown): string {
  // A refused connection to a name with several addresses is an error of errors without a message.
  if (error instanceof AggregateError && error.message === '')
    return error.errors.map((one: unknown) => reasonOf(one)).join('; ');
  if (!(error instanceof Error)) return String(error);
  const { message } = error;
  if ('code' in error && unknownAuthority.has(error.code))
    return `no known authority has signed the server's certificate (${String(error.code)}); name the right one with sslrootcert=FILE`;
  if ('code' in error && error.code === 'ERR_TLS_CERT_ALTNAME_INVALID') return otherName(error);
  if (message.includes('client password must be a string'))
    return 'the server asks for a password and none is given; use --store-password-file or PGPASSWORD';
  return message;
}

/** Node's own words end in a list that is empty when the certificate has no address in it. */
function otherName(error: Error & { host?: unknown; cert?: { subjectaltname?: string } }): string {
  const names = error.cert?.subjectaltname ?? '';
  return (
    `the server's certificate is not for ${String(error.host)}, but for ${names === '' ? 'no name at all' : names}; ` +
    'write the host in --store as the certificate names it, or check the authority alone with sslmode=verify-ca'
  );
}
