// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { embeddedPostgres, startPostgres, type PostgresServer } from '../kit/postgres/server.ts';
import { waitFor } from '../kit/wait.ts';
import { Installation, type Replica } from './installation.ts';
import { postgresDatabase } from './installation-database.ts';

/*
 * A process that stands still (SIGSTOP) in the middle of a run until its Lease is lost and another one has done its work, and then
 * wakes (SIGCONT) where it stood.
 */

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres(await embeddedPostgres());
});
afterAll(() => server.stop());

/** No slot comes while a test looks whether anything changes. */
async function open(): Promise<Installation> {
  return Installation.create(await postgresDatabase(server), inject('seed'), '24h');
}

/** How the call before which it stood still ended when it woke; undefined until it did. */
function outcome({ calls }: Replica): string | undefined {
  const lines = calls();
  const [name] = lines.find((line) => line.endsWith('SIGSTOP'))?.split(' SIGSTOP') ?? [];
  const woken = lines.slice(lines.findIndex((line) => line.endsWith('SIGSTOP')) + 1);
  return woken.find((line) => line.startsWith(`${name} `))?.slice(`${name} `.length);
}

test.concurrent.each([
  ['a page is written', { call: '^writePage$', at: 2 }, 'FenceLost'],
  ['a scope ends', { call: '^endScope$', at: 1 }, 'FenceLost'],
  ['a pass ends', { call: '^endPass$', at: 1 }, 'FenceLost'],
  // The archive answers what the other has archived.
  ['its run is archived', { call: '^finish$', at: 1 }, 'done'],
  ['the status of the end is written', { call: '^update syncruns$', at: 2 }, 'ApiError'],
  ['its claim is written', { call: '^update syncruns$', at: 1 }, 'ApiError'],
] as const)(
  'a process that stands still before %s changes nothing when it wakes after a takeover',
  { timeout: 180_000 },
  async (_, place, expected) => {
    await using installation = await open();
    const zombie = installation.start({ ...place, signal: 'SIGSTOP' });
    await installation.frozen(zombie);
    const other = installation.start();
    await installation.allEnded();
    const before = await installation.written();
    zombie.process.signal('SIGCONT');
    const ended = await waitFor('the call to come back', () => outcome(zombie));
    expect(ended, zombie.calls().join('\n')).toBe(expected);
    expect(await installation.written()).toEqual(before);
    expect(other.calls().length).toBeGreaterThan(0);
    expect(await installation.finish(), installation.log()).toEqual([]);
  },
);

test.concurrent(
  'a process that stands still before a page is written loses its run to one from a file, and each has its record',
  { timeout: 180_000 },
  async () => {
    await using installation = await open();
    const zombie = installation.start({ call: '^writePage$', at: 2, signal: 'SIGSTOP' });
    await installation.frozen(zombie);
    const printed = JSON.parse(await installation.fromFile()) as { status: { phase: string } };
    expect(printed.status.phase).toBe('Succeeded');
    zombie.process.signal('SIGCONT');
    expect(await waitFor('the call to come back', () => outcome(zombie))).toBe('FenceLost');
    await installation.allEnded();
    const phases = await installation.database.query('SELECT phase FROM runs ORDER BY sequence');
    expect(phases.slice(0, 2).map(({ phase }) => phase)).toEqual(['Succeeded', 'Cancelled']);
    expect(await installation.finish(), installation.log()).toEqual([]);
  },
);

test.concurrent(
  'a leader that stands still with its mind made up makes nothing a second time when it wakes',
  { timeout: 180_000 },
  async () => {
    await using installation = await open();
    await installation.askByAnnotation('once');
    // It has just learned that nobody has made the run that is asked for.
    const place = { call: '^archivedRunNamed$', at: 1, where: 'after' } as const;
    const zombie = installation.start({ ...place, signal: 'SIGSTOP' });
    await installation.frozen(zombie);
    installation.start();
    await installation.allEnded();
    for (const name of ['one', 'another']) {
      await installation.ask(name, 'Incremental');
      await installation.ended(name);
    }
    await installation.pruned('cmdb-r-');
    const before = await installation.written();
    zombie.process.signal('SIGCONT');
    await waitFor('it to find out', () => installation.log().includes('this replica does not lead any more'));
    expect(await installation.written()).toEqual(before);
    expect(await installation.finish(), installation.log()).toEqual([]);
  },
);
