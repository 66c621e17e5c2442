// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { guidOf } from '../../../connectors/active-directory/guid.ts';
import { domainDn, guidBytes } from '../../simulators/ldap/domain.ts';
import { listing, userDns, userId, WindowsDomain } from './windows-domain.ts';

const kid = guidOf(guidBytes(7, 7)) ?? '';
const spec = { roleMappings: [{ group: 'Group 1', role: 'admin' }] };

test.each([
  ['child', `DC=child,${domainDn}`],
  ['sibling', 'DC=other,DC=example,DC=test'],
])(
  'a member of a %s domain has the role, known by its name only',
  { timeout: 30_000 },
  async (_which, dn) => {
    const name = `CN=Kid,CN=Users,${dn}`;
    await using windows = await WindowsDomain.start([
      listing(1, [...userDns(0, 1), `<GUID=${kid}>;${name}`]),
    ]);
    const { status } = await windows.sync({ spec });
    expect(status.phase).toBe('Succeeded');
    const sql = 'SELECT principal_id AS id, principal_name AS name FROM role_assignments ORDER BY path_ids';
    const [one, other] = windows
      .rows(sql)
      .toSorted((a, b) => Number(a['id'] === kid) - Number(b['id'] === kid));
    expect(one).toMatchObject({ id: userId(0) });
    expect(other).toEqual({ id: kid, name });
  },
);

test('a member of this domain that is hidden stops the mapping', { timeout: 30_000 }, async () => {
  const name = `CN=Kid,CN=Users,${domainDn}`;
  await using windows = await WindowsDomain.start([listing(1, [...userDns(0, 1), `<GUID=${kid}>;${name}`])]);
  const { failure } = await windows.sync({ spec });
  expect(failure).toMatchObject({
    code: 'permission',
    message: expect.stringMatching(/CN=Kid,.* and hidden/u),
  });
});
