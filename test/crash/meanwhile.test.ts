// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { CrewDatabases } from './crew-database.ts';
import type { Crew } from './crew.ts';
import { atEveryCall } from './every-call.ts';
import type { Query } from './journal.ts';

/* What people do while a process stands still before any of its calls. */

/** Each plays some ninety short lives; a busy machine takes its time. */
vi.setConfig({ testTimeout: 120_000 });

const databases = new CrewDatabases();

beforeAll(() => databases.prepare());
afterAll(() => databases[Symbol.dispose]());

/** A request is answered by one run. */
async function requestsOf(query: Query): Promise<readonly string[]> {
  const asked = await query("SELECT mode FROM runs WHERE run_name LIKE 'cmdb-r-%'");
  return asked.length === 1 ? [] : [`the request was answered by ${asked.length} runs`];
}

describe.each<[string, (crew: Crew) => void, ((query: Query) => Promise<readonly string[]>)?]>([
  ['the spec changes', (crew) => crew.changeSpec()],
  ['a run is asked for', (crew) => crew.askByAnnotation('once'), requestsOf],
  ['the run in hand is deleted', (crew) => crew.deleteRunning()],
  ['the system is made again, its runs collected', (crew) => crew.makeAgain({ collected: true })],
  ['the system is made again, its runs not yet collected', (crew) => crew.makeAgain({ collected: false })],
])('%s while a process stands still', (_, happens, also) => {
  // Whoever deletes a run before anything of it is in the database, and while nobody watches, is not found out: there are no finalizers.
  const audit = { unseenDeletions: true, lateCreates: true };
  const stage = { databases, seed: inject('seed'), where: 'before', audit, ...(also && { also }) } as const;

  test('and never comes back', async () => {
    const findings = await atEveryCall(stage, async ({ crew, first }) => {
      happens(crew);
      first.loseLeases();
      await crew.start().finish();
    });
    expect(findings).toEqual({});
  });

  test('and wakes when another has done its work', async () => {
    const findings = await atEveryCall(stage, async ({ crew, first }) => {
      happens(crew);
      first.loseLeases();
      const second = crew.start();
      await second.tidy();
      first.wake(true);
      await first.idle();
      await second.finish();
    });
    expect(findings).toEqual({});
  });

  test('and wakes in time', async () => {
    const findings = await atEveryCall(stage, async ({ crew, first }) => {
      happens(crew);
      first.boundaries.thaw();
      await first.idle();
      await first.finish();
    });
    expect(findings).toEqual({});
  });
});
