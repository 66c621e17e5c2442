// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/port.ts';
import { sqliteStore } from '../../src/store/sqlite/index.ts';
import { anyRun, attempted, inPeace, type Attempt, type AttemptedRun } from '../kit/attempts.ts';
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

const run = anyRun(anyAct, { pages: 12, modes: ['Full', 'Full', 'Incremental'] });
const first = fc.array(anyAct, { minLength: 5, maxLength: 25 });

type Run = AttemptedRun<Act>;

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
    await this.attempt(inPeace, 'Full', 'rest', 1);
    const clean = await this.attempt(inPeace, 'Full', 'clean', 1);
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

  private attempt(one: Attempt<Act>, mode: Run['mode'], uid: string, attempt: number) {
    this.bench.time += 60_000;
    const happen = (act: Act) => {
      if (this.manner !== 'eager') this.upstream.act(act);
    };
    return attempted(one, happen, (between, signal) =>
      this.bench.run((request) => this.upstream.read(request, between, this.manner), {
        ...{ mode, uid, attempt, signal },
      }),
    );
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
