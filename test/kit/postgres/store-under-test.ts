// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import type { ConnectionSettings } from '../../../src/store/postgres/connection-settings.ts';
import { postgresStore } from '../../../src/store/postgres/index.ts';
import type { StoreUnderTest } from '../../contract/contract-bench.ts';
import type { PostgresServer } from './server.ts';

export interface PostgresUnderTest extends StoreUnderTest {
  readonly settings: ConnectionSettings;
}

/** A connection whose tables are those of a schema. */
export function settingsFor({ port }: PostgresServer, schema: string): ConnectionSettings {
  const options = `-c search_path=${schema}`;
  return { host: '127.0.0.1', port, database: 'postgres', user: 'postgres', options };
}

/** A store in a schema of its own, in the one database of the server. */
export async function openPostgres(server: PostgresServer): Promise<PostgresUnderTest> {
  const schema = `test_${randomUUID().replaceAll('-', '')}`;
  const settings = settingsFor(server, schema);
  const reader = new Client(settings);
  await reader.connect();
  await reader.query(`CREATE SCHEMA ${schema}`);
  const store = postgresStore(settings);
  await store.open();
  return {
    store,
    settings,
    async second() {
      const other = postgresStore(settings);
      await other.open();
      return other;
    },
    async query(sql) {
      return (await reader.query<Record<string, unknown>>(sql)).rows;
    },
    async change(sql) {
      await reader.query(sql);
    },
    async close() {
      await store.close();
      await reader.query(`DROP SCHEMA ${schema} CASCADE`);
      await reader.end();
    },
  };
}
