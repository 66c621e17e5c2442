// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { denied, instead, rewritten } from '../../simulators/graph/faults.ts';
import { graphError } from '../../simulators/graph/reply.ts';
import { EntraBench } from './bench.ts';
import { at, interrupted, memberOf, only, standingMemberships } from './tenant.ts';

describe('a tenant without delta queries and counts', () => {
  const unsupported = graphError(400, 'Request_UnsupportedQuery', 'Not supported in this tenant.');

  async function untracked(
    counts: Parameters<typeof EntraBench.open>[0],
    said = unsupported,
  ): Promise<EntraBench> {
    const bench = await EntraBench.open(counts);
    bench.graph.faults.add({
      when: ({ resource }) => resource.endsWith('/delta') || resource.endsWith('/$count'),
      answer: instead(said),
    });
    return bench;
  }

  // Microsoft does not say how it refuses them.
  test.each([
    unsupported,
    graphError(
      403,
      'Authentication_RequestFromNonPremiumTenantOrB2CTenant',
      'Neither B2C nor without a licence.',
    ),
    graphError(404, 'ResourceNotFound', 'Resource not found for the segment delta.'),
    graphError(501, 'NotImplemented', 'Not implemented.'),
  ])('is listed by every run, the members of its groups too: $status', async (said) => {
    await using bench = await untracked({ users: 30 }, said);
    for (const created of [30, 0]) {
      const status = await bench.run();
      expect(status.phase).toBe('Succeeded');
      expect(status.stream('users')).toMatchObject({ mode: 'Full', fetched: 30, created, complete: true });
      expect(status.stream('memberships')).toMatchObject({ mode: 'Full', complete: true, deleted: 0 });
      expect(bench.live('memberships')).toEqual(standingMemberships(bench));
    }
  });

  test('has its groups listed in pages, and long lists of members to their end', async () => {
    await using bench = await untracked({ users: 200, groups: 60 });
    bench.config = only('memberships');
    Object.assign(bench.graph.quirks, { pageSize: 25, emptyPageEvery: 4 });
    const status = await bench.run();
    const standing = standingMemberships(bench);
    expect(status.stream('memberships')).toMatchObject({ created: standing.length, complete: true });
    expect(status.stream('memberships').evidence?.rows).toBe(standing.length);
    expect(bench.live('memberships')).toEqual(standing);
    // What is asked for in the next run, in pages of a hundred.
    bench.graph.quirks.pageSize = Infinity;
    bench.asked();
    await bench.run();
    const groups = [...bench.graph.tenant.directory.objects.group].length;
    expect(groups).toBeGreaterThan(40);
    expect(bench.asked().slice(1)).toEqual([
      ...['GET /groups/delta', 'GET /groups'],
      ...Array.from({ length: Math.ceil(groups / 20) }, () => 'POST /$batch'),
    ]);
  });

  test('tells who left a group, and a group that is gone, by the next run', async () => {
    await using bench = await untracked({ users: 100, groups: 20 });
    bench.config = only('memberships');
    await bench.run();
    const { directory } = bench.graph.tenant;
    const [one, gone] = [at(bench, 'group', 1).id, at(bench, 'group', 3).id];
    const deleted = 1 + [...directory.related('members', gone)].length;
    directory.removeMember(one, memberOf(bench, one));
    directory.remove(gone);
    bench.settle();
    expect((await bench.run()).stream('memberships')).toMatchObject({ complete: true, created: 0, deleted });
    expect(bench.live('memberships')).toEqual(standingMemberships(bench));
  });

  test('goes on with its lists where it was stopped', async () => {
    await using bench = await untracked({ users: 100, groups: 30 });
    bench.config = only('memberships');
    bench.graph.quirks.pageSize = 10;
    await interrupted(bench, { stream: 'memberships', pages: 4 });
    const status = await bench.run({ uid: 'x', attempt: 2 });
    expect(status.phase).toBe('Succeeded');
    expect(bench.live('memberships')).toEqual(standingMemberships(bench));
    expect(bench.asked()).not.toContain('GET /groups/delta');
  });

  test.each([
    ['at first', 1, 0],
    ['twice', 2, 1],
  ])('deletes nothing where the members of a group are not found %s', async (_, times, unverified) => {
    await using bench = await untracked({ users: 100, groups: 20 });
    bench.config = only('memberships');
    await bench.run();
    const before = bench.live('memberships');
    const { id } = at(bench, 'group', 1);
    bench.graph.faults.add({
      when: ({ resource }) => resource === `/groups/${id}/members`,
      times,
      answer: instead(graphError(404, 'Request_ResourceNotFound')),
    });
    const status = await bench.run();
    expect(status.unverifiedScopes ?? []).toHaveLength(unverified);
    expect(status.failure?.message ?? '1 groups were listed').toContain('1 groups were listed');
    expect(status.stream('memberships')).toMatchObject({ complete: unverified === 0, deleted: 0 });
    expect(bench.live('memberships')).toEqual(before);
    expect((await bench.run()).phase).toBe('Succeeded');
  });

  test('deletes nothing where groups hide their members', async () => {
    await using bench = await untracked({ users: 200, groups: 20 });
    bench.config = only('memberships');
    await bench.run();
    const before = bench.live('memberships');
    bench.graph.roles.delete('Member.Read.Hidden');
    const hiding = [...bench.graph.tenant.directory.objects.group].filter(
      ({ visibility }) => visibility === 'HiddenMembership',
    );
    expect(hiding).toHaveLength(2);
    bench.graph.faults.add({
      when: ({ resource }) => hiding.some(({ id }) => resource === `/groups/${id}/members`),
      answer: rewritten((page) => ({ ...page, value: [], '@odata.nextLink': undefined })),
    });
    const status = await bench.run();
    expect(status.failure).toMatchObject({ code: 'permission' });
    expect(status.failure?.message).toMatch(/2 groups hide their members/u);
    expect(bench.live('memberships')).toEqual(before);
  });

  test('that may not be read says so, and what the right is', async () => {
    await using bench = await untracked({ users: 30 });
    await bench.run();
    bench.graph.roles.delete('GroupMember.Read.All');
    const status = await bench.run();
    expect(status.stream('memberships')).toMatchObject({ complete: false, deleted: 0 });
    expect(status.failure?.message).toContain('needs GroupMember.Read.All');
  });

  test('is said to be one by mode Test', async () => {
    await using bench = await untracked({ users: 30 });
    const { phase, checks } = await bench.run({ mode: 'Test' });
    expect(phase).toBe('Succeeded');
    expect(checks.find(({ name }) => name === 'memberships')?.message).toBe(
      'groups: readable; groups/delta is not available, so that every run lists the members of each group',
    );
  });
});

test.each([
  ['that is no page', 'contract', rewritten((page) => ({ ...page, value: 'none' }))],
  ['for which the right is missing', 'permission', denied()],
])('a first round of members %s is not read by lists instead', async (_, code, answer) => {
  await using bench = await EntraBench.open({ users: 30 });
  bench.config = only('memberships');
  bench.graph.faults.add({ when: ({ resource }) => resource === '/groups/delta', answer });
  expect((await bench.run()).failure).toMatchObject({ code });
  expect(bench.asked()).not.toContain('GET /groups');
});
