// SPDX-License-Identifier: Apache-2.0
import type { ConnectionOptions } from 'node:tls';

/** Where the database is and how to log in; the part of a pool's settings that comes from outside. */
export interface ConnectionSettings {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password?: string;
  /** Settings of the session, as `-c name=value`. */
  readonly options?: string;
  /** Absent: no TLS. */
  readonly ssl?: ConnectionOptions;
}

/** Says what is wrong with an address, and what to write instead. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
}

export interface AddressSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads a file that the address or a flag names; throws when it cannot. */
  readonly readFile: (path: string) => string;
  readonly passwordFile: string | undefined;
}

/** Of the query of an address; none of them holds a secret. */
export const addressParameters: ReadonlySet<string> = new Set(['sslmode', 'sslrootcert', 'options']);
const sslModes = ['verify-full', 'verify-ca', 'disable'] as const;

/**
 * The settings of `postgres://USER@HOST:PORT/DATABASE?sslmode=verify-full&sslrootcert=FILE`. The password comes from a file, else from
 * PGPASSWORD, else from the address, where it shows in the list of processes. Without `sslmode` the server is verified, unless it is on
 * this machine and no authority is named.
 */
export function connectionSettings(address: string, sources: AddressSources): ConnectionSettings {
  const url = URL.parse(address);
  if (url === null) throw new AddressError('is no URL; use postgres://USER@HOST:PORT/DATABASE');
  const database = decodeURIComponent(url.pathname.slice(1));
  if (url.hostname === '' || database === '')
    throw new AddressError('names no host or no database; use postgres://USER@HOST:PORT/DATABASE');
  if (url.username === '') throw new AddressError('names no user; use postgres://USER@HOST:PORT/DATABASE');
  for (const name of url.searchParams.keys()) {
    if (!addressParameters.has(name))
      throw new AddressError(`has an unknown parameter ${name}; use ${[...addressParameters].join(', ')}`);
  }
  const password = passwordOf(url, sources);
  const options = url.searchParams.get('options');
  const ssl = tlsOf(url, sources);
  return {
    host: url.hostname.replace(/^\[|\]$/gu, ''),
    port: url.port === '' ? 5432 : Number(url.port),
    database,
    user: decodeURIComponent(url.username),
    ...(password === undefined ? {} : { password }),
    ...(options === null ? {} : { options }),
    ...(ssl === undefined ? {} : { ssl }),
  };
}

function passwordOf(url: URL, { env, readFile, passwordFile }: AddressSources): string | undefined {
  if (passwordFile !== undefined) {
    const password = read(readFile, passwordFile, '--store-password-file').replace(/\r?\n$/u, '');
    // An empty one would silently give way to another.
    if (password === '')
      throw new AddressError(`is to be used with the password in ${passwordFile}, which is empty`);
    return password;
  }
  return env['PGPASSWORD'] ?? (url.password === '' ? undefined : decodeURIComponent(url.password));
}

/** What an address says of TLS, with the default: a server on this machine is not verified unless an authority is named. */
export function tlsAsked(url: URL): { readonly mode: string; readonly authority: string | null } {
  const host = url.hostname.replace(/^\[|\]$/gu, '');
  const local = host === 'localhost' || host === '::1' || host.startsWith('127.');
  const authority = url.searchParams.get('sslrootcert');
  const byDefault = local && authority === null ? 'disable' : 'verify-full';
  return { mode: url.searchParams.get('sslmode') ?? byDefault, authority };
}

function tlsOf(url: URL, { readFile }: AddressSources): ConnectionOptions | undefined {
  const { mode: asked, authority: file } = tlsAsked(url);
  const mode = sslModes.find((one) => one === asked);
  if (mode === undefined) {
    throw new AddressError(
      `has sslmode ${asked}, which does not say who is at the other end; use ${sslModes.join(', ')}`,
    );
  }
  if (mode === 'disable') {
    if (file === null) return undefined;
    throw new AddressError(
      'has sslrootcert, which verifies a server, beside sslmode disable, which asks for none; keep one',
    );
  }
  return {
    rejectUnauthorized: true,
    ...(file === null ? {} : { ca: read(readFile, file, 'sslrootcert') }),
    // The chain is checked all the same.
    ...(mode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
  };
}

function read(readFile: (path: string) => string, path: string, named: string): string {
  try {
    return readFile(path);
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new AddressError(`${path} cannot be read (${why}); see ${named}`, { cause: error });
  }
}
