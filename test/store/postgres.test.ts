// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { postgresStore } from '../../src/store/postgres/index.ts';
import type { StoreUnderTest } from '../contract/contract-bench.ts';
import { storeContract } from '../contract/store-contract.ts';
import { embeddedPostgres, startPostgres, type PostgresServer } from '../kit/postgres/server.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres(await embeddedPostgres());
}, 60_000);
afterAll(() => server.stop());

async function open(): Promise<StoreUnderTest> {
  const schema = `test_${randomUUID().replaceAll('-', '')}`;
  const settings = {
    host: '127.0.0.1',
    port: server.port,
    database: 'postgres',
    user: 'postgres',
    options: `-c search_path=${schema}`,
  };
  const reader = new Client(settings);
  await reader.connect();
  await reader.query(`CREATE SCHEMA ${schema}`);
  const store = postgresStore(settings);
  await store.open({});
  return {
    store,
    async second() {
      const other = postgresStore(settings);
      await other.open({});
      return other;
    },
    async query(sql) {
      return (await reader.query<Record<string, unknown>>(sql)).rows;
    },
    async close() {
      await store.close();
      await reader.query(`DROP SCHEMA ${schema} CASCADE`);
      await reader.end();
    },
  };
}

storeContract('PostgreSQL', open);
