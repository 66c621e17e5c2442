// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { EntraBench } from './bench.ts';
import { at, interrupted, only, standingMemberships } from './tenant.ts';

const hourMs = 3_600_000;
/** With a quarter of an hour left in which a link is asked for. */
const almostTooOldMs = 7 * 24 * hourMs - 1.25 * hourMs;

describe('a round that was interrupted, and whose link is too old by now', () => {
  test('leaves whole users whole, and takes nobody for gone who is there', async () => {
    await using bench = await EntraBench.open({ users: 100 });
    bench.config = only('users');
    await bench.run();
    Object.assign(bench.graph.quirks, { deltaPage: 5, deltaSparse: true });
    const { directory } = bench.graph.tenant;
    for (let index = 0; index < 30; index += 1)
      directory.update(at(bench, 'user', index).id, { officeLocation: `Z${index}` });
    const { id: gone } = at(bench, 'user', 99);
    directory.remove(gone);
    bench.pass(almostTooOldMs);
    await interrupted(bench, { stream: 'users' });
    bench.pass(hourMs / 2);
    await bench.run({ uid: 'x', attempt: 2 });
    const nameless = 'SELECT count(*) AS n FROM users WHERE name IS NULL';
    expect(bench.rows(nameless)).toEqual([{ n: 0 }]);
    expect(bench.live('users').length).toBeGreaterThanOrEqual(99);
    expect((await bench.run()).phase).toBe('Succeeded');
    expect(bench.rows(nameless)).toEqual([{ n: 0 }]);
    expect(bench.live('users')).not.toContain(gone);
    const moved = `SELECT count(*) AS n FROM users WHERE location LIKE 'Z%'`;
    expect(bench.rows(moved)).toEqual([{ n: 30 }]);
  });

  test('deletes no membership that stands', async () => {
    await using bench = await EntraBench.open({ users: 200, groups: 20 });
    bench.config = only('memberships');
    await bench.run();
    const before = standingMemberships(bench);
    bench.graph.quirks.deltaPage = 3;
    for (let index = 0; index < 18; index += 1)
      bench.graph.tenant.directory.addMember(at(bench, 'group', index).id, at(bench, 'user', 190).id);
    bench.pass(almostTooOldMs);
    await interrupted(bench, { stream: 'memberships' });
    bench.pass(hourMs / 2);
    const status = await bench.run({ uid: 'x', attempt: 2 });
    expect(status.stream('memberships').deleted).toBe(0);
    expect(bench.live('memberships')).toEqual(expect.arrayContaining(before));
    expect((await bench.run()).phase).toBe('Succeeded');
    expect(bench.live('memberships')).toEqual(standingMemberships(bench));
  });
});
