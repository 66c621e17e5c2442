// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SqlEngine } from '../../src/store/sql/sql.ts';
import { load } from '../contract/inventory-load.ts';
import { embeddedPostgres, startPostgres, type PostgresServer } from '../kit/postgres/server.ts';
import { settingsFor } from '../kit/postgres/store-under-test.ts';
import { all, postgresBefore, sqliteBefore, withBefore, type Before } from './database-before.ts';

const at = '2026-01-02T03:04:05.000Z';
const views = ['device_identities', 'device_matches', 'device_match_problems', 'sso_application_expiry'];
const tables = ['devices', 'role_assignments', 'sso_applications'];
const readable = [
  ...views.flatMap((name) => [name, `demo_${name}`]),
  ...tables.flatMap((name) => [name, `current_${name}`, `demo_${name}`]),
];

/** People and assets as the version before devices wrote them. */
async function fill(engine: SqlEngine): Promise<void> {
  const common = 'attributes, content_hash, first_seen_at, changed_at, demo, correlation_id';
  const values = `'{}', 'h', '${at}', '${at}', 0, 'c'`;
  await engine.transaction((sql) =>
    sql.script(`
      INSERT INTO users (system, stream, external_id, name, user_name, ${common})
        VALUES ('inventory/entra', 'users', 'u1', 'Ada', 'ada@example.com', ${values});
      INSERT INTO assets (system, stream, external_id, name, serial_number, ${common})
        VALUES ('inventory/cmdb', 'cis', 'a1', 'Notebook 1', 'S-1', ${values});`),
  );
}

function upgradeTests(name: string, open: () => Promise<Before>): void {
  it(`${name}: devices that are read from then on join to the users and assets that were there`, () =>
    withBefore(open, async (tested) => {
      await fill(tested.engine);
      await tested.store.open();
      expect(await all(tested, 'SELECT * FROM device_matches')).toEqual([]);
      const device = { serialNumber: 's-1', userName: 'ADA@example.com' };
      const tally = await load(tested.store, 'run-1', {
        ...{ kind: 'Device', system: 'inventory/entra', stream: 'managedDevices', rows: { d1: device } },
      });
      expect(tally).toMatchObject({ created: 1 });
      expect(
        await all(
          tested,
          'SELECT external_id, user_external_id, user_display_name, asset_external_id, asset_name FROM device_matches',
        ),
      ).toEqual([
        {
          ...{ external_id: 'd1', user_external_id: 'u1', user_display_name: 'Ada' },
          ...{ asset_external_id: 'a1', asset_name: 'Notebook 1' },
        },
      ]);
    }));
}

describe('a database of the version before devices', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres(await embeddedPostgres());
  }, 60_000);
  afterAll(() => server.stop());

  upgradeTests('SQLite', () => sqliteBefore(12));
  upgradeTests('PostgreSQL', () => postgresBefore(server, 13));

  it('PostgreSQL: a role that only reads, with the rights of the guide, reads what came with the upgrade', () =>
    withBefore(
      () => postgresBefore(server, 13),
      async ({ engine, store, schema = '' }) => {
        const role = `viewer_${randomUUID().slice(0, 8)}`;
        await engine.transaction((sql) =>
          sql.script(`
            CREATE ROLE ${role} LOGIN;
            GRANT USAGE ON SCHEMA ${schema} TO ${role};
            GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${role};
            ALTER DEFAULT PRIVILEGES IN SCHEMA ${schema} GRANT SELECT ON TABLES TO ${role};`),
        );
        await store.open();
        const viewer = new Client({ ...settingsFor(server, schema), user: role });
        await viewer.connect();
        try {
          for (const name of readable)
            expect((await viewer.query(`SELECT * FROM ${name}`)).rows, name).toEqual([]);
          await expect(viewer.query('DELETE FROM devices')).rejects.toThrow(/permission denied/u);
        } finally {
          await viewer.end();
        }
      },
    ));
});
