// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { embeddedPostgres, startPostgres, type PostgresServer } from '../kit/postgres/server.ts';
import { upTo } from './every-call.ts';
import { Installation } from './installation.ts';
import { postgresDatabase, sqliteDatabase } from './installation-database.ts';
import { randomFrom } from '../kit/random.ts';

/*
 * Processes that kill themselves at a call by chance, one after another, and then one that does not. CRASH_KILLS sets how many;
 * TEST_SEED repeats which.
 */

const kills = Number(process.env['CRASH_KILLS'] ?? 3);
/** Reads come by the clock too while a process waits: counted is what leaves something behind. */
const call =
  /^(?:claim|beginPass|writePage|endScope|endPass|finish\w*|recover|markPruned|(?:create|update|delete) \w+)$/u;
/** What a run of one page takes, and a little of the one after it. */
const calls = 14;

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres(await embeddedPostgres());
});
afterAll(() => server.stop());

test.concurrent.each([
  ['SQLite', () => sqliteDatabase()],
  ['PostgreSQL', () => postgresDatabase(server)],
] as const)(
  'on %s each run has one record and no row is wrong, wherever the process is killed',
  { timeout: 120_000 + kills * 30_000 },
  async (engine, open) => {
    const seed = inject('seed') + engine.length;
    const random = randomFrom(seed);
    await using installation = await Installation.create(await open(), seed, '1m');
    const places: string[] = [];
    for (let kill = 1; kill <= kills; kill += 1) {
      const at = upTo(random, calls);
      const where = random() < 0.5 ? 'before' : 'after';
      const replica = installation.start({ call: call.source, at, where });
      await installation.ask(`asked-${kill}`, random() < 0.5 ? 'Full' : 'Incremental');
      const file = random() < 0.5 ? installation.fromFile() : undefined;
      // It may have nothing left to do before it comes to that call.
      const lookedFor = new AbortController();
      const allEnded = installation.allEnded(lookedFor.signal);
      await Promise.race([replica.process.ended, allEnded]);
      lookedFor.abort();
      await Promise.allSettled([allEnded, file]);
      await replica.process.stop('SIGKILL');
      places.push(`${where} ${at} ${replica.calls().at(-1) ?? ''}`);
    }
    installation.start();
    process.stdout.write(`${engine}: ${places.join(', ')}\n`);
    // One that never dies proves nothing.
    expect(places.filter((place) => place.endsWith('SIGKILL')).length, places.join(', ')).toBeGreaterThan(0);
    expect(await installation.finish(), `${places.join(', ')}\n${installation.log()}`).toEqual([]);
  },
);
