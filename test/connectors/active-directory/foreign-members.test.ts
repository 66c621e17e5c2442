// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { guidBytes, sidBytes, domainDn } from '../../simulators/ldap/domain.ts';
import type { DirectoryEntry } from '../../simulators/ldap/directory.ts';
import { groupId, listing, userDns, userId, WindowsDomain } from './windows-domain.ts';

const sid = 'S-1-5-21-1-2-3-77';
const dn = `CN=${sid},CN=ForeignSecurityPrincipals,${domainDn}`;

/** The placeholder of an account of another domain: the nth that is made for it. */
function placeholder(nth: number): DirectoryEntry {
  const objectClass = ['top', 'foreignSecurityPrincipal'];
  return {
    dn,
    attributes: { objectClass, objectGUID: guidBytes(8, nth), objectSid: sidBytes(77), uSNChanged: '100' },
  };
}

function remove(windows: WindowsDomain, nth: number): void {
  const { attributes } = placeholder(nth);
  const gone = `CN=${sid}\\0ADEL:${nth},CN=Deleted Objects,${domainDn}`;
  windows.change({ dn: gone, attributes: { ...attributes, isDeleted: 'TRUE' } }, dn);
}

/** The list of a group without its mention of the placeholder, which changes it as little as the directory does. */
function forget({ server }: WindowsDomain, group: DirectoryEntry): void {
  const { entries } = server.directory;
  entries.splice(
    entries.findIndex((entry) => entry.dn === group.dn),
    1,
    group,
  );
}

describe('the deleted placeholder of an account of another domain', { timeout: 30_000 }, () => {
  test('leaves the groups that it was in, by its SID', async () => {
    await using windows = await WindowsDomain.start([placeholder(1), listing(1, [...userDns(0, 1), dn])]);
    await windows.sync();
    expect(windows.listed(1)).toBe(2);
    remove(windows, 1);
    forget(windows, listing(1, userDns(0, 1)));
    const { status, counts } = await windows.sync();
    expect(status.phase).toBe('Succeeded');
    expect(counts['memberships']).toEqual(['Incremental', 0, 0, 0, 0, 1]);
    expect(windows.live('memberships')).toContain(`${groupId(1)}/${userId(0)}`);
    expect(windows.listed(1)).toBe(1);
  });

  test('takes nothing from the one that was made for the same account since', async () => {
    await using windows = await WindowsDomain.start([
      ...[placeholder(1), listing(1, [...userDns(0, 1), dn])],
      listing(2, userDns(0, 1)),
    ]);
    await windows.sync();
    remove(windows, 1);
    forget(windows, listing(1, userDns(0, 1)));
    windows.change(placeholder(2));
    windows.change(listing(2, [...userDns(0, 1), dn]));
    await windows.sync();
    expect(windows.live('memberships')).toContain(`${groupId(2)}/${sid}`);
    // Group 1 has not changed; that it is a member there no longer is known by the next full pass.
    await windows.full();
    expect([windows.listed(1), windows.listed(2)]).toEqual([1, 2]);
  });
});
