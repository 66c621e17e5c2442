// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { RunStop } from '../../../src/sync/control.ts';
import { instead } from '../../simulators/graph/faults.ts';
import { graphError } from '../../simulators/graph/reply.ts';
import type { GraphAsked } from '../../simulators/graph/world.ts';
import { EntraBench } from './bench.ts';
import { at, interrupted, memberOf, only, standingMemberships } from './tenant.ts';

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

describe('a place that is lost in the middle of a reading', () => {
  const expired = instead(graphError(400, 'Directory_ExpiredPageToken', 'The token has expired.'));
  const resync = instead(graphError(410, '', 'Resync required.'));
  const nextPages = (resource: string) => (asked: GraphAsked) =>
    asked.resource === resource && asked.params.has('$skiptoken');
  const begunAnew =
    /^(users|memberships) \(needs .*\): the reading had to begin anew in the middle; nothing is taken as deleted, and the next run reads it from its beginning \(/u;

  /** Thirty changed users, read in pages of five. */
  async function changed(config: EntraBench['config'] = only('users')): Promise<EntraBench> {
    const bench = await EntraBench.open({ users: 100 });
    bench.config = config;
    await bench.run();
    bench.graph.quirks.deltaPage = 5;
    for (let index = 0; index < 30; index += 1)
      bench.graph.tenant.directory.update(at(bench, 'user', index).id, { officeLocation: `Z${index}` });
    return bench;
  }

  test.each(['Incremental', 'Full'] as const)(
    'of changes, by another attempt: who was seen before and went since is gone after the next run, which is %s',
    async (mode) => {
      await using bench = await changed();
      const { id: victim } = at(bench, 'user', 0);
      await interrupted(bench, { stream: 'users' });
      bench.graph.tenant.directory.remove(victim);
      bench.graph.deltaTokens.expire();
      bench.graph.faults.add({ when: nextPages('/users/delta'), answer: resync });
      const status = await bench.run({ uid: 'x', attempt: 2 });
      bench.graph.faults.clear();
      expect(status).toMatchObject({ phase: 'Failed', failure: { code: 'unavailable' } });
      expect(status.failure?.message).toMatch(begunAnew);
      expect(status.stream('users')).toMatchObject({ complete: false, deleted: 0 });
      expect(bench.live('users')).toHaveLength(100);
      bench.settle();
      expect((await bench.run({ mode })).stream('users')).toMatchObject({
        ...{ mode: 'Full', complete: true, fetched: 99, deleted: 1 },
      });
      expect(bench.live('users')).not.toContain(victim);
      expect((await bench.run()).stream('users')).toMatchObject({ mode: 'Incremental', fetched: 0 });
    },
  );

  test('of changes, in one run: the streams behind it are read', async () => {
    await using bench = await changed({});
    bench.graph.faults.add({ when: nextPages('/users/delta'), times: 1, answer: resync });
    const status = await bench.run();
    expect(status).toMatchObject({ phase: 'PartiallySucceeded', failure: { code: 'unavailable' } });
    expect(status.unverifiedScopes).toMatchObject([{ stream: 'users', scope: 'users' }]);
    expect(status.stream('ssoApplications').complete).toBe(true);
    // Its old place is good still: nothing is lost, and nothing need be read in full.
    const next = await bench.run();
    expect(next.phase).toBe('Succeeded');
    expect(bench.rows(`SELECT count(*) AS n FROM users WHERE location LIKE 'Z%'`)).toEqual([{ n: 30 }]);
  });

  test('of changes, twice: a round begins anew once only', async () => {
    await using bench = await changed();
    bench.graph.faults.add({ when: nextPages('/users/delta'), answer: expired });
    bench.asked();
    const status = await bench.run();
    expect(status.failure?.message).toMatch(begunAnew);
    // The first page, the next, and both again.
    expect(bench.asked().filter((request) => request === 'GET /users/delta')).toHaveLength(4);
    bench.graph.faults.clear();
    expect((await bench.run()).stream('users')).toMatchObject({ complete: true, mode: 'Incremental' });
  });

  test('of changes, before their first page: everything is read at once', async () => {
    await using bench = await changed();
    const { id: gone } = at(bench, 'user', 99);
    bench.graph.tenant.directory.remove(gone);
    bench.settle();
    const places = ({ resource, params }: GraphAsked) =>
      resource === '/users/delta' && params.get('$deltatoken') !== 'latest';
    bench.graph.faults.add({ when: places, times: 1, answer: expired });
    const status = await bench.run();
    expect(status.stream('users')).toMatchObject({ mode: 'Full', complete: true, fetched: 99, deleted: 1 });
    expect(status.stream('users').evidence).toMatchObject({ rows: 99, counted: 99 });
  });

  test('of what a scope that had ended is caught up with', async () => {
    await using bench = await EntraBench.open({ users: 100 });
    bench.config = only('users');
    await bench.run();
    const { directory } = bench.graph.tenant;
    directory.remove(at(bench, 'user', 99).id);
    const { id: victim } = at(bench, 'user', 0);
    bench.settle();
    // Stopped when all was read, and the one who looks gone is asked for.
    const stop = new AbortController();
    bench.graph.faults.add({
      when: ({ inBatch }) => {
        if (inBatch) stop.abort(new RunStop('shutdown', 'stopped'));
        return false;
      },
      answer: resync,
    });
    await expect(bench.run({ uid: 'x', mode: 'Full', signal: stop.signal })).rejects.toThrow('stopped');
    bench.graph.faults.clear();
    directory.remove(victim);
    bench.graph.deltaTokens.expire();
    const status = await bench.run({ uid: 'x', mode: 'Full', attempt: 2 });
    expect(status.failure?.message).toMatch(begunAnew);
    bench.settle();
    expect((await bench.run()).stream('users')).toMatchObject({ mode: 'Full', complete: true, deleted: 2 });
    expect(bench.live('users')).not.toContain(victim);
  });

  test.each(['Incremental', 'Full'] as const)(
    'of the first round of members: an edge that was seen before and went since is gone after the next run, which is %s',
    async (mode) => {
      await using bench = await EntraBench.open({ users: 100, groups: 30 });
      bench.config = only('memberships');
      bench.graph.quirks.deltaPage = 6;
      await bench.run();
      await interrupted(bench, { mode: 'Full', stream: 'memberships' });
      const { id: group } = at(bench, 'group', 1);
      const member = memberOf(bench, group);
      bench.graph.tenant.directory.removeMember(group, member);
      bench.graph.faults.add({ when: nextPages('/groups/delta'), times: 1, answer: expired });
      bench.asked();
      const status = await bench.run({ uid: 'x', mode: 'Full', attempt: 2 });
      expect(status.failure).toMatchObject({ code: 'unavailable' });
      expect(status.failure?.message).toMatch(begunAnew);
      expect(status.stream('memberships')).toMatchObject({ complete: false, deleted: 0 });
      expect(bench.asked().filter((request) => request === 'GET /groups/delta')).toHaveLength(1);
      bench.settle();
      expect((await bench.run({ mode })).stream('memberships')).toMatchObject({
        ...{ mode, complete: true, deleted: 1 },
      });
      expect(bench.live('memberships')).not.toContain(`${group}/${member}`);
      expect(bench.live('memberships')).toEqual(standingMemberships(bench));
    },
  );

  test('of a round of members that begins anew: who was seen in a group that went since is gone after the next run', async () => {
    await using bench = await EntraBench.open({ users: 100, groups: 30 });
    bench.config = only('memberships');
    await bench.run();
    const { directory } = bench.graph.tenant;
    const { id: group } = at(bench, 'group', 1);
    const strangers = [...directory.objects.user].slice(60, 70);
    for (let index = 0; index < 20; index += 1)
      for (const { id } of strangers) directory.addMember(at(bench, 'group', index).id, id);
    bench.graph.quirks.deltaPage = 6;
    await interrupted(bench, { stream: 'memberships', pages: 1 });
    const seen = bench.live('memberships').filter((id) => id.startsWith(group)).length;
    expect(seen).toBeGreaterThan(10);
    directory.remove(group);
    bench.graph.faults.add({ when: nextPages('/groups/delta'), times: 1, answer: expired });
    const status = await bench.run({ uid: 'x', attempt: 2 });
    expect(status.stream('memberships')).toMatchObject({ mode: 'Incremental', complete: true });
    // The strangers are still there.
    expect((await bench.run()).stream('memberships')).toMatchObject({ mode: 'Incremental', deleted: 10 });
    expect(bench.live('memberships')).toEqual(standingMemberships(bench));
    // It is said once more, not for ever.
    expect((await bench.run()).stream('memberships')).toMatchObject({ pages: 1, deleted: 0 });
  });

  test('of a first load: the next run begins it anew, and whoever went meanwhile is gone', async () => {
    await using bench = await EntraBench.open({ users: 100, groups: 30 });
    bench.config = only('memberships');
    bench.graph.quirks.deltaPage = 6;
    const { id: group } = at(bench, 'group', 1);
    const member = memberOf(bench, group);
    bench.graph.faults.add({
      when: (asked) => {
        if (!nextPages('/groups/delta')(asked)) return false;
        bench.graph.tenant.directory.removeMember(group, member);
        return true;
      },
      times: 1,
      answer: expired,
    });
    const status = await bench.run();
    expect(status.failure?.message).toMatch(begunAnew);
    expect(bench.live('memberships').length).toBeGreaterThan(0);
    bench.settle();
    expect((await bench.run()).stream('memberships')).toMatchObject({ mode: 'Full', complete: true });
    expect(bench.live('memberships')).toEqual(standingMemberships(bench));
  });

  test('in every run: each says so, deletes nothing and asks for no more than two pages; the first that is spared comes right', async () => {
    await using bench = await EntraBench.open({ users: 100, groups: 30 });
    bench.config = only('memberships');
    await bench.run();
    const { id: group } = at(bench, 'group', 1);
    bench.graph.tenant.directory.removeMember(group, memberOf(bench, group));
    bench.graph.deltaTokens.expire();
    bench.graph.quirks.deltaPage = 6;
    bench.graph.faults.add({ when: nextPages('/groups/delta'), answer: expired });
    const before = bench.live('memberships');
    for (const mode of ['Incremental', 'Full', 'Incremental'] as const) {
      bench.asked();
      const status = await bench.run({ mode });
      expect(status.failure?.message).toMatch(begunAnew);
      expect(bench.live('memberships')).toEqual(before);
      // Of an incremental run one more, for the old place.
      expect(bench.asked()).toHaveLength(mode === 'Full' ? 3 : 4);
    }
    bench.graph.faults.clear();
    bench.settle();
    expect((await bench.run()).stream('memberships')).toMatchObject({ complete: true, deleted: 1 });
    expect(bench.live('memberships')).toEqual(standingMemberships(bench));
  });
});
