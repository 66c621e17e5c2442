// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { rewritten } from '../../simulators/graph/faults.ts';
import type { EntraBench } from './bench.ts';
import { globalReader, openRoles, rolesOf, securityReader } from './role-bench.ts';

let bench: EntraBench;
beforeEach(async () => {
  bench = await openRoles();
});
afterEach(() => bench[Symbol.asyncDispose]());
const { map, user, group, assign, live, scopes } = rolesOf(() => bench);

describe('whoever is listed without a type', () => {
  const nested = () => {
    const people = Array.from({ length: 8 }, (_, index) => user(`U${index}`));
    return { people, inner: group('Inner', people) };
  };
  const withoutTypes = (resource: RegExp, without: (row: Record<string, unknown>) => object) => {
    bench.graph.faults.add({
      when: (asked) => resource.test(asked.resource),
      answer: rewritten((page) => ({
        ...page,
        value: (page['value'] as Record<string, unknown>[]).map(without),
      })),
    });
  };
  const bare = ({ '@odata.type': _type, ...row }: Record<string, unknown>) => row;
  const listings = [
    [
      'holder of a role, without anything',
      /\/roleAssignments$/u,
      (row: object) => ({ ...row, principal: null }),
    ],
    [
      'holder of a role, of no type',
      /\/roleAssignments$/u,
      (row: Record<string, unknown>) => ({ ...row, principal: bare(Object(row['principal'])) }),
    ],
    ['member of a group', /\/members$/u, bare],
  ] as const;

  test.each(listings)('is looked up by id: a %s', async (_, resource, without) => {
    const { people, inner } = nested();
    const outer = group('Outer', [inner, user('Ana')]);
    assign(globalReader, outer);
    map({ role: 'auditor', directoryRole: globalReader }, { role: 'x', group: 'Outer' });
    await bench.run();
    const before = bench.rows('SELECT external_id, path, principal_kind FROM role_assignments ORDER BY 1');
    expect(before).toHaveLength(2 * (people.length + 1));
    withoutTypes(resource, without);
    bench.graph.roles.add('Directory.Read.All');
    bench.pass(2 * 3_600_000);
    const outcome = await bench.run();
    expect([outcome.phase, outcome.stream('roleAssignments').deleted]).toEqual(['Succeeded', 0]);
    expect(bench.rows('SELECT external_id, path, principal_kind FROM role_assignments ORDER BY 1')).toEqual(
      before,
    );
  });

  test.each(listings)(
    'and may not be looked up is no person, and nothing is gone: a %s',
    async (_, resource, without) => {
      const { inner } = nested();
      assign(globalReader, group('Outer', [inner]));
      map({ role: 'auditor', directoryRole: globalReader });
      await bench.run();
      const before = live();
      withoutTypes(resource, without);
      const outcome = await bench.run();
      expect(outcome.stream('roleAssignments')).toMatchObject({ complete: false, deleted: 0 });
      expect(live()).toEqual(before);
      expect(scopes(outcome)).toEqual([
        expect.stringMatching(/^directoryRole .* \(active\): auditor: permission: .*Directory\.Read\.All/u),
      ]);
    },
  );

  test('and is not known by its id either leaves the part unverified, by its id', async () => {
    bench.graph.roles.add('Directory.Read.All');
    assign(globalReader, user('Ana'));
    const lost = '00000000-aaaa-4000-8000-000000000001';
    assign(globalReader, lost);
    assign(securityReader, user('Bob'));
    map({ role: 'auditor', directoryRole: globalReader }, { role: 'x', directoryRole: securityReader });
    const outcome = await bench.run();
    expect(scopes(outcome)).toEqual([
      expect.stringMatching(/\(active\): auditor: contract: .*00000000-aaaa/u),
    ]);
    expect(live()).toEqual([expect.stringMatching(/^x\//u)]);
  });

  test('but of a type that is told and new to us has the role, without a kind', async () => {
    const ana = user('Ana');
    assign(globalReader, ana);
    map({ role: 'auditor', directoryRole: globalReader });
    withoutTypes(/\/roleAssignments$/u, (row) => ({
      ...row,
      principal: { ...Object(row['principal']), '@odata.type': '#microsoft.graph.agentIdentity' },
    }));
    expect((await bench.run()).phase).toBe('Succeeded');
    expect(bench.rows('SELECT principal_id, principal_kind FROM role_assignments')).toEqual([
      { principal_id: ana, principal_kind: null },
    ]);
    expect(bench.asked().filter((asked) => asked.includes('getByIds'))).toEqual([]);
  });
});
