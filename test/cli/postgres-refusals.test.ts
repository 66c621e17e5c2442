// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { syncCommand } from '../../src/cli/sync.ts';
import { embeddedPostgres, startPostgres, type PostgresServer } from '../kit/postgres/server.ts';
import { call, CliBench } from './cli-bench.ts';

/* Databases that cannot be used, each refused with what helps. */

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const bench = new CliBench();
let server: PostgresServer;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'extsys-refusals-'));
  // The server runs as somebody else, who must be able to read its rules.
  chmodSync(folder, 0o755);
  const rules = join(folder, 'pg_hba.conf');
  writeFileSync(rules, 'host all guest all scram-sha-256\nhost all all all trust\n', { mode: 0o644 });
  server = await startPostgres(await embeddedPostgres(), { settings: [`hba_file=${rules}`] });
  await admin("CREATE ROLE guest LOGIN PASSWORD 'of-guest'");
  await admin('CREATE ROLE poor LOGIN');
}, 60_000);
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function admin(sql: string, url = server.url): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(sql);
  await client.end();
}

function address(user: string, database = 'postgres', schema?: string): string {
  const options = schema === undefined ? '' : `?options=${encodeURIComponent(`-c search_path=${schema}`)}`;
  return `postgres://${user}@127.0.0.1:${server.port}/${database}${options}`;
}

const sync = (store: string) =>
  call(syncCommand, ['-f', '-', '--store', store, '--quiet'], bench.manifests());

describe('a database that cannot be used', () => {
  test.each(['LATIN1', 'SQL_ASCII'])(
    'of encoding %s is refused with a statement that makes another',
    async (encoding) => {
      const database = encoding.toLowerCase();
      await admin(
        `CREATE DATABASE ${database} ENCODING '${encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'`,
      );
      await expect(sync(address('postgres', database))).rejects.toThrow(
        `database ${database} on 127.0.0.1 has the encoding ${encoding}, which cannot hold every name; make another and use that: CREATE DATABASE inventory ENCODING 'UTF8'`,
      );
      expect(bench.instance.requests).toEqual([]);
    },
  );

  test('whose schema the account may not write into is told with the grant', async () => {
    await expect(sync(address('poor'))).rejects.toThrow(
      /permission denied for schema public; as its owner: GRANT CREATE, USAGE ON SCHEMA public TO "poor"; or give the account a schema/u,
    );
    await admin('GRANT CREATE, USAGE ON SCHEMA public TO "poor"');
    expect(await sync(address('poor'))).toMatchObject({ code: 0 });
  });

  test('whose search_path names no schema is told with the statement that makes one', async () => {
    await expect(sync(address('postgres', 'postgres', 'nowhere'))).rejects.toThrow(
      /no schema has been selected to create in; the search_path names no schema that exists.*CREATE SCHEMA inventory AUTHORIZATION "postgres"/u,
    );
  });

  test('that holds the tables of another program is left to it', async () => {
    await admin('CREATE SCHEMA other; CREATE TABLE other.migrations (id integer, applied text)');
    await expect(sync(address('postgres', 'postgres', 'other'))).rejects.toThrow(
      /database postgres on 127\.0\.0\.1 has a table migrations of another program; use a database or schema of its own/u,
    );
  });

  test('whose migration is not ours is told what to use instead', async () => {
    await admin('CREATE SCHEMA odd');
    const store = address('postgres', 'postgres', 'odd');
    await sync(store);
    await admin("UPDATE odd.migrations SET checksum = 'x' WHERE number = 5");
    await expect(sync(store)).rejects.toThrow(
      /migration 0005_withheld\.sql is not the one of this version; .*use the version that made them, or a database or schema of its own/u,
    );
  });

  test('ends the process at once when no password is given, though the server would wait for a minute', async () => {
    const file = join(bench.folder, 'system.yaml');
    writeFileSync(file, bench.manifests());
    const { PGPASSWORD: _, ...env } = process.env;
    const args = [main, 'sync', '-f', file, '--store', address('guest')];
    const child = spawn(process.execPath, args, { env, timeout: 30_000 });
    const [stderr, [code]] = await Promise.all([
      text(child.stderr),
      once(child, 'exit') as Promise<[number | null]>,
    ]);
    expect(stderr).toMatch(/the server asks for a password and none is given/u);
    expect(code, 'it was not ended by the time limit').toBe(2);
  }, 40_000);
});
