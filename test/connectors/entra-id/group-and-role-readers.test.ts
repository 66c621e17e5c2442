// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import {
  eligibleRoles,
  roleAssignments,
  roleDefinitions,
} from '../../../connectors/entra-id/directory-roles.ts';
import { membersOf } from '../../../connectors/entra-id/group-members.ts';
import { walkGroup, type GroupMember } from '../../../src/connector/nested-groups.ts';
import { rewritten } from '../../simulators/graph/faults.ts';
import { EntraBench } from './bench.ts';

const counts = { users: 200, groups: 30 };

describe('the direct members of a group', () => {
  test('are given with kind and name, over all pages, without service principals', async () => {
    await using bench = await EntraBench.open(counts);
    bench.graph.quirks.pageSize = 7;
    const { graph } = await bench.session();
    const { directory } = bench.graph.tenant;
    const [, , , , , , , nested] = [...directory.objects.group];
    if (nested === undefined) throw new Error('no group');
    const found: GroupMember[] = [];
    let pages = 0;
    for await (const page of membersOf(graph, nested)) {
      pages += 1;
      found.push(...page);
    }
    const kinds = { user: 'User', group: 'Group', device: 'Device' } as const;
    const expected = [...directory.related('members', nested.id)].flatMap(({ id, type }) =>
      type in kinds
        ? [{ id, name: directory.find(id)?.entity['displayName'], kind: kinds[type as keyof typeof kinds] }]
        : [],
    );
    expect(found).toEqual(expected);
    expect(new Set(found.map(({ kind }) => kind))).toEqual(new Set(['User', 'Group', 'Device']));
    expect(pages).toBe(Math.ceil(expected.length / 7));
  });

  test('of types that may not be read keep their ids', async () => {
    await using bench = await EntraBench.open(counts);
    bench.graph.roles.delete('User.Read.All');
    const { graph } = await bench.session();
    const [group] = [...bench.graph.tenant.directory.objects.group];
    if (group === undefined) throw new Error('no group');
    for await (const page of membersOf(graph, group)) {
      expect(page).not.toHaveLength(0);
      for (const { id, name, kind } of page)
        expect([typeof id, name, kind]).toEqual(['string', undefined, 'User']);
    }
  });

  test('lead through nested groups, and a circle ends', async () => {
    await using bench = await EntraBench.open(counts);
    const { graph } = await bench.session();
    const { directory } = bench.graph.tenant;
    const [, , , , , , , nested] = [...directory.objects.group];
    if (nested === undefined) throw new Error('no group');
    const walked = new Set<string>();
    const options = { membersOf: (group: { id: string }) => membersOf(graph, group), field: 'x' };
    for await (const grants of walkGroup(nested, options))
      for (const { member } of grants) walked.add(member.id);
    const expected = [...directory.transitiveMembers(nested.id)].filter(
      ({ type }) => type !== 'group' && type !== 'servicePrincipal',
    );
    expect([...walked].toSorted()).toEqual(expected.map(({ id }) => id).toSorted());
  });

  test.each([
    ['that is not there', '00000000-aaaa-4000-8000-000000000000', /not found/u],
    ['whose id would change the address', '../users', /none of the directory's form/u],
  ])('of a group %s are a configuration failure', async (_, id, message) => {
    await using bench = await EntraBench.open({ users: 5 });
    const { graph } = await bench.session();
    await expect(membersOf(graph, { id }).next()).rejects.toMatchObject({ code: 'configuration', message });
  });
});

describe('the roles of the directory', () => {
  test('are given whole', async () => {
    await using bench = await EntraBench.open(counts);
    bench.graph.quirks.pageSize = 3;
    const { graph } = await bench.session();
    const { tenant } = bench.graph;
    const ids = (rows: Iterable<{ readonly id: string }>) => [...rows].map(({ id }) => id);
    expect(ids(await roleDefinitions(graph))).toEqual(ids(tenant.roleDefinitions));
    expect(ids(await roleAssignments(graph))).toEqual(ids(tenant.roleAssignments));
    expect(ids(await eligibleRoles(graph))).toEqual(ids(tenant.roleEligibilityScheduleInstances));
    expect(ids(tenant.roleAssignments).length).toBeGreaterThan(0);
  });

  test('that a tenant has no licence for are a permission failure', async () => {
    await using bench = await EntraBench.open(counts);
    bench.graph.licences.pim = false;
    const { graph } = await bench.session();
    await expect(eligibleRoles(graph)).rejects.toMatchObject({ code: 'permission' });
  });

  test('of a form that is not known are not passed over', async () => {
    await using bench = await EntraBench.open(counts);
    bench.graph.faults.add({
      when: ({ resource }) => resource.endsWith('/roleAssignments'),
      answer: rewritten((page) => ({ ...page, value: [{ id: 'x', principalId: null }] })),
    });
    const { graph } = await bench.session();
    await expect(roleAssignments(graph)).rejects.toMatchObject({ code: 'contract' });
  });
});
