// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { edgesOf } from '../../../connectors/entra-id/membership-reading.ts';
import { denied, instead, rewritten } from '../../simulators/graph/faults.ts';
import { graphError } from '../../simulators/graph/reply.ts';
import type { GraphAsked } from '../../simulators/graph/world.ts';
import { EntraBench } from './bench.ts';
import { at, memberOf, only, standingMemberships } from './tenant.ts';

async function opened(counts: Parameters<typeof EntraBench.open>[0]): Promise<EntraBench> {
  const bench = await EntraBench.open(counts);
  bench.config = only('memberships');
  return bench;
}

describe('the first round', () => {
  test('adds up the entries of a group that is spread over many, which do not stand together', async () => {
    await using bench = await opened({ users: 400, groups: 30 });
    Object.assign(bench.graph.quirks, { deltaPage: 7, deltaMembers: 15, emptyPageEvery: 4 });
    const status = await bench.run();
    expect(status.phase).toBe('Succeeded');
    const all = standingMemberships(bench);
    expect(all.length).toBeGreaterThan(600);
    expect(status.stream('memberships')).toMatchObject({ created: all.length, complete: true });
    expect(bench.live('memberships')).toEqual(all);
  });

  test('knows groups and devices among the members', async () => {
    await using bench = await opened({ users: 200, groups: 30 });
    await bench.run();
    const kinds = bench.rows('SELECT member_kind, count(*) AS n FROM memberships GROUP BY 1 ORDER BY 1');
    expect(kinds.map(({ member_kind: kind }) => kind)).toEqual(['Device', 'Group', 'User']);
  });

  test('leaves service principals out also where a delta tells of them', async () => {
    await using bench = await opened({ users: 200, groups: 30 });
    bench.graph.quirks.deltaServicePrincipals = true;
    await bench.run();
    expect(bench.live('memberships')).toEqual(standingMemberships(bench));
  });
});

describe('a later round', () => {
  test('adds who came and states who went, in exact numbers', async () => {
    await using bench = await opened({ users: 200, groups: 20 });
    await bench.run();
    const { directory } = bench.graph.tenant;
    const [one, other] = [at(bench, 'group', 1).id, at(bench, 'group', 3).id];
    const leaver = memberOf(bench, one);
    directory.removeMember(one, leaver);
    const comers = [...directory.objects.user].slice(150, 153).map(({ id }) => id);
    for (const id of comers) directory.addMember(other, id);
    const status = await bench.run();
    expect(status.stream('memberships')).toMatchObject({ created: 3, deleted: 1, complete: true });
    expect(status.stream('memberships').mode).toBe('Incremental');
    expect(bench.live('memberships')).toEqual(standingMemberships(bench));
  });

  test('of a group that was deleted takes all its memberships, and no other', async () => {
    await using bench = await opened({ users: 200, groups: 20 });
    await bench.run();
    const gone = at(bench, 'group', 5).id;
    const members = [...bench.graph.tenant.directory.related('members', gone)].length;
    expect(members).toBeGreaterThan(5);
    bench.graph.tenant.directory.remove(gone);
    expect((await bench.run()).stream('memberships')).toMatchObject({ deleted: members, complete: true });
    expect(bench.live('memberships')).toEqual(standingMemberships(bench));
  });

  test('brings the memberships of a group that was restored back', async () => {
    await using bench = await opened({ users: 200, groups: 20 });
    await bench.run();
    const { directory } = bench.graph.tenant;
    const gone = at(bench, 'group', 1).id;
    directory.remove(gone);
    await bench.run();
    directory.restore(gone);
    await bench.run();
    expect(bench.live('memberships')).toEqual(standingMemberships(bench));
    expect(bench.live('memberships').some((id) => id.startsWith(gone))).toBe(true);
  });

  test('takes the memberships of a user who was deleted', async () => {
    await using bench = await opened({ users: 200, groups: 20 });
    await bench.run();
    bench.graph.tenant.directory.remove(memberOf(bench, at(bench, 'group', 2).id));
    expect((await bench.run()).stream('memberships').deleted).toBeGreaterThan(0);
    expect(bench.live('memberships')).toEqual(standingMemberships(bench));
  });

  test('of a group that loses a member twice, by a replay, is one', async () => {
    await using bench = await opened({ users: 200, groups: 20 });
    await bench.run();
    bench.graph.quirks.deltaReplay = 50;
    const group = at(bench, 'group', 1).id;
    bench.graph.tenant.directory.removeMember(group, memberOf(bench, group));
    expect((await bench.run()).stream('memberships').deleted).toBe(1);
    expect((await bench.run()).stream('memberships').deleted).toBe(0);
    expect(bench.live('memberships')).toEqual(standingMemberships(bench));
  });
});

describe('a group of which a round tells no members', () => {
  /** As the vendor is not bound to tell them of who came back. */
  function untold(bench: EntraBench): void {
    bench.graph.faults.add({
      when: ({ resource }) => resource === '/groups/delta',
      answer: rewritten((page) => ({
        ...page,
        value: (page['value'] as Record<string, unknown>[]).map((entry) => ({
          ...entry,
          'members@delta': undefined,
        })),
      })),
    });
  }

  async function restored(): Promise<{ readonly bench: EntraBench; readonly group: string }> {
    const bench = await opened({ users: 200, groups: 20 });
    await bench.run();
    const { directory } = bench.graph.tenant;
    const { id: group } = at(bench, 'group', 1);
    for (const user of directory.objects.user) directory.addMember(group, user.id);
    await bench.run();
    directory.remove(group);
    await bench.run();
    expect(bench.live('memberships').some((id) => id.startsWith(group))).toBe(false);
    directory.restore(group);
    untold(bench);
    return { bench, group };
  }

  test('and that was restored has its members listed, page by page', async () => {
    const { bench, group } = await restored();
    await using _ = bench;
    bench.graph.quirks.pageSize = 30;
    bench.asked();
    const status = await bench.run();
    expect(status.stream('memberships')).toMatchObject({ mode: 'Incremental', complete: true, deleted: 0 });
    expect(bench.live('memberships')).toEqual(standingMemberships(bench));
    const asked = bench.asked();
    expect(asked.filter((request) => request === 'POST /$batch')).toHaveLength(1);
    expect(asked.filter((request) => request === `GET /groups/${group}/members`).length).toBeGreaterThan(5);
  });

  test('and that is new has its members listed', async () => {
    await using bench = await opened({ users: 50, groups: 5 });
    await bench.run();
    const { directory } = bench.graph.tenant;
    const { id } = directory.add('group', { displayName: 'New', groupTypes: [], securityEnabled: true });
    directory.addMember(id, at(bench, 'user', 7).id);
    untold(bench);
    expect((await bench.run()).stream('memberships')).toMatchObject({ created: 1, complete: true });
    expect(bench.live('memberships')).toEqual(standingMemberships(bench));
  });

  test('and that cannot be found yet is asked for in the next run, and then no more', async () => {
    const { bench, group } = await restored();
    await using _ = bench;
    const lists = ({ resource }: GraphAsked) => resource === `/groups/${group}/members`;
    bench.graph.faults.add({
      when: lists,
      times: 1,
      answer: instead(graphError(404, 'Request_ResourceNotFound')),
    });
    expect((await bench.run()).phase).toBe('Succeeded');
    expect(bench.live('memberships')).not.toEqual(standingMemberships(bench));
    expect((await bench.run()).stream('memberships')).toMatchObject({ mode: 'Incremental', complete: true });
    expect(bench.live('memberships')).toEqual(standingMemberships(bench));
    bench.asked();
    await bench.run();
    expect(bench.asked()).not.toContain('POST /$batch');
  });

  test('and whose list is refused leaves the round to be asked for again', async () => {
    const { bench, group } = await restored();
    await using _ = bench;
    bench.graph.faults.add({
      when: ({ resource }) => resource === `/groups/${group}/members`,
      times: 1,
      answer: denied(),
    });
    const status = await bench.run();
    expect(status).toMatchObject({ phase: 'Failed', failure: { code: 'permission' } });
    expect((await bench.run()).phase).toBe('Succeeded');
    expect(bench.live('memberships')).toEqual(standingMemberships(bench));
  });
});

describe('a place to go on from that is lost', () => {
  test('is made good by a first round, which finds what went meanwhile', async () => {
    await using bench = await opened({ users: 200, groups: 20 });
    await bench.run();
    bench.settle();
    const { directory } = bench.graph.tenant;
    const group = at(bench, 'group', 1).id;
    directory.removeMember(group, memberOf(bench, group));
    bench.graph.deltaTokens.expire();
    const status = await bench.run();
    expect(status.stream('memberships')).toMatchObject({ complete: true, deleted: 1 });
    expect(bench.live('memberships')).toEqual(standingMemberships(bench));
  });

  test('is not made good by a first round that gives nothing', async () => {
    await using bench = await opened({ users: 200, groups: 20 });
    await bench.run();
    const before = bench.live('memberships');
    bench.graph.deltaTokens.expire();
    bench.graph.faults.add({
      when: ({ resource }) => resource === '/groups/delta',
      answer: rewritten((page) => ({ ...page, value: [] })),
    });
    const status = await bench.run();
    expect(status).toMatchObject({ phase: 'Failed', failure: { code: 'permission' } });
    expect(status.failure?.message).toMatch(/gave no rows where \d+ live records stand/u);
    expect(bench.live('memberships')).toEqual(before);
  });
});

describe('groups that hide their members', () => {
  /** As the vendor answers without the right: they are there, and look empty. */
  function hide(bench: EntraBench): void {
    bench.graph.roles.delete('Member.Read.Hidden');
    bench.graph.faults.add({
      when: ({ resource }) => resource === '/groups/delta',
      answer: rewritten((page) => ({
        ...page,
        value: (page['value'] as Record<string, unknown>[]).map((entry) => {
          const { 'members@delta': _, ...bare } = entry;
          return entry['visibility'] === 'HiddenMembership' ? bare : entry;
        }),
      })),
    });
  }

  test('make the scope unverified without the right, and their memberships stay', async () => {
    await using bench = await opened({ users: 200, groups: 20 });
    await bench.run();
    const before = bench.live('memberships');
    hide(bench);
    const status = await bench.run({ mode: 'Full' });
    expect(status).toMatchObject({ phase: 'Failed', failure: { code: 'permission' } });
    expect(status.failure?.message).toMatch(/2 groups hide their members.*grant Member\.Read\.Hidden/u);
    expect(status.stream('memberships')).toMatchObject({ complete: false, deleted: 0 });
    expect(bench.live('memberships')).toEqual(before);
  });

  test('are empty where the right was granted', async () => {
    await using bench = await opened({ users: 200, groups: 20 });
    await bench.run();
    bench.settle();
    hide(bench);
    bench.graph.roles.add('Member.Read.Hidden');
    const status = await bench.run({ mode: 'Full' });
    expect(status.stream('memberships').complete).toBe(true);
    expect(status.stream('memberships').deleted).toBeGreaterThan(5);
  });
});

describe('what the entries of a page say', () => {
  const user = (id: string, more: object = {}) => ({ '@odata.type': '#microsoft.graph.user', id, ...more });
  const removed = { '@removed': { reason: 'deleted' } };
  const row = (groupId: string, id: string) => ({ groupId, member: user(id) });

  test.each([
    ['one who came', [{ id: 'G', 'members@delta': [user('A')] }], { rows: [row('g', 'a')] }],
    ['one who went', [{ id: 'g', 'members@delta': [user('a', removed)] }], { removed: ['g/a'] }],
    [
      'one who came and went',
      [{ id: 'g', 'members@delta': [user('a'), user('a', removed)] }],
      { removed: ['g/a'] },
    ],
    [
      'one who went and came back, in another entry',
      [
        { id: 'g', 'members@delta': [user('a', removed)] },
        { id: 'g', 'members@delta': [user('a')] },
      ],
      { rows: [row('g', 'a')] },
    ],
    [
      'a group that is gone',
      [
        { id: 'g', 'members@delta': [user('a')] },
        { id: 'g', '@removed': { reason: 'changed' } },
      ],
      { gone: ['g'] },
    ],
    ['a group that came back', [{ id: 'g', '@removed': { reason: 'changed' } }, { id: 'g' }], {}],
    ['a group without a word on members', [{ id: 'g', visibility: null }], {}],
    ['no group at all', ['text', null], { rows: ['text', null] }],
    [
      'a member without an id',
      [{ id: 'g', 'members@delta': [{}] }],
      { rows: [{ groupId: 'g', member: { id: undefined } }] },
    ],
    [
      'a service principal',
      [{ id: 'g', 'members@delta': [{ '@odata.type': '#microsoft.graph.servicePrincipal', id: 's' }] }],
      {},
    ],
    [
      'hidden members',
      [{ id: 'g', visibility: 'HiddenMembership' }],
      { hidden: { groups: 1, withMembers: 0 } },
    ],
  ])('%s', (_, entries, said) => {
    const nothing = { rows: [], removed: [], gone: [], hidden: { groups: 0, withMembers: 0 } };
    expect(edgesOf(entries)).toMatchObject({ ...nothing, ...said });
  });

  const gone = { id: 'g', '@removed': { reason: 'changed' } };
  test.each([
    ['a group without a word on members', [{ id: 'G', visibility: null }], ['g']],
    ['one with such a word', [{ id: 'g', 'members@delta': [] }], []],
    ['one with such a word first', [{ id: 'g', 'members@delta': [user('a')] }, { id: 'g' }], []],
    ['one that is gone', [{ id: 'g' }, gone], []],
    ['one that came back without such a word', [gone, { id: 'g' }], ['g']],
    ['one that came back with one', [gone, { id: 'g', 'members@delta': [user('a')] }], ['g']],
    ['one that came back and went', [gone, { id: 'g' }, gone], []],
  ])('leaves untold who is in %s: %#', (_, entries, untold) => {
    expect(edgesOf(entries)).toMatchObject({ untold, told: ['g'] });
  });
});
