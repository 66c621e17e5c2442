// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { guidOf } from '../../../connectors/active-directory/guid.ts';
import {
  computer,
  domain,
  domainDn,
  domainRoot,
  group,
  guidBytes,
  user,
} from '../../simulators/ldap/domain.ts';
import { fakeDirectory, syncAccount, type FakeDirectory } from '../../simulators/ldap/server.ts';
import { Inventory, manifests } from './directory.ts';

/** What a Windows domain does and Samba does not, on a server that does it. */
let server: FakeDirectory;
let inventory: Inventory;

const account = { sAMAccountType: '805306368' };
const usn = 400_000;
/** Scope of a search (RFC 4511, 4.5.1.2). */
const subtree = 2;

beforeEach(async () => {
  inventory = new Inventory();
  server = await fakeDirectory({
    entries: [
      ...domain({}).map((entry) =>
        entry.dn.startsWith('CN=Deleted Objects')
          ? { ...entry, attributes: { ...entry.attributes, isDeleted: 'TRUE' } }
          : entry,
      ),
      ...Array.from({ length: 150 }, (_, number) => user(number, account)),
      computer(1, { sAMAccountType: '805306369', uSNChanged: '5000' }),
      group(1, members(0, 150), { sAMAccountType: '268435456', uSNChanged: '6000' }),
      group(513, [], { sAMAccountType: '268435456', uSNChanged: '6001', objectSid: sid(513) }),
    ],
  });
  server.root = domainRoot(usn);
  server.directory.limits = { maxPageSize: 60, maxValRange: 100 };
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await inventory[Symbol.asyncDispose]();
});

function sid(rid: number): Buffer {
  const bytes = Buffer.from('0105000000000005150000000100000002000000030000000000000000', 'hex').subarray(
    0,
    28,
  );
  bytes.writeUInt32LE(rid, 24);
  return bytes;
}

function members(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => user(from + index).dn);
}

function sync(...args: string[]) {
  const secret = { username: syncAccount.name, password: syncAccount.password };
  return inventory.run(manifests({ urls: [server.url.href], baseDN: domainDn }, {}, secret), args);
}

const idOfGroup = guidOf(guidBytes(2, 1)) ?? '';
const listed = () =>
  inventory.rows(
    'SELECT count(*) AS n FROM memberships WHERE group_id = ? AND deleted_at IS NULL',
    idOfGroup,
  )[0]?.['n'];

/** Puts another version of an entry in its place, as a later change. */
function change(entry: ReturnType<typeof user>): void {
  const at = server.directory.entries.findIndex(({ dn }) => dn === entry.dn);
  server.directory.entries[at] = entry;
}

function setUsn(value: number, more: object = {}): void {
  server.root = { ...domainRoot(value), ...more };
}

describe('limits that Samba does not have', { timeout: 120_000 }, () => {
  test('pages that are cut and a list of members in parts come whole', async () => {
    const { status, counts } = await sync();
    expect(status.phase).toBe('Succeeded');
    expect(counts['users']).toEqual(['Full', 150, 150, 0, 0, 0]);
    expect(listed()).toBe(150);
    // Of the group that lists nobody, by the number in everybody's entry.
    expect(counts['memberships']?.[2]).toBe(150 + 150);
  });

  test('a list that changes between its parts is read again', async () => {
    // In the last window: in an earlier one the change would be met again by the walk itself.
    change(group(1, members(0, 150), { sAMAccountType: '268435456', uSNChanged: '399999' }));
    let changes = 0;
    server.script = ({ operation, request }) => {
      const isPart = operation === 'search' && JSON.stringify(request).includes('member;range=');
      // The first member goes, so that all others move up by one, and one would be left out.
      if (isPart && changes++ === 0)
        change(group(1, members(1, 150), { sAMAccountType: '268435456', uSNChanged: '400001' }));
      return undefined;
    };
    const { status } = await sync();
    expect(changes).toBeGreaterThan(1);
    expect(status.phase).toBe('Succeeded');
    // It stood where the second part began, and moved up into the first, which had been given by then.
    expect(inventory.live('memberships')).toContain(`${idOfGroup}/${guidOf(guidBytes(1, 100)) ?? ''}`);
    setUsn(400_001);
    await sync();
    expect(listed()).toBe(149);
  });

  test.each([
    ['the size limit', { code: 4, text: 'Size Limit Exceeded' }],
    ['a referral', { code: 10, text: '0000202B: RefErr', referrals: ['ldap://other.example.test/DC=other'] }],
    ['insufficient rights', { code: 50, text: '00002098: INSUFF_ACCESS_RIGHTS' }],
  ])('%s is never read as the end: nothing is deleted', async (_what, result) => {
    await sync();
    const before = inventory.live('users');
    server.directory.entries.splice(
      server.directory.entries.findIndex(({ dn }) => dn === user(5).dn),
      1,
    );
    server.script = ({ operation, request }) =>
      operation === 'search' && JSON.stringify(request).includes('displayName'.toLowerCase())
        ? { type: 'result', result }
        : undefined;
    const { status } = await sync('--mode', 'Full');
    expect(status.streams?.[0]).toMatchObject({ name: 'users', complete: false, deleted: 0 });
    expect(status.failure?.class).not.toBe('transient');
    expect(inventory.live('users')).toEqual(before);
  });
});

describe('answers that only look empty', { timeout: 60_000 }, () => {
  test('groups that come without their members lose none, when the directory still finds groups that have some', async () => {
    await sync();
    const before = inventory.live('memberships');
    server.script = ({ operation, request }) =>
      operation === 'search' && /"member"/u.test(JSON.stringify(request))
        ? { type: 'page', entries: [group(1, [], { uSNChanged: '6000' })], cookie: Buffer.alloc(0) }
        : undefined;
    const { status } = await sync('--mode', 'Full');
    expect(status.streams?.find(({ name }) => name === 'memberships')).toMatchObject({
      complete: false,
      deleted: 0,
    });
    expect(status.failure).toMatchObject({
      code: 'contract',
      message: expect.stringMatching(/in other words/u),
    });
    expect(inventory.live('memberships')).toEqual(before);
  });

  test('users that are found by other signs only are not taken as gone', async () => {
    await sync();
    const before = inventory.live('users');
    server.script = ({ operation, request }) =>
      operation === 'search' && JSON.stringify(request).includes('lastlogontimestamp')
        ? { type: 'page', entries: [], cookie: Buffer.alloc(0) }
        : undefined;
    const { status } = await sync('--mode', 'Full');
    expect(status.streams?.[0]).toMatchObject({ name: 'users', complete: false, deleted: 0 });
    expect(inventory.live('users')).toEqual(before);
  });
});

test('a user that a full reading has missed, and that is found by its id, lives on', async () => {
  await sync();
  const others = Array.from({ length: 150 }, (_, number) => user(number, account)).filter(
    (_, number) => number !== 5,
  );
  server.script = ({ operation, request }) =>
    operation === 'search' && JSON.stringify(request).includes('lastlogontimestamp')
      ? { type: 'page', entries: others, cookie: Buffer.alloc(0) }
      : undefined;
  const { status } = await sync('--mode', 'Full');
  expect(status.streams?.[0]).toMatchObject({
    name: 'users',
    deleted: 0,
    evidence: { probed: 1, present: 1 },
  });
});

describe('what a controller says of itself', { timeout: 120_000 }, () => {
  test.each([
    [
      'no Active Directory',
      { supportedCapabilities: [] },
      'configuration',
      /not say that it is an Active Directory/u,
    ],
    ['not yet synchronised', { isSynchronized: 'FALSE' }, 'unavailable', /not synchronised/u],
    ['of another domain', { defaultNamingContext: 'DC=other' }, 'configuration', /no part of DC=other/u],
  ])('%s', async (_what, more, code, words) => {
    setUsn(usn, more);
    const { failure } = await sync();
    expect(failure).toMatchObject({ code, message: expect.stringMatching(words) });
  });

  test('a reading that began at one controller and ended at another is not believed', async () => {
    server.script = ({ operation, nth }) => {
      // Behind the address stands another one from now on.
      if (operation === 'search' && nth === 12) setUsn(usn, { dnsHostName: 'dc2.corp.example.test' });
      return undefined;
    };
    const { status } = await sync();
    expect(status.failure).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/dc1.*read first and dc2.*name one controller/u),
    });
    expect(status.streams?.some(({ complete }) => !complete)).toBe(true);
  });

  test('after an outage that is longer than deletions are kept everything is read', async () => {
    await sync();
    server.directory.entries.splice(
      server.directory.entries.findIndex(({ dn }) => dn === user(7).dn),
      1,
    );
    server.clockOffsetMs = 59 * 86_400_000;
    expect((await sync()).counts['users']).toEqual(['Incremental', 0, 0, 0, 0, 0]);
    server.clockOffsetMs = (59 + 61) * 86_400_000;
    expect((await sync()).counts['users']).toEqual(['Full', 149, 0, 0, 149, 1]);
  });

  test('recycled objects count as deleted', async () => {
    await sync();
    const at = server.directory.entries.findIndex(({ dn }) => dn === user(9).dn);
    const { attributes } = user(9, { isDeleted: 'TRUE', isRecycled: 'TRUE', uSNChanged: '400001' });
    server.directory.entries[at] = { dn: `CN=User 9\\0ADEL:x,CN=Deleted Objects,${domainDn}`, attributes };
    setUsn(400_001);
    const { counts } = await sync();
    expect(counts['users']).toEqual(['Incremental', 0, 0, 0, 0, 1]);
    // Of both groups that it belonged to, although neither has changed.
    expect(counts['memberships']?.at(-1)).toBe(2);
  });

  test('however many accounts are deleted, each is told once and no group is asked for', async () => {
    await sync();
    for (let number = 0; number < 130; number += 1) {
      const at = server.directory.entries.findIndex(({ dn }) => dn === user(number).dn);
      const { attributes } = user(number, { isDeleted: 'TRUE', uSNChanged: String(usn + 1 + number) });
      const dn = `CN=User ${number}\\0ADEL:x,CN=Deleted Objects,${domainDn}`;
      server.directory.entries[at] = { dn, attributes };
    }
    setUsn(usn + 130);
    const filters: string[] = [];
    server.script = ({ request }) => {
      if (request.operation === 'search' && request.scope === subtree)
        filters.push(request.filter.content.toString('latin1'));
      return undefined;
    };
    const { status } = await sync();
    // More than the budget lets go at once: they wait for a person, two of each account.
    expect(status.streams?.find(({ name }) => name === 'memberships')).toMatchObject({
      ...{ mode: 'Incremental', fetched: 0, deleted: 0, withheld: 2 * 130 },
    });
    expect(filters.length).toBeGreaterThan(5);
    const searches = filters.filter((filter) => !filter.includes('uSNChanged'));
    expect(searches, 'what is not limited to what changed').toEqual([]);
  });

  test('a user with a value that is no text is set aside, and keeps its place', async () => {
    change(user(3, { ...account, title: Buffer.from([0xc3, 0x28]) }));
    const { status } = await sync();
    expect(status.streams?.[0]).toMatchObject({ name: 'users', created: 149, failed: 1, complete: true });
  });
});

test('nothing is asked for that holds a secret', async () => {
  await sync();
  const asked = JSON.stringify(server.requests.map(({ request }) => request)).toLowerCase();
  for (const secret of [
    'unicodepwd',
    'admpwd',
    'mslaps',
    'msfve',
    'supplementalcredentials',
    'keycredential',
  ])
    expect(asked).not.toContain(secret);
  expect(asked).toContain('lastlogontimestamp');
});
