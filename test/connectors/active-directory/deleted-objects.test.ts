// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { domainDn } from '../../simulators/ldap/domain.ts';
import { account, userId, WindowsDomain } from './windows-domain.ts';

const showRecycled = '1.2.840.113556.1.4.2064';

/** An older domain has no recycle bin, and does not know that control. */
test.each([
  ['with', (oid: string) => oid !== ''],
  ['without', (oid: string) => oid !== showRecycled],
])(
  'deletions are seen by a server %s the control for recycled objects',
  { timeout: 30_000 },
  async (_which, offered) => {
    await using windows = await WindowsDomain.start([]);
    const { server } = windows;
    const supportedControl = [server.root['supportedControl'] ?? []].flat().map(String).filter(offered);
    server.root = { ...server.root, supportedControl };
    await windows.sync();
    const { attributes } = account(9, { isDeleted: 'TRUE' });
    windows.change({ dn: `CN=User 9\\0ADEL:x,CN=Deleted Objects,${domainDn}`, attributes }, account(9).dn);
    const { status, counts } = await windows.sync();
    expect(status.phase).toBe('Succeeded');
    expect(counts['users']).toEqual(['Incremental', 0, 0, 0, 0, 1]);
    expect(windows.live('users')).not.toContain(userId(9));
  },
);
