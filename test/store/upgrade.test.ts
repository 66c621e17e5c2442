// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sql, SqlEngine } from '../../src/store/sql/sql.ts';
import { fullPass, record } from '../contract/contract-bench.ts';
import { embeddedPostgres, startPostgres, type PostgresServer } from '../kit/postgres/server.ts';
import { all, postgresBefore, sqliteBefore, withBefore, type Before } from './database-before.ts';

const at = '2026-01-02T03:04:05.000Z';

/** As the version before writes a row: it knows of no column that came later. */
const insert = (id: string) => `INSERT INTO groups
  (system, stream, external_id, name, attributes, content_hash, first_seen_at, changed_at, demo, correlation_id)
  VALUES ('inventory/cmdb', 'groups', '${id}', 'old', '{}', 'h', '${at}', '${at}', 0, 'c')`;

/** Groups as the version before withdrawn rows left them. */
async function withGroups(tested: Before): Promise<Before> {
  await tested.engine.transaction(async (sql) => {
    await sql.run(
      "INSERT INTO systems (system, source) VALUES ('inventory/cmdb', 'vendor https://a.example.com')",
    );
    await sql.run(
      "INSERT INTO streams (system, stream, record, fingerprint) VALUES ('inventory/cmdb', 'groups', 'Group', 'f0')",
    );
    for (const id of ['a', 'b']) await sql.run(insert(id));
    await sql.run(`UPDATE groups SET deleted_at = '${at}' WHERE external_id = 'b'`);
  });
  return tested;
}

function upgradeTests(
  name: string,
  open: () => Promise<Before>,
  more?: (sql: Sql) => Promise<() => Promise<void>>,
) {
  describe(`${name}: a database of the version before`, () => {
    it('is brought up to date with its rows, none of them withdrawn', () =>
      withBefore(open, async (tested) => {
        const check = more === undefined ? undefined : await tested.engine.transaction(more);
        await tested.store.open();
        expect(await all(tested, 'SELECT external_id FROM current_groups')).toMatchObject([
          { external_id: 'a' },
        ]);
        expect(await tested.store.recordCounts('inventory/cmdb')).toContainEqual({
          ...{ kind: 'Group', live: 1, deleted: 1, withdrawn: 0 },
        });
        await check?.();
        const tally = await fullPass(tested.store, 'run-1', [record('a'), record('c')]);
        expect(tally).toMatchObject({ created: 1, updated: 1 });
      }));

    it('knows how many rows are set aside in it', () =>
      withBefore(open, async (tested) => {
        await tested.engine.transaction(async (sql) => {
          for (const id of ['a', 'b', 'c'])
            await sql.run(
              `INSERT INTO quarantine (stream_id, external_id, reason, path, raw, run_uid, set_aside_at)
               SELECT id, ?, 'must be string', '', '{}', 'r', '${at}' FROM streams`,
              id,
            );
        });
        await tested.store.open();
        expect((await tested.store.history('inventory/cmdb', 'u')).setAside).toEqual({
          streams: [{ stream: 'groups', rows: 3 }],
          most: { stream: 'groups', reason: 'must be string', rows: 3 },
        });
      }));

    it('goes on taking the writes of that version: new rows, changed ones, counts of runs', () =>
      withBefore(open, async (tested) => {
        await tested.store.open();
        await tested.engine.transaction(async (sql) => {
          await sql.run(insert('late'));
          await sql.run("UPDATE groups SET name = 'changed', deleted_at = NULL WHERE external_id = 'b'");
          await sql.run(
            "INSERT INTO run_streams (run_uid, stream, record, deleted, verdict) VALUES ('r', 'groups', 'Group', 1, '{}')",
          );
        });
        const rows = await all(tested, 'SELECT external_id, name FROM current_groups ORDER BY external_id');
        expect(rows).toMatchObject([
          { external_id: 'a', name: 'old' },
          { external_id: 'b', name: 'changed' },
          { external_id: 'late', name: 'old' },
        ]);
      }));
  });
}

upgradeTests('SQLite', async () => withGroups(await sqliteBefore(6)));

describe('on a server', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres(await embeddedPostgres());
  }, 60_000);
  afterAll(() => server.stop());

  const fileOfTable = async (sql: Sql) =>
    (await sql.get("SELECT pg_relation_filenode('groups') AS node"))?.['node'];

  let opened: SqlEngine;
  upgradeTests(
    'PostgreSQL',
    async () => {
      const tested = await postgresBefore(server, 7);
      opened = tested.engine;
      return withGroups(tested);
    },
    async (sql) => {
      // A reader's grant, and a view of his own, on a view of ours: both must outlive the migration; and no table is written anew.
      await sql.script(
        'CREATE VIEW names AS SELECT name FROM current_groups; GRANT SELECT ON current_groups TO pg_monitor',
      );
      const node = await fileOfTable(sql);
      return () =>
        opened.read(async (later) => {
          expect(await fileOfTable(later)).toBe(node);
          expect(await later.all('SELECT name FROM names')).toEqual([{ name: 'old' }]);
          expect(
            await later.get(
              "SELECT has_table_privilege('pg_monitor', 'current_groups', 'SELECT') AS granted",
            ),
          ).toEqual({ granted: true });
        });
    },
  );
});
