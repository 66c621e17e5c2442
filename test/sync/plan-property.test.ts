// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SyncRunStatus } from '../../src/api/sync-run.ts';
import { end, row, type Event } from '../kit/fake-connector.ts';
import { embeddedPostgres, startPostgres, type PostgresServer } from '../kit/postgres/server.ts';
import { openPostgres } from '../kit/postgres/store-under-test.ts';
import { SyncBench } from '../kit/sync-bench.ts';

function counts({ totals, streams = [] }: SyncRunStatus) {
  return {
    totals,
    // Its words name another place for rows that were set aside.
    streams: streams.map(({ withheld = 0, ...rest }) => ({ ...rest, incompleteReason: '', withheld })),
  };
}

const ids = fc.constantFrom(...[...Array(20).keys()].map((n) => `id-${n}`));
const anyRow = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(ids, fc.constantFrom('one', 'two')).map(([id, name]) => row(id, name)) },
  { weight: 1, arbitrary: ids.map((id) => ({ id, name: 5 })) },
);
const anyScope = (scope: string) =>
  fc
    .record({
      pages: fc.array(fc.tuple(fc.array(anyRow, { maxLength: 8 }), fc.array(ids, { maxLength: 2 })), {
        maxLength: 3,
      }),
      coverage: fc.constantFrom('Full', 'Full', 'Full', 'Window'),
    })
    .map(({ pages, coverage }): Event[] => [
      ...pages.map(([rows, removed]): Event => ({
        type: 'page',
        scope,
        rows,
        removed,
        checkpoint: { at: 0 },
      })),
      end(scope, coverage),
    ]);
/** A scope that is not read any more withdraws what stands in it only. */
const anyState = fc
  .tuple(...['one', 'two', 'three'].map((scope) => fc.option(anyScope(scope), { freq: 4, nil: [] })))
  .map((scopes) => scopes.flat());

const anyEdge = fc
  .tuple(fc.constantFrom('g', 'h'), fc.nat(4), fc.constantFrom('one', 'two', 7))
  .map(([group, member, name]) => ({ group, member: `m${member}`, name }));
/** Lists of groups, whole or not: what is said to be whole need not be the last page. */
const anyEdges = fc
  .tuple(
    fc.array(
      fc.tuple(
        fc.array(anyEdge, { maxLength: 5 }),
        fc.subarray(['g', 'h', 'unknown']),
        fc.constantFrom('all', 'other'),
      ),
      { maxLength: 4 },
    ),
    fc.constantFrom('Full' as const, 'Window' as const),
  )
  .map(([pages, coverage]): Event[] => [
    ...pages.map(([rows, complete, scope]): Event => ({
      type: 'page',
      scope,
      rows,
      complete,
      checkpoint: { at: 0 },
    })),
    end('all', coverage),
    end('other', coverage),
  ]);

type Query = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/** Every row of every table but the archive, the chain that it ends in, and what plans keep. */
async function inventory(query: Query, tables: string): Promise<Record<string, unknown>> {
  const own = /^(?:runs|run_streams|system_objects|sqlite_sequence|plan_passes|plan_fields|plan_samples)$/u;
  const dump: Record<string, unknown> = {};
  for (const { name } of await query(tables)) {
    if (own.test(String(name))) continue;
    // The row by which a run has a system is there as soon as one was claimed.
    const select =
      name === 'systems'
        ? 'SELECT system, source, demo, full_at FROM systems WHERE source IS NOT NULL'
        : `SELECT * FROM "${String(name)}"`;
    const rows = await query(select);
    dump[String(name)] = rows.map((one) => JSON.stringify(one)).toSorted();
  }
  return dump;
}

const anyStory = fc.array(fc.tuple(anyState, anyState, anyEdges), { minLength: 1, maxLength: 4 });
const anyBudget = fc.constantFrom(undefined, { maxPercent: 30, maxRecords: 6, alwaysAllow: 1 });

/** Plans each state of the upstream, then reads it in full. */
async function tell(
  own: SyncBench,
  states: readonly (readonly [Event[], Event[], Event[]])[],
  dump: () => Promise<unknown>,
): Promise<void> {
  for (const [events, more, edges] of states) {
    // A full run reads in full what had no full pass since it began.
    own.time += 60_000;
    const before = await dump();
    const planned = await own.run(events, { mode: 'Plan', more, edges });
    expect(await dump()).toEqual(before);
    const done = await own.run(events, { mode: 'Full', more, edges });
    expect(counts(planned)).toEqual(counts(done));
    expect(planned.failure?.code).toEqual(done.failure?.code);
  }
}

test('SQLite: what a plan counts is what the full run after it does, and it changes nothing', async () => {
  const property = fc.asyncProperty(anyStory, anyBudget, async (states, budget) => {
    const own = await new SyncBench().open();
    try {
      if (budget !== undefined) own.spec = { deletion: { budget } };
      const tables = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
      await tell(own, states, () => inventory(async (sql) => own.rows(sql), tables));
    } finally {
      await own.close();
    }
  });
  await fc.assert(property, { numRuns: 15 });
}, 120_000);

describe('on PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres(await embeddedPostgres());
  }, 60_000);
  afterAll(() => server.stop());

  test('what a plan counts is what the full run after it does, and it changes nothing', async () => {
    const property = fc.asyncProperty(anyStory, anyBudget, async (states, budget) => {
      const tested = await openPostgres(server);
      const own = new SyncBench(tested.store);
      try {
        if (budget !== undefined) own.spec = { deletion: { budget } };
        const tables =
          "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'";
        await tell(own, states, () => inventory(tested.query, tables));
      } finally {
        await tested.close();
      }
    });
    await fc.assert(property, { numRuns: 5, endOnFailure: true });
  }, 120_000);
});
