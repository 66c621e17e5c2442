// SPDX-License-Identifier: Apache-2.0
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { syncCommand } from '../../src/cli/sync.ts';
import { certificate } from '../kit/certificate.ts';
import { embeddedPostgres, startPostgres, type PostgresServer } from '../kit/postgres/server.ts';
import { call, CliBench } from './cli-bench.ts';

/* A server that asks for a password, and whose authority is a private one. */

const bench = new CliBench();
const root = certificate('a root', { authority: true });
const shown = certificate('the database', { issuer: root });
let server: PostgresServer;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'extsys-login-'));
  // The server runs as somebody else, who must be able to read its rules.
  chmodSync(folder, 0o755);
  const rules = join(folder, 'pg_hba.conf');
  writeFileSync(
    rules,
    'host all postgres all trust\nhostssl all extsys all scram-sha-256\nhost all guest all scram-sha-256\n',
    { mode: 0o644 },
  );
  writeFileSync(join(folder, 'root.crt'), root.cert);
  const pem = shown.key.export({ type: 'pkcs8', format: 'pem' }).toString();
  server = await startPostgres(await embeddedPostgres(), {
    tls: { cert: shown.cert, key: pem },
    settings: [`hba_file=${rules}`],
  });
  const admin = new Client({ connectionString: server.url });
  await admin.connect();
  await admin.query("CREATE ROLE extsys LOGIN PASSWORD 'of-extsys'; GRANT CREATE ON SCHEMA public TO extsys");
  await admin.end();
}, 60_000);
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** `extsys` is let in by TLS only. */
const sync = (query: string, user: 'extsys' | 'guest', ...flags: string[]) => {
  const store = `postgres://${user}@localhost:${server.port}/postgres${query}`;
  return call(syncCommand, ['-f', '-', '--store', store, '--quiet', ...flags], bench.manifests());
};

describe('a database that wants to know who we are, and must show who it is', () => {
  test('that nobody gave the password of is refused with the ways to give it', async () => {
    await expect(sync('', 'guest')).rejects.toThrow(
      /: the server asks for a password and none is given; use --store-password-file or PGPASSWORD$/u,
    );
  });

  test('of a private authority is refused with the parameter that names it', async () => {
    await expect(sync('?sslmode=verify-full', 'extsys')).rejects.toThrow(
      /: no known authority has signed the server's certificate \([A-Z_]+\); name the right one with sslrootcert=FILE$/u,
    );
  });

  test('whose certificate is for another name is refused with the names that it has', async () => {
    const query = `?sslrootcert=${encodeURIComponent(join(folder, 'root.crt'))}`;
    const store = `postgres://extsys@127.0.0.1:${server.port}/postgres${query}`;
    await expect(call(syncCommand, ['-f', '-', '--store', store], bench.manifests())).rejects.toThrow(
      /: the server's certificate is not for 127\.0\.0\.1, but for DNS:localhost; write the host in --store as the certificate names it/u,
    );
  });

  test('is written into, by TLS, when its authority is named, also on this machine', async () => {
    const password = join(folder, 'password');
    writeFileSync(password, 'of-extsys\n');
    const query = `?sslrootcert=${encodeURIComponent(join(folder, 'root.crt'))}`;
    expect(await sync(query, 'extsys', '--store-password-file', password)).toMatchObject({ code: 0 });
    await expect(
      sync(`?sslrootcert=${folder}/none.crt`, 'extsys', '--store-password-file', password),
    ).rejects.toThrow(/none\.crt cannot be read \(ENOENT\); see sslrootcert$/u);
    const admin = new Client({ connectionString: server.url });
    await admin.connect();
    const { rows } = await admin.query('SELECT count(*)::int AS n FROM assets');
    await admin.end();
    expect(rows).toEqual([{ n: 60 }]);
  });

  test('is not one of SQLite, which has no password', async () => {
    const flags = ['-f', '-', '--store', bench.store, '--store-password-file', join(folder, 'any')];
    await expect(call(syncCommand, flags, bench.manifests())).rejects.toThrow(
      /SQLite has no password; leave --store-password-file out/u,
    );
  });
});
