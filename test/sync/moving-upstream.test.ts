// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Failure } from '../../src/connector/failure.ts';
import type { Store } from '../../src/store/port.ts';
import { sqliteStore } from '../../src/store/sqlite/index.ts';
import { RunStop } from '../../src/sync/control.ts';
import { anyAct, MovingUpstream, type Act, type Manner } from '../kit/moving-upstream.ts';
import { embeddedPostgres, startPostgres, type PostgresServer } from '../kit/postgres/server.ts';
import { openPostgres } from '../kit/postgres/store-under-test.ts';
import { SyncBench } from '../kit/sync-bench.ts';

/* Records move, go, come, hide and fail to be read, at random: none that lives is ever taken for gone, and none that is gone stays. */

interface Tested {
  readonly store: Store;
  readonly query: (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;
  close(): Promise<void>;
}

/** One attempt: what happens upstream before each page, and how it stops before which page. */
interface Attempt {
  readonly acts: readonly (readonly Act[])[];
  readonly stop: { readonly before: number; readonly kind: 'shutdown' | 'cancelled' | 'outage' } | undefined;
}

interface Run {
  readonly mode: 'Full' | 'Incremental';
  readonly attempts: readonly Attempt[];
  /** What happens upstream before the run, and between its attempts. */
  readonly meanwhile: readonly Act[];
}

const acts = (maxLength: number) => fc.array(anyAct, { maxLength });
const attempt = fc.record({
  acts: fc.array(acts(2), { maxLength: 12 }),
  stop: fc.option(
    fc.record({
      before: fc.nat(12),
      kind: fc.constantFrom('shutdown' as const, 'cancelled' as const, 'outage' as const),
    }),
    { nil: undefined },
  ),
});
const run: fc.Arbitrary<Run> = fc.record({
  mode: fc.constantFrom('Full' as const, 'Full' as const, 'Incremental' as const),
  attempts: fc.array(attempt, { minLength: 1, maxLength: 3 }),
  meanwhile: acts(4),
});
const first = fc.array(anyAct, { minLength: 5, maxLength: 25 });

/** Carries out runs against a moving upstream and looks at the database after each attempt. */
class Story {
  private readonly upstream = new MovingUpstream();
  private readonly bench: SyncBench;
  private readonly tested: Tested;
  private readonly manner: Manner;
  private runs = 0;

  constructor(tested: Tested, manner: Manner) {
    this.tested = tested;
    this.manner = manner;
    this.bench = new SyncBench(tested.store);
    this.bench.script.probe = async (ids) =>
      new Map(
        ids.flatMap((id) => {
          const answer = this.upstream.answer(id);
          return answer === undefined ? [] : [[id, answer] as const];
        }),
      );
    if (manner !== 'careless') this.bench.script.probe = undefined;
    const budget = { maxPercent: 100, maxRecords: 1_000_000, alwaysAllow: 1_000_000 };
    this.bench.spec = { deletion: { budget } };
  }

  async tell(begin: readonly Act[], runs: readonly Run[]): Promise<void> {
    for (const act of begin) this.upstream.act(act);
    for (const one of runs) await this.carryOut(one);
    this.upstream.showAll();
    // A pass that was interrupted saw what may have gone or been hidden since; the one behind it may not.
    await this.attempt({ acts: [], stop: undefined }, 'Full', 'rest', 1);
    const clean = await this.attempt({ acts: [], stop: undefined }, 'Full', 'clean', 1);
    expect(clean?.phase).toBe('Succeeded');
    expect(await this.live(), 'what is gone is deleted, and nothing else').toEqual(this.upstream.ids);
  }

  private async carryOut({ mode, attempts, meanwhile }: Run): Promise<void> {
    this.runs += 1;
    for (const [at, one] of attempts.entries()) {
      for (const act of meanwhile) this.upstream.act(act);
      const status = await this.attempt(one, mode, `run-${this.runs}`, at + 1);
      const standing = new Set(this.upstream.ids);
      const buried = (await this.ids('NOT NULL')).filter((id) => standing.has(id));
      expect(buried, 'no record that lives upstream is marked as deleted').toEqual([]);
      if (status !== undefined) return;
    }
  }

  /** The status when the run ended; undefined when another attempt must go on with it. */
  private async attempt({ acts: each, stop }: Attempt, mode: Run['mode'], uid: string, number: number) {
    this.bench.time += 60_000;
    const controller = new AbortController();
    let pages = 0;
    const between = () => {
      const now = pages;
      pages += 1;
      if (this.manner !== 'eager') for (const act of each[now] ?? []) this.upstream.act(act);
      if (stop?.before !== now) return;
      if (stop.kind === 'outage') throw new Failure('unavailable', 'the vendor is away');
      controller.abort(new RunStop(stop.kind, stop.kind));
      throw new Failure('cancelled', 'the request was aborted');
    };
    try {
      return await this.bench.run((request) => this.upstream.read(request, between, this.manner), {
        mode,
        uid,
        attempt: number,
        signal: controller.signal,
      });
    } catch (error) {
      if (error instanceof RunStop && error.kind === 'shutdown') return undefined;
      throw error;
    }
  }

  private live(): Promise<string[]> {
    return this.ids('NULL');
  }

  private async ids(deletedAtIs: 'NULL' | 'NOT NULL'): Promise<string[]> {
    const rows = await this.tested.query(`SELECT external_id FROM assets WHERE deleted_at IS ${deletedAtIs}`);
    return rows.map((found) => String(found['external_id'])).toSorted();
  }
}

async function openSqlite(): Promise<Tested> {
  const folder = mkdtempSync(join(tmpdir(), 'extsys-moving-'));
  const file = join(folder, 'inventory.db');
  const store = sqliteStore(file);
  await store.open();
  const reader = new DatabaseSync(file, { readOnly: true });
  return {
    store,
    query: async (sql) => reader.prepare(sql).all(),
    async close() {
      reader.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres(await embeddedPostgres());
}, 60_000);
afterAll(() => server.stop());

describe.each<[string, () => Promise<Tested>, number]>([
  ['SQLite', openSqlite, 60],
  ['PostgreSQL', () => openPostgres(server), 15],
])('on %s no record that lives is deleted, and none that is gone stays', (_engine, open, numRuns) => {
  test.each<[string, Manner]>([
    ['while records move as they are read', 'careful'],
    ['when an attempt goes on with scopes that another one ended', 'eager'],
    ['when the reading leaves records out and the vendor is asked for them', 'careless'],
  ])(
    '%s',
    async (_when, manner) => {
      const property = fc.asyncProperty(first, fc.array(run, { maxLength: 5 }), async (begin, runs) => {
        const tested = await open();
        try {
          await new Story(tested, manner).tell(begin, runs);
        } finally {
          await tested.close();
        }
      });
      await fc.assert(property, { numRuns });
    },
    180_000,
  );
});
