// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SyncRun } from '../../src/api/resource.ts';
import { InputError } from '../../src/cli/manifests.ts';
import { syncCommand } from '../../src/cli/sync.ts';
import { embeddedPostgres, startPostgres, type PostgresServer } from '../kit/postgres/server.ts';
import { call, CliBench } from './cli-bench.ts';

const bench = new CliBench();
let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres(await embeddedPostgres());
}, 60_000);
afterAll(() => server.stop());

/** A schema of its own for one test, as `--store` and for a reader. */
async function schema(name: string): Promise<string> {
  const admin = new Client({ connectionString: server.url });
  await admin.connect();
  await admin.query(`CREATE SCHEMA ${name}`);
  await admin.end();
  return `${server.url}?options=${encodeURIComponent(`-c search_path=${name}`)}`;
}

describe('extsys sync --store postgres://…', () => {
  test('writes the same rows as into a file', async () => {
    const all = { relationships: true, users: true, groups: true };
    const yaml = bench.manifests(all);
    const url = await schema('rows');
    const into = ['--store', url, '--output', 'json'];
    const first = await call(syncCommand, ['-f', '-', ...into], yaml);
    expect(first.code, first.err).toBe(0);
    expect((JSON.parse(first.out) as SyncRun).status?.totals).toMatchObject({ created: 132 });
    const again = await call(syncCommand, ['-f', '-', '--mode', 'Full', ...into], yaml);
    expect((JSON.parse(again.out) as SyncRun).status?.totals).toMatchObject({
      created: 0,
      updated: 0,
      unchanged: 132,
    });
    await bench.sync(yaml);
    const reader = new Client({ connectionString: url });
    await reader.connect();
    for (const table of ['assets', 'users', 'groups', 'memberships', 'relationships']) {
      const sql = `SELECT external_id, name, content_hash FROM ${table} ORDER BY external_id`;
      const { rows } = await reader.query(sql);
      expect(rows.length).toBeGreaterThan(0);
      expect(rows, table).toEqual(bench.rows(sql).map((row) => ({ ...row })));
    }
    await reader.end();
  });

  const dead = 'postgres://extsys:hunter2-canary@127.0.0.1:9/inventory';

  test('a database that is not there is unusable input, and its password is not shown', async () => {
    const refused = call(syncCommand, ['-f', '-', '--store', dead], bench.manifests());
    await expect(refused).rejects.toThrow(
      '--store postgres://extsys@127.0.0.1:9/inventory: connect ECONNREFUSED 127.0.0.1:9',
    );
    expect(bench.instance.requests).toEqual([]);
  });

  test('a password comes from a file; one that cannot be read is said', async () => {
    const file = join(bench.folder, 'password');
    writeFileSync(file, 'of-no-account\n');
    const url = await schema('password');
    const flags = ['--store', url, '--store-password-file', file, '--quiet', '-o', 'json'];
    expect((await call(syncCommand, ['-f', '-', ...flags], bench.manifests())).code).toBe(0);
    const missing = ['--store', url, '--store-password-file', `${file}-missing`];
    await expect(call(syncCommand, ['-f', '-', ...missing], bench.manifests())).rejects.toThrow(
      /--store postgres:\/\/postgres@.*password-missing cannot be read \(ENOENT\); see --store-password-file$/u,
    );
  });

  test('a database with a newer schema is refused in one sentence, with exit status 2', async () => {
    const url = await schema('newer');
    await call(syncCommand, ['-f', '-', '--store', url, '--quiet'], bench.manifests());
    const admin = new Client({ connectionString: url });
    await admin.connect();
    await admin.query("INSERT INTO migrations VALUES (9999, 'of-the-future', 'x')");
    await admin.end();
    const refused = call(syncCommand, ['-f', '-', '--store', url], bench.manifests());
    await expect(refused).rejects.toThrow(InputError);
    await expect(refused).rejects.toThrow(
      /^--store postgres:\S+: database postgres on 127\.0\.0\.1 has schema 9999, newer than the \d+ of this version; use a version that knows it$/u,
    );
  });

  test('the password of an address is said to show in the list of processes, and is not shown, whatever it holds', async () => {
    const url = (await schema('warned')).replace('postgres@', 'postgres:hunter2@canary@');
    const flags = ['-f', '-', '--store', url, '--quiet'];
    const warned = await call(syncCommand, flags, bench.manifests());
    expect(warned.err).toBe(
      'warning: the password in --store shows in the list of processes; use --store-password-file or PGPASSWORD\n',
    );
    const refused = call(syncCommand, ['-f', '-', '--store', `${url}&ssl=true`], bench.manifests());
    await expect(refused).rejects.toThrow(/^(?!.*(?:hunter2|canary)).*has an unknown parameter ssl/u);
  });

  test.each([
    'password=hunter2',
    'pass%77ord=hunter2',
    'user=me&password=hunter2@canary',
    'sslmode=verify-full&pwd=hunter2',
  ])('a parameter that is not known, ?%s, is refused by its name, without its value', async (query) => {
    const store = `postgres://extsys@db.example.com/inventory?${query}`;
    const refused = call(syncCommand, ['-f', '-', '--store', store], bench.manifests());
    await expect(refused).rejects.toThrow(/^(?!.*(?:hunter2|canary)).*=….*has an unknown parameter/u);
  });

  test.each([
    ['mysql://a/b', /not a known store; use sqlite:FILE or postgres:\/\/USER@HOST\/DATABASE/u],
    ['postgres://db/inventory', /names no user/u],
    ['postgres://u@db/inventory?sslmode=prefer', /sslmode prefer, which does not say who/u],
  ])('%s is refused', async (url, message) => {
    await expect(call(syncCommand, ['-f', '-', '--store', url], bench.manifests())).rejects.toThrow(message);
  });
});
