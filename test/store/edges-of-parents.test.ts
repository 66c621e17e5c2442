// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tableOf } from '../../src/inventory/columns.ts';
import { edgeKinds, memberKinds, parentColumnOf } from '../../src/inventory/edges.ts';
import { Database as Postgres } from '../../src/store/postgres/database.ts';
import { postgresStore } from '../../src/store/postgres/index.ts';
import { edgesLeftOut, edgesToMembers } from '../../src/store/sql/edges.ts';
import type { Row, Sql, SqlEngine } from '../../src/store/sql/sql.ts';
import { Database as Sqlite } from '../../src/store/sqlite/database.ts';
import { sqliteStore } from '../../src/store/sqlite/index.ts';
import { embeddedPostgres, startPostgres, type PostgresServer } from '../kit/postgres/server.ts';
import { settingsFor } from '../kit/postgres/store-under-test.ts';

/* Whatever the database knows of its tables, a page that completes a parent, or tells that a member is gone, costs their edges. */

interface Tested {
  readonly engine: SqlEngine;
  readonly explain: string;
  /** What makes the planner count. */
  readonly analyse: string;
  /** A whole table, or the rows of a whole stream, read for one page. */
  readonly reads: RegExp;
  readonly close: () => Promise<void>;
}

const stream = { id: 1, system: 'inventory/directory', stream: 'edges' } as const;

/** So many edges of each kind, ten of a parent, all of them seen by pass 1. */
async function fill({ engine }: Tested, parents: number): Promise<void> {
  await engine.transaction(async (sql) => {
    const digits =
      '(SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4)';
    const tens = `(SELECT a.n * 2 + b.n AS n FROM ${digits} a, ${digits} b WHERE b.n < 2)`;
    const numbers = `(SELECT a.n + 10 * b.n + 100 * c.n AS n FROM ${tens} a, ${tens} b, ${tens} c)`;
    for (const kind of edgeKinds) {
      const own = tableOf(kind).columns.filter(({ required }) => required);
      const parent = parentColumnOf(kind)?.name;
      const values = own.map(({ name }) => (name === parent ? "'parent-' || p.n" : "'other-' || m.n"));
      await sql.run(
        `INSERT INTO ${tableOf(kind).name} (system, stream, external_id, content_hash, first_seen_at, changed_at, correlation_id,
           ${own.map(({ name }) => `"${name}"`).join(', ')})
         SELECT '${stream.system}', '${stream.stream}', p.n || '/' || m.n, 'h', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', 'c',
           ${values.join(', ')} FROM ${numbers} p, ${tens} m WHERE p.n < ${parents}`,
      );
    }
    await sql.run(
      `INSERT INTO sightings (stream_id, external_id, scope_id, pass_id)
       SELECT 1, p.n || '/' || m.n, 1, 1 FROM ${numbers} p, ${tens} m WHERE p.n < ${parents}`,
    );
  });
}

type LookUp = (sql: Sql) => Promise<readonly string[]>;
type Kind = (typeof edgeKinds)[number];

const ofParent = (kind: Kind): LookUp => {
  const page = { passId: 2, complete: ['parent-7'] };
  return (sql) => edgesLeftOut(sql, { ...stream, record: kind }, page);
};

const toMember = (kind: Kind): LookUp => {
  const page = { removedMembers: ['parent-7', 'other-7', 'never-seen'] };
  return async (sql) => {
    const found: string[] = [];
    for await (const edges of edgesToMembers(sql, { ...stream, record: kind }, page)) found.push(...edges);
    return found;
  };
};

/** The plan of the look-up, and what it finds. */
async function planned({ engine, explain }: Tested, lookUp: LookUp) {
  return engine.read(async (sql) => {
    let plan: readonly Row[] = [];
    const watched: Sql = {
      ...sql,
      all: async (statement, ...values) => {
        plan = await sql.all(`${explain} ${statement}`, ...values);
        return sql.all(statement, ...values);
      },
    };
    const found = await lookUp(watched);
    return { found, plan: plan.map((row) => Object.values(row).join(' ')).join('\n') };
  });
}

function planTests(name: string, open: () => Promise<Tested>): void {
  describe(name, () => {
    const looks = async (kind: Kind, by: string, lookUp: LookUp, expected: readonly string[]) => {
      const tested = await open();
      try {
        await fill(tested, 1000);
        for (const known of ['no sizes yet', 'its sizes']) {
          const { found, plan } = await planned(tested, lookUp);
          expect(found.toSorted(), known).toEqual(expected.toSorted());
          expect(plan, known).toContain(`${tableOf(kind).name}_of_${by}`);
          expect(plan, known).not.toMatch(tested.reads);
          await tested.engine.transaction((sql) => sql.script(tested.analyse));
        }
      } finally {
        await tested.close();
      }
    };

    it.each(edgeKinds)('looks the edges of a parent up by an index: %s', async (kind) => {
      const ten = Array.from({ length: 10 }, (_, n) => `7/${n}`);
      await looks(kind, 'parent', ofParent(kind), ten);
    });

    it.each(memberKinds)('looks the edges to a member up by an index: %s', async (kind) => {
      const thousand = Array.from({ length: 1000 }, (_, n) => `${n}/7`);
      await looks(kind, 'member', toMember(kind), thousand);
    });
  });
}

planTests('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'extsys-edges-'));
  const file = join(folder, 'inventory.db');
  const store = sqliteStore(file);
  await store.open();
  const engine = new Sqlite(file);
  return {
    engine,
    explain: 'EXPLAIN QUERY PLAN',
    analyse: 'ANALYZE',
    // Of a JSON text it says SCAN too.
    reads: /SCAN [rs]\b/u,
    async close() {
      await engine.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});

describe('on a server', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres(await embeddedPostgres());
  }, 60_000);
  afterAll(() => server.stop());

  planTests('PostgreSQL', async () => {
    const schema = `edges_${randomUUID().replaceAll('-', '')}`;
    const settings = settingsFor(server, schema);
    const engine = new Postgres(settings, () => undefined);
    await engine.transaction((sql) => sql.script(`CREATE SCHEMA ${schema}`));
    const store = postgresStore(settings);
    await store.open();
    return {
      engine,
      explain: 'EXPLAIN',
      analyse: 'ANALYZE memberships, relationships, role_assignments, sightings',
      reads: /Seq Scan/u,
      async close() {
        await store.close();
        await engine.transaction((sql) => sql.script(`DROP SCHEMA ${schema} CASCADE`));
        await engine.close();
      },
    };
  });
});
