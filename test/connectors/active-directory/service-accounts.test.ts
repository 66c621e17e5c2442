// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { computer, domainDn, sidBytes } from '../../simulators/ldap/domain.ts';
import { groupId, listing, WindowsDomain } from './windows-domain.ts';

const type = { sAMAccountType: '805306369' };
const machine = computer(1, { ...type, uSNChanged: '5001' });
const classes = [
  'top',
  'person',
  'organizationalPerson',
  'user',
  'computer',
  'msDS-GroupManagedServiceAccount',
];
const service = computer(2, {
  ...{ ...type, uSNChanged: '5002', objectClass: classes },
  objectCategory: `CN=ms-DS-Group-Managed-Service-Account,CN=Schema,CN=Configuration,${domainDn}`,
});

test(
  'a managed service account is a member of no kind, in lists and by its primary group',
  { timeout: 30_000 },
  async () => {
    const machines = listing(515, [], { objectSid: sidBytes(515) });
    await using windows = await WindowsDomain.start([
      ...[machine, service, machines],
      listing(1, [machine.dn, service.dn]),
    ]);
    const block = { userBases: [`OU=Workstations,${domainDn}`] };
    const spec = { roleMappings: [{ group: 'Group 1', role: 'admin' }] };
    expect((await windows.sync({ block, spec })).status.phase).toBe('Succeeded');
    expect(windows.live('devices')).toHaveLength(1);
    const kinds = (number: number) =>
      windows
        .rows('SELECT member_kind AS kind FROM memberships WHERE group_id = ? ORDER BY kind', groupId(number))
        .map(({ kind }) => kind);
    expect([kinds(1), kinds(515)]).toEqual([
      [null, 'Device'],
      [null, 'Device'],
    ]);
    expect(windows.rows('SELECT principal_kind AS kind FROM role_assignments ORDER BY kind')).toEqual([
      { kind: null },
      { kind: 'Device' },
    ]);
  },
);
