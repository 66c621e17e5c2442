// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { edgesOf } from '../../../connectors/entra-id/membership-reading.ts';
import { rewritten } from '../../simulators/graph/faults.ts';
import { EntraBench } from './bench.ts';

const onlyMembers = {
  streams: { users: false, groups: false, devices: false, managedDevices: false, ssoApplications: false },
};

async function opened(counts: Parameters<typeof EntraBench.open>[0]): Promise<EntraBench> {
  const bench = await EntraBench.open(counts);
  bench.config = onlyMembers;
  return bench;
}

/** What stands in the directory, service principals left out. */
function expected(bench: EntraBench): string[] {
  const { directory } = bench.graph.tenant;
  return [...directory.objects.group]
    .flatMap((group) =>
      [...directory.related('members', group.id)]
        .filter(({ type }) => type !== 'servicePrincipal')
        .map((member) => `${group.id}/${member.id}`),
    )
    .toSorted();
}

function groupAt(bench: EntraBench, index: number): string {
  const group = [...bench.graph.tenant.directory.objects.group][index];
  if (group === undefined) throw new Error(`the tenant has no group ${index}`);
  return group.id;
}

function memberOf(bench: EntraBench, group: string): string {
  const [member] = bench.graph.tenant.directory.related('members', group);
  if (member === undefined) throw new Error(`${group} has no members`);
  return member.id;
}

describe('the first round', () => {
  test('adds up the entries of a group that is spread over many, which do not stand together', async () => {
    await using bench = await opened({ users: 400, groups: 30 });
    Object.assign(bench.graph.quirks, { deltaPage: 7, deltaMembers: 15, emptyPageEvery: 4 });
    const status = await bench.run();
    expect(status.phase).toBe('Succeeded');
    const all = expected(bench);
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
    expect(bench.live('memberships')).toEqual(expected(bench));
  });
});

describe('a later round', () => {
  test('adds who came and states who went, in exact numbers', async () => {
    await using bench = await opened({ users: 200, groups: 20 });
    await bench.run();
    const { directory } = bench.graph.tenant;
    const [one, other] = [groupAt(bench, 1), groupAt(bench, 3)];
    const leaver = memberOf(bench, one);
    directory.removeMember(one, leaver);
    const comers = [...directory.objects.user].slice(150, 153).map(({ id }) => id);
    for (const id of comers) directory.addMember(other, id);
    const status = await bench.run();
    expect(status.stream('memberships')).toMatchObject({ created: 3, deleted: 1, complete: true });
    expect(status.stream('memberships').mode).toBe('Incremental');
    expect(bench.live('memberships')).toEqual(expected(bench));
  });

  test('of a group that was deleted takes all its memberships, and no other', async () => {
    await using bench = await opened({ users: 200, groups: 20 });
    await bench.run();
    const gone = groupAt(bench, 5);
    const members = [...bench.graph.tenant.directory.related('members', gone)].length;
    expect(members).toBeGreaterThan(5);
    bench.graph.tenant.directory.remove(gone);
    expect((await bench.run()).stream('memberships')).toMatchObject({ deleted: members, complete: true });
    expect(bench.live('memberships')).toEqual(expected(bench));
  });

  test('brings the memberships of a group that was restored back', async () => {
    await using bench = await opened({ users: 200, groups: 20 });
    await bench.run();
    const { directory } = bench.graph.tenant;
    const gone = groupAt(bench, 1);
    directory.remove(gone);
    await bench.run();
    directory.restore(gone);
    await bench.run();
    expect(bench.live('memberships')).toEqual(expected(bench));
    expect(bench.live('memberships').some((id) => id.startsWith(gone))).toBe(true);
  });

  test('takes the memberships of a user who was deleted', async () => {
    await using bench = await opened({ users: 200, groups: 20 });
    await bench.run();
    bench.graph.tenant.directory.remove(memberOf(bench, groupAt(bench, 2)));
    expect((await bench.run()).stream('memberships').deleted).toBeGreaterThan(0);
    expect(bench.live('memberships')).toEqual(expected(bench));
  });

  test('of a group that loses a member twice, by a replay, is one', async () => {
    await using bench = await opened({ users: 200, groups: 20 });
    await bench.run();
    bench.graph.quirks.deltaReplay = 50;
    const group = groupAt(bench, 1);
    bench.graph.tenant.directory.removeMember(group, memberOf(bench, group));
    expect((await bench.run()).stream('memberships').deleted).toBe(1);
    expect((await bench.run()).stream('memberships').deleted).toBe(0);
    expect(bench.live('memberships')).toEqual(expected(bench));
  });
});

describe('a place to go on from that is lost', () => {
  test('is made good by a first round, which finds what went meanwhile', async () => {
    await using bench = await opened({ users: 200, groups: 20 });
    await bench.run();
    bench.settle();
    const { directory } = bench.graph.tenant;
    const group = groupAt(bench, 1);
    directory.removeMember(group, memberOf(bench, group));
    bench.graph.deltaTokens.expire();
    const status = await bench.run();
    expect(status.stream('memberships')).toMatchObject({ complete: true, deleted: 1 });
    expect(bench.live('memberships')).toEqual(expected(bench));
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
    expect(edgesOf(entries)).toEqual({ ...nothing, ...said });
  });
});
