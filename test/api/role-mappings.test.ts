// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { roleMappingProblems } from '../../src/api/role-mapping-problems.ts';
import { placedRoleMappings, type RoleMapping } from '../../src/api/role-mappings.ts';

const entra = { id: 'entraId', roleSources: ['group', 'directoryRole'] } as const;
const directory = { id: 'activeDirectory', roleSources: ['group'] } as const;
const register = { id: 'register', roleSources: [] } as const;

const admins: RoleMapping = { role: 'admin', group: 'Inventory Admins' };
const readers: RoleMapping = { role: 'reader', directoryRole: 'Global Reader' };

describe('role mappings', () => {
  test.each([
    ['none', undefined, register, []],
    ['both kinds where the connector has both', [admins, readers], entra, []],
    ['two roles by one group', [admins, { ...admins, role: 'reader' }], entra, []],
    [
      'a connector without roles',
      [admins],
      register,
      ['spec.roleMappings: register reads no role assignments; remove it'],
    ],
    [
      'a kind that the connector has not',
      [admins, readers],
      directory,
      ['spec.roleMappings[1].directoryRole: activeDirectory has no such thing; use group'],
    ],
    [
      'neither',
      [{ role: 'admin' }],
      entra,
      ['spec.roleMappings[0]: gives no group and no directoryRole; give one of them'],
    ],
    [
      'nothing, where there is one kind',
      [{ role: 'admin' }],
      directory,
      ['spec.roleMappings[0]: gives no group; give one'],
    ],
    [
      'both in one',
      [{ ...admins, ...readers }],
      entra,
      ['spec.roleMappings[0]: gives group and directoryRole; give one of them alone'],
    ],
    [
      'both in one, where there is one kind',
      [{ ...admins, ...readers }],
      directory,
      ['spec.roleMappings[0]: gives group and directoryRole; give group alone'],
    ],
    [
      'the same twice',
      [admins, readers, admins],
      entra,
      ['spec.roleMappings[2]: says the same as one before it; remove it'],
    ],
  ] as const)('%s', (_, mappings, connector, expected) => {
    const problems = roleMappingProblems(mappings, connector);
    expect(problems.map(({ path, message }) => `${path}: ${message}`)).toEqual(expected);
  });

  test('carry the field that names them', () => {
    expect(placedRoleMappings([admins, readers])).toEqual([
      { role: 'admin', source: 'group', named: 'Inventory Admins', field: 'spec.roleMappings[0].group' },
      {
        role: 'reader',
        source: 'directoryRole',
        named: 'Global Reader',
        field: 'spec.roleMappings[1].directoryRole',
      },
    ]);
  });
});
