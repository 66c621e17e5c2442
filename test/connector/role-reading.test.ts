// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { Compile } from 'typebox/compile';
import { describe, expect, test } from 'vitest';
import { placedRoleMappings, type RoleMapping } from '../../src/api/role-mappings.ts';
import { Failure } from '../../src/connector/failure.ts';
import { passed } from '../../src/connector/finding.ts';
import {
  groupPart,
  readRoles,
  testRoles,
  type RoleEvent,
  type RolePart,
} from '../../src/connector/role-reading.ts';
import { pathText, type RoleRow, roleRowId, toRoleAssignment } from '../../src/connector/role-rows.ts';
import { kinds } from '../../src/inventory/kinds.ts';

const row: RoleRow = {
  role: 'team/payroll',
  sourceKind: 'group',
  principal: { id: 'u1', name: 'Ana Lim', kind: 'User' },
  path: [
    { id: 'g1', name: 'Payroll' },
    { id: 'g2', name: 'Payroll EU' },
  ],
  assignment: 'active',
};
const ofRole: RoleRow = {
  ...row,
  sourceKind: 'directory_role',
  path: [{ id: 'r1', name: 'Reader' }],
  scope: '/',
};

describe('the record of a role assignment', () => {
  test('says who has which role, by what, and the whole path', () => {
    expect(toRoleAssignment(row)).toEqual({
      externalId: 'team/payroll/g1/u1',
      columns: {
        name: 'Ana Lim has team/payroll by Payroll > Payroll EU',
        role: 'team/payroll',
        ...{ principalId: 'u1', principalKind: 'User', principalName: 'Ana Lim' },
        ...{ sourceKind: 'group', sourceId: 'g1', sourceName: 'Payroll' },
        direct: false,
        path: 'Payroll > Payroll EU > Ana Lim',
        pathIds: 'g1 > g2 > u1',
        assignment: 'active',
      },
      attributes: {},
    });
  });

  test('of a directory role has the kind of assignment and the part of the directory in its id', () => {
    expect(toRoleAssignment(ofRole)).toMatchObject({
      externalId: 'team/payroll/r1/u1/active',
      columns: { direct: true, scope: '/' },
    });
    const eligible = { ...ofRole, assignment: 'eligible' as const, scope: '/administrativeUnits/n1' };
    expect(toRoleAssignment({ ...eligible, endsAt: '2027-01-01T00:00:00Z' })).toMatchObject({
      externalId: 'team/payroll/r1/u1/eligible/administrativeUnits/n1',
      columns: { name: 'Ana Lim may activate team/payroll by Reader', endsAt: '2027-01-01T00:00:00Z' },
    });
  });

  test('says that the role was activated, and leaves times alone that nobody could tell', () => {
    expect(toRoleAssignment({ ...ofRole, activated: true, endsAt: '2027-01-01T00:00:00Z' })).toMatchObject({
      columns: { endsAt: '2027-01-01T00:00:00Z' },
      attributes: { activated: true },
    });
    expect(toRoleAssignment(ofRole)).not.toHaveProperty('untold');
    expect(toRoleAssignment({ ...ofRole, timesUntold: true }).untold).toEqual(['startsAt', 'endsAt']);
  });

  test('of somebody without a name or a kind goes by the id, and says that it is a placeholder', () => {
    expect(toRoleAssignment({ ...row, principal: { id: 'S-1-5-11', foreign: true } })).toMatchObject({
      columns: {
        name: 'S-1-5-11 has team/payroll by Payroll > Payroll EU',
        path: 'Payroll > Payroll EU > S-1-5-11',
      },
      attributes: { foreignSecurityPrincipal: true },
    });
  });

  test.each([
    ['nothing', null],
    ['no principal', { ...row, principal: {} }],
    ['an empty id', { ...row, principal: { id: '' } }],
    ['no path', { ...row, path: [] }],
    ['a directory role without a kind of assignment', { ...ofRole, assignment: undefined }],
  ])('has no id when there is %s', (_, raw) => {
    expect(roleRowId(raw)).toBeUndefined();
  });

  test('fits its columns, whatever the names and however long the path', () => {
    const check = Compile(kinds.RoleAssignment);
    const named = fc.record({
      id: fc.uuid(),
      name: fc.string({ minLength: 1, maxLength: 600, unit: 'grapheme' }),
    });
    fc.assert(
      fc.property(fc.array(named, { minLength: 1, maxLength: 200 }), named, (path, principal) => {
        const { columns } = toRoleAssignment({ ...row, path, principal });
        expect(check.Check(columns)).toBe(true);
        expect(columns.pathIds?.startsWith(path[0]?.id ?? '-')).toBe(true);
        expect(columns.pathIds?.endsWith(principal.id)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

test('a path that is too long is cut in its middle, which says how many are left out', () => {
  const parts = Array.from({ length: 30 }, (_, index) => `group ${index}`);
  expect(pathText(parts, 4096)).toBe(parts.join(' > '));
  expect(pathText(parts, 64)).toBe('group 0 > group 1 > group 2 > … 25 more … > group 28 > group 29');
  expect(pathText(['x'.repeat(300), 'y'.repeat(300)], 64)).toBe(`${'x'.repeat(15)}… > ${'y'.repeat(15)}…`);
});

describe('reading who has a role', () => {
  const groups: Readonly<Record<string, readonly string[]>> = {
    A: ['ann', 'B', 'contact'],
    B: ['bob', 'A'],
    EMPTY: [],
  };
  const ids: Readonly<Record<string, string>> = { alias: 'A' };
  const asked: string[] = [];

  async function* membersOf({ id }: { id: string }) {
    asked.push(id);
    if (id === 'DENIED') throw new Failure('permission', 'members of DENIED: reading was refused');
    if (id === 'AWAY') throw new Failure('unavailable', 'no answer');
    const kindOf = (one: string) => (groups[one] === undefined ? 'User' : 'Group');
    yield (groups[id] ?? []).map(
      (one) => ({ id: one, kind: one === 'contact' ? 'Contact' : kindOf(one) }) as const,
    );
  }
  async function read(mappings: readonly RoleMapping[], ended: readonly string[] = []) {
    asked.length = 0;
    const events: RoleEvent[] = [];
    const reading = {
      mappings: placedRoleMappings(mappings),
      async partsOf(mapping: ReturnType<typeof placedRoleMappings>[number]): Promise<readonly RolePart[]> {
        const { field, named } = mapping;
        if (named === 'nobody')
          throw new Failure('configuration', `${field}: there is no group nobody; correct it`);
        const source = { id: ids[named] ?? named };
        return [groupPart(source, mapping, membersOf, () => ({ counted: 7 }))];
      },
    };
    const request = {
      cursor: () => undefined,
      checkpoint: () => undefined,
      ended: (scope: string) => ended.includes(scope),
      lastEvidence: async () => undefined,
      begun: (scope: string) => ended.includes(scope),
    };
    for await (const event of readRoles(reading, request)) events.push(event);
    return events;
  }
  const told = (events: readonly RoleEvent[]) => events.map((event) => [event.type, event.scope]);

  test('gives everybody of each mapping under a scope of its own, contacts left out, and the facts of the reading', async () => {
    const events = await read([
      { role: 'admin', group: 'A' },
      { role: 'reader', group: 'A' },
      { role: 'admin', group: 'EMPTY' },
    ]);
    expect(told(events)).toEqual([
      ['page', 'group A: admin'],
      ['page', 'group A: admin'],
      ['end', 'group A: admin'],
      ['page', 'group A: reader'],
      ['page', 'group A: reader'],
      ['end', 'group A: reader'],
      ['end', 'group EMPTY: admin'],
    ]);
    const rows = events.flatMap((event) => (event.type === 'page' ? event.rows : []));
    expect(rows.map((one) => roleRowId(one))).toEqual([
      'admin/A/ann',
      'admin/A/bob',
      'reader/A/ann',
      'reader/A/bob',
    ]);
    expect(events[2]).toMatchObject({ coverage: 'Full', evidence: { pages: 2, rows: 2, counted: 7 } });
    expect(events.at(-1)).toMatchObject({ evidence: { pages: 0, rows: 0 } });
  });

  test('goes on with the others when a mapping names nothing, or its members cannot be read', async () => {
    const events = await read([
      { role: 'x', group: 'nobody' },
      { role: 'x', group: 'DENIED' },
      { role: 'x', group: 'EMPTY' },
    ]);
    expect(events).toMatchObject([
      { type: 'unverified', scope: 'group nobody: x', failure: { code: 'configuration' } },
      { type: 'unverified', scope: 'group DENIED: x', failure: { code: 'permission' } },
      { type: 'end', scope: 'group EMPTY: x' },
    ]);
  });

  test('ends with what concerns the whole directory', async () => {
    await expect(read([{ role: 'x', group: 'AWAY' }])).rejects.toThrow('no answer');
  });

  test('reads a group once that two mappings of a role name in different words', async () => {
    const events = await read([
      { role: 'x', group: 'A' },
      { role: 'x', group: 'alias' },
      { role: 'x', group: 'nobody' },
    ]);
    expect(told(events).filter(([type]) => type !== 'page')).toEqual([
      ['end', 'group A: x'],
      ['unverified', 'group nobody: x'],
    ]);
  });

  test('does not read again what ended earlier in the pass', async () => {
    expect(told(await read([{ role: 'x', group: 'A' }], ['group A: x']))).toEqual([]);
    expect(asked).toEqual([]);
  });
});

describe('the test of role mappings', () => {
  const mappings = placedRoleMappings(
    ['Payroll', 'Nope', 'Twice'].map((group): RoleMapping => ({ role: 'reader', group })),
  );
  const nobody = () =>
    groupPart(
      { id: 'g1', name: 'Payroll' },
      mappings[0]!,
      async function* () {},
      () => ({}),
    );
  const testOf = (wrong: readonly string[], code: 'configuration' | 'unavailable' = 'configuration') =>
    testRoles({
      mappings,
      async partsOf({ field, named }) {
        if (wrong.includes(named)) throw new Failure(code, `${field}: ${named} is wrong`);
        return [nobody()];
      },
    });

  test('says what was found', async () => {
    expect(await testOf([])).toEqual(passed('found what spec.roleMappings names: Payroll, Payroll, Payroll'));
  });

  test('tells of each that is wrong, in one failure', async () => {
    await expect(testOf(['Nope', 'Twice'])).rejects.toMatchObject({
      code: 'configuration',
      message: 'spec.roleMappings[1].group: Nope is wrong; spec.roleMappings[2].group: Twice is wrong',
    });
  });

  test('ends at once where the vendor is away', async () => {
    await expect(testOf(['Payroll', 'Nope'], 'unavailable')).rejects.toMatchObject({
      message: 'spec.roleMappings[0].group: Payroll is wrong',
    });
  });
});
