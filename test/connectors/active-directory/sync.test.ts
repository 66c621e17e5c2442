// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accounts, line, places, primaryGroupLdif, seeded, userName } from '../../kit/samba/seed.ts';
import { baseDN } from '../../kit/samba/settings.ts';
import { Directory } from './directory.ts';
import { expectedOf } from './expected.ts';

let directory: Directory;
beforeAll(async () => {
  directory = await Directory.start();
}, 300_000);
afterAll(() => directory[Symbol.asyncDispose]());

/** The inventory holds exactly what Samba's own tools find. */
async function expectExact(): Promise<void> {
  const expected = await expectedOf(directory.domain.ldb);
  for (const table of ['users', 'groups', 'devices', 'memberships'] as const)
    expect(directory.live(table), table).toEqual(expected[table]);
}

async function dnOf(filter: string, base = baseDN): Promise<string> {
  const [found, ...more] = await directory.domain.ldb.search(base, filter, ['dn']);
  if (found === undefined || more.length > 0)
    throw new Error(`${filter} finds ${more.length + (found ? 1 : 0)}`);
  return found.get('dn')?.[0] ?? '';
}

async function idOf(filter: string): Promise<string> {
  const [found] = await directory.domain.ldb.search(baseDN, filter, ['objectGUID']);
  return found?.get('objectguid')?.[0] ?? '';
}

const members = (change: 'add' | 'delete', group: string, member: string) =>
  `${line('dn', group)}\nchangetype: modify\n${change}: member\n${line('member', member)}\n\n`;

// One after the other: each goes on with the domain as the one before has left it.
describe('a domain of 2,500 users', { timeout: 120_000 }, () => {
  test('is read in full, and exactly', async () => {
    const first = await directory.sync();
    expect(first.status).toMatchObject({ phase: 'Succeeded' });
    expect(
      first.status.streams?.map(({ name, record, mode, complete }) => [name, record, mode, complete]),
    ).toEqual([
      ['users', 'User', 'Full', true],
      ['groups', 'Group', 'Full', true],
      ['computers', 'Device', 'Full', true],
      ['memberships', 'Membership', 'Full', true],
    ]);
    await expectExact();
    // Of the seed, and what Samba makes: Administrator, Guest, krbtgt, dns-dc1; one controller.
    expect(directory.live('users')).toHaveLength(seeded.users + 4 + Object.keys(accounts).length);
    expect(directory.live('devices')).toHaveLength(seeded.computers + 1);
    expect(membersOf(await idOf('(sAMAccountName=All Staff)'))).toHaveLength(seeded.bigGroupMembers);
  });

  test('gives everybody the primary group, and tells what kind of object a member is', async () => {
    const usersGroup = await idOf('(sAMAccountName=Domain Users)');
    const staff = await idOf('(sAMAccountName=Staff)');
    expect(membersOf(usersGroup).length).toBeGreaterThan(2400);
    expect(membersOf(staff, "json_extract(attributes, '$.primaryGroup') = 1")).toHaveLength(
      seeded.staffPrimary,
    );
    // Nothing but placeholders of other domains is of an unknown kind.
    expect(
      directory.rows(
        "SELECT count(*) AS n FROM memberships WHERE (member_kind IS NULL) <> (attributes LIKE '%foreignSecurityPrincipal%')",
      ),
    ).toEqual([{ n: 0 }]);
    const mixed = await idOf('(sAMAccountName=Mixed)');
    expect(
      directory.rows(
        'SELECT member_kind AS kind, count(*) AS n FROM memberships WHERE group_id = ? GROUP BY 1 ORDER BY 1',
        mixed,
      ),
    ).toEqual([
      { kind: 'Contact', n: 2 },
      { kind: 'Device', n: 3 },
      { kind: 'Group', n: 1 },
      { kind: 'User', n: 1 },
    ]);
    const readers = await idOf('(sAMAccountName=Local Readers)');
    expect(membersOf(readers)).toContain('S-1-5-11');
  });

  test('reads nothing again when nothing changed', async () => {
    const { status, counts } = await directory.sync();
    expect(status.phase).toBe('Succeeded');
    const nothing = ['Incremental', 0, 0, 0, 0, 0];
    expect(counts).toEqual({ users: nothing, groups: nothing, computers: nothing, memberships: nothing });
    await expectExact();
  });

  test('takes up a changed, a renamed, a moved, a new and a deleted user, each by its own id', async () => {
    const { ldb } = directory.domain;
    const changed = await dnOf('(sAMAccountName=u0300)');
    const renamed = await dnOf('(sAMAccountName=u0301)');
    const moved = await dnOf('(sAMAccountName=u0302)');
    const deleted = await dnOf('(sAMAccountName=u0303)');
    const ids = await Promise.all(
      ['u0300', 'u0301', 'u0302', 'u0303'].map((name) => idOf(`(sAMAccountName=${name})`)),
    );
    await ldb.modify(
      `${line('dn', changed)}\nchangetype: modify\nreplace: title\ntitle: Head of Nothing\n\n`,
    );
    await ldb.rename(renamed, `CN=Somebody Else,${places.people}`);
    await ldb.rename(moved, `CN=u0302,${places.leavers}`);
    await ldb.delete(deleted);
    await ldb.modify(
      `dn: CN=New One,${places.people}\nchangetype: add\nobjectClass: user\nsAMAccountName: new1\nuserAccountControl: 512\n\n`,
    );
    const { counts } = await directory.sync();
    expect(counts['users']).toEqual(['Incremental', 4, 1, 3, 0, 1]);
    expect(directory.live('users')).toEqual((await expectedOf(ldb)).users);
    const [title] = directory.rows('SELECT title FROM users WHERE external_id = ?', ids[0] ?? '');
    expect(title).toEqual({ title: 'Head of Nothing' });
    const place = (id = '') =>
      directory.rows(
        "SELECT json_extract(attributes, '$.distinguishedName') AS dn FROM users WHERE external_id = ?",
        id,
      )[0]?.['dn'];
    expect(place(ids[1])).toBe(`CN=Somebody Else,${places.people}`);
    expect(place(ids[2])).toBe(`CN=u0302,${places.leavers}`);
    expect(
      directory.rows('SELECT deleted_at IS NOT NULL AS gone FROM users WHERE external_id = ?', ids[3] ?? ''),
    ).toEqual([{ gone: 1 }]);
    await expectExact();
  });

  test('takes a restored user back, with the same id', async () => {
    const { ldb } = directory.domain;
    const [tombstone] = await ldb.search(
      baseDN,
      '(&(isDeleted=TRUE)(sAMAccountName=u0303))',
      ['objectGUID'],
      ['--show-deleted'],
    );
    const id = tombstone?.get('objectguid')?.[0] ?? '';
    await ldb.modify(
      `${line('dn', tombstone?.get('dn')?.[0] ?? '')}\nchangetype: modify\ndelete: isDeleted\n-\nreplace: distinguishedName\ndistinguishedName: CN=Back Again,${places.people}\n\n`,
      ['--show-deleted'],
    );
    const { counts } = await directory.sync();
    expect(counts['users']).toEqual(['Incremental', 1, 0, 1, 0, 0]);
    expect(directory.rows('SELECT deleted_at FROM users WHERE external_id = ?', id)).toEqual([
      { deleted_at: null },
    ]);
    await expectExact();
  });

  test('takes up members that came and went, also of the group of 2,300, and of circles', async () => {
    const { ldb } = directory.domain;
    const big = `CN=All Staff,${places.groups}`;
    const gone = await dnOf(`(sAMAccountName=${userName(50)})`);
    const come = await dnOf(`(sAMAccountName=${userName(2400)})`);
    await ldb.modify(members('delete', big, gone) + members('add', big, come));
    await ldb.modify(members('add', `CN=Circle B,${places.groups}`, big));
    const { counts, status } = await directory.sync();
    expect(status.phase).toBe('Succeeded');
    // Two groups are read as a whole: 2,299 members, since one was deleted, and two.
    expect(counts['memberships']).toEqual(['Incremental', 2301, 2, 0, 2299, 1]);
    await expectExact();
  });

  test('forgets a deleted group with all its memberships, and in those of others', async () => {
    const { ldb } = directory.domain;
    const id = await idOf('(sAMAccountName=Newsletter)');
    expect(membersOf(id)).toHaveLength(seeded.contacts + 1);
    await ldb.delete(`CN=Newsletter,${places.groups}`);
    const { counts } = await directory.sync();
    expect(counts['groups']).toEqual(['Incremental', 0, 0, 0, 0, 1]);
    expect(membersOf(id)).toEqual([]);
    await expectExact();
  });

  test('forgets the placeholder of an account of another domain in the groups that it was in', async () => {
    const { ldb } = directory.domain;
    const sid = 'S-1-5-21-7-7-7-1107';
    await ldb.modify(members('add', `CN=Local Readers,${places.groups}`, `<SID=${sid}>`));
    await directory.sync();
    await expectExact();
    expect(membersOf(await idOf('(sAMAccountName=Local Readers)'))).toContain(sid);
    await ldb.delete(`CN=${sid},CN=ForeignSecurityPrincipals,${baseDN}`);
    const { counts } = await directory.sync();
    expect(counts['memberships']).toEqual(['Incremental', 0, 0, 0, 0, 1]);
    await expectExact();
  });

  test('takes up a changed primary group', async () => {
    const { ldb } = directory.domain;
    const user = await dnOf(`(sAMAccountName=${userName(200)})`);
    const [staff] = await ldb.search(baseDN, '(sAMAccountName=Staff)', ['objectSid']);
    const rid = staff?.get('objectsid')?.[0]?.split('-').at(-1) ?? '';
    await ldb.modify(members('add', `CN=Staff,${places.groups}`, user));
    await ldb.modify(primaryGroupLdif([user], rid));
    await directory.sync();
    await expectExact();
    const id = await idOf(`(sAMAccountName=${userName(200)})`);
    expect(
      directory.rows(
        "SELECT g.name, json_extract(m.attributes, '$.primaryGroup') AS own FROM memberships m JOIN groups g ON g.external_id = m.group_id WHERE m.member_id = ? AND g.name IN ('Staff', 'Domain Users') AND m.deleted_at IS NULL ORDER BY 1",
        id,
      ),
    ).toEqual([
      { name: 'Domain Users', own: null },
      { name: 'Staff', own: 1 },
    ]);
  });

  test('takes up computers that were added, disabled and deleted', async () => {
    const { ldb } = directory.domain;
    const id = await idOf('(sAMAccountName=PC0005$)');
    await ldb.modify(
      `dn: CN=PC9999,${places.computers}\nchangetype: add\nobjectClass: computer\nsAMAccountName: PC9999$\nuserAccountControl: 4096\n\ndn: CN=PC0005,${places.computers}\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: 4098\n\n`,
    );
    await ldb.delete(`CN=PC0006,${places.computers}`);
    const { counts } = await directory.sync();
    expect(counts['computers']).toEqual(['Incremental', 2, 1, 1, 0, 1]);
    expect(directory.rows('SELECT active FROM devices WHERE external_id = ?', id)).toEqual([{ active: 0 }]);
    await expectExact();
  });

  test('a full run after all that finds nothing that the others have missed', async () => {
    const { counts, status } = await directory.full();
    expect(status.phase).toBe('Succeeded');
    for (const [mode, fetched, created, updated, unchanged, deleted] of Object.values(counts)) {
      expect([mode, created, updated, deleted]).toEqual(['Full', 0, 0, 0]);
      expect(unchanged).toBe(fetched);
    }
    await expectExact();
  });
});

function membersOf(group: string, condition = '1'): readonly string[] {
  return directory
    .rows(
      `SELECT member_id FROM memberships WHERE group_id = ? AND deleted_at IS NULL AND ${condition}`,
      group,
    )
    .map((row) => String(row['member_id']));
}
