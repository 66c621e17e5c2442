// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { CrewDatabases } from './crew-database.ts';
import { slotMs, type Saboteur } from './crew.ts';
import { atEveryCall, upTo, type Scene } from './every-call.ts';
import { namesByChance, slotsForAll, statusBeforeArchive, withoutFence } from './sabotage.ts';

/* A suite whose auditor is content with everything would prove nothing: what keeps the promises is taken away, one at a time. */

const seed = inject('seed');
/** Each plays some ninety short lives; a busy machine takes its time. */
vi.setConfig({ testTimeout: 120_000 });

const databases = new CrewDatabases();

beforeAll(() => databases.prepare());
afterAll(() => databases[Symbol.dispose]());

/** It is gone for good. */
async function killed({ crew, first }: Scene): Promise<void> {
  first.loseLeases();
  await crew.start().finish();
}

/** It wakes while another is at work. */
async function wakesBeside({ crew, first, random }: Scene): Promise<void> {
  first.loseLeases();
  const second = crew.start({ at: 12 + upTo(random, 14), kind: 'before' });
  const work = second.tidy();
  await Promise.race([work, second.boundaries.frozen]);
  first.wake(false);
  await first.idle();
  second.boundaries.thaw();
  await work;
  await second.finish();
}

/** It wakes when its runs were pruned. */
async function wakesLate({ crew, first }: Scene): Promise<void> {
  first.loseLeases();
  const second = crew.start();
  await second.finish();
  first.wake(true);
  await first.idle();
  crew.pass(slotMs);
  await second.tidy();
}

type Play = (scene: Scene) => Promise<void>;

test.each<[string, Saboteur, Play, RegExp]>([
  ['without the fence', withoutFence, wakesBeside, /over a newer version/u],
  ['with the status before the archive', statusBeforeArchive, killed, /is Succeeded and has no record/u],
  ['with names by chance', namesByChance, wakesBeside, /has 2 SyncRuns/u],
  ['with one slot for several runs', slotsForAll, wakesLate, /has several records/u],
])('%s the auditor finds what is wrong', async (_, sabotage, play, wrong) => {
  let found: readonly string[] = [];
  // What chance makes of one life may hide it.
  for (let round = 0; round < 4 && found.length === 0; round += 1) {
    const findings = await atEveryCall(
      { databases, seed: seed + 1_000 * round, sabotage, where: 'before' },
      play,
    );
    found = Object.values(findings)
      .flat()
      .filter((finding) => wrong.test(finding));
  }
  expect(found).not.toEqual([]);
});
