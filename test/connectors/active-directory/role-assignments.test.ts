// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RoleMapping } from '../../../src/api/role-mappings.ts';
import { accounts, organisation, places, seeded } from '../../kit/samba/seed.ts';
import { baseDN, domainSid } from '../../kit/samba/settings.ts';
import { Directory, type SystemOptions } from './directory.ts';

/** The other streams read next to nothing; roles are looked up in the whole domain all the same. */
const block = { userBases: [places.empty], groupBases: [places.empty], computerBases: [places.empty] };
const { sync: account } = accounts;

let directory: Directory;
beforeAll(async () => {
  directory = await Directory.start();
}, 300_000);
afterAll(() => directory[Symbol.asyncDispose]());

const sync = (roleMappings: readonly RoleMapping[], options: SystemOptions = {}) =>
  directory.sync({ account, block, ...options, spec: { roleMappings, ...options.spec } });
const inGroup = (group: string, role = 'x'): RoleMapping => ({ role, group });
const groupDn = (name: string) => `CN=${name},${places.groups}`;

const standing = (role: string) =>
  directory.rows(
    `SELECT principal_id AS id, principal_name AS name, principal_kind AS kind, path, path_ids AS ids, direct, source_id AS source
     FROM role_assignments WHERE role = ? AND deleted_at IS NULL AND withdrawn_at IS NULL ORDER BY path`,
    role,
  );
async function idOf(filter: string): Promise<string> {
  const [found] = await directory.domain.ldb.search(baseDN, filter, ['objectGUID']);
  return found?.get('objectguid')?.[0] ?? '';
}
async function change(dn: string, verb: 'add' | 'delete', member: string): Promise<void> {
  await directory.domain.ldb.modify(
    `dn: ${dn}\nchangetype: modify\n${verb}: member\nmember:: ${Buffer.from(member).toString('base64')}\n\n`,
  );
}
async function dnOf(name: string): Promise<string> {
  const [found] = await directory.domain.ldb.search(baseDN, `(sAMAccountName=${name})`, ['cn']);
  return found?.get('dn')?.[0] ?? '';
}
const unverified = (outcome: Awaited<ReturnType<typeof sync>>) =>
  outcome.status.unverifiedScopes?.map(({ scope, reason }) => `${scope}: ${reason}`);

// One after the other: each goes on with the domain as the one before has left it.
describe('who has a role by a group of the domain', { timeout: 120_000 }, () => {
  test('is everybody of 2,300 members and nested groups, once, by the shortest path', async () => {
    const outcome = await sync([inGroup('Outer', 'outer'), inGroup('Mixed', 'mixed')]);
    expect(outcome.status.phase).toBe('Succeeded');
    expect(outcome.stream('roleAssignments')).toMatchObject({
      created: seeded.bigGroupMembers + 5,
      complete: true,
    });
    const all = standing('outer');
    expect(new Set(all.map(({ id }) => id)).size).toBe(seeded.bigGroupMembers);
    // Also in Inner and Middle, which are further away.
    const outer = await idOf('(sAMAccountName=Outer)');
    const staff = await idOf('(sAMAccountName=All Staff)');
    const user = await idOf('(sAMAccountName=u0101)');
    expect(all.find(({ id }) => id === user)).toMatchObject({
      kind: 'User',
      direct: 0,
      source: outer,
      ids: `${outer} > ${staff} > ${user}`,
      path: expect.stringMatching(/^Outer > All Staff > /u),
    });
    // Two contacts are left out.
    expect(standing('mixed').map(({ kind, direct }) => [kind, direct])).toEqual(
      expect.arrayContaining([
        ['Device', 1],
        ['Device', 1],
        ['Device', 1],
        ['User', 1],
        ['User', 0],
      ]),
    );
  });

  test('is told again only when something has changed', async () => {
    const outcome = await sync([inGroup('Outer', 'outer'), inGroup('Mixed', 'mixed')]);
    expect(outcome.stream('roleAssignments')).toMatchObject({
      ...{ created: 0, updated: 0, deleted: 0 },
      unchanged: seeded.bigGroupMembers + 5,
    });
  });

  test('loses it with an incremental run on leaving an inner group, or comes to have it by another one', async () => {
    const member = await dnOf('u2400');
    await change(groupDn('Inner'), 'add', member);
    await sync([inGroup('Outer', 'outer')]);
    const id = await idOf('(sAMAccountName=u2400)');
    const found = () => standing('outer').find((one) => one['id'] === id);
    expect(found()).toMatchObject({ path: expect.stringMatching(/^Outer > Middle > Inner > /u) });
    await change(groupDn('Middle'), 'add', member);
    await sync([inGroup('Outer', 'outer')]);
    expect(found()).toMatchObject({ path: expect.stringMatching(/^Outer > Middle > [^>]*$/u) });
    await change(groupDn('Middle'), 'delete', member);
    await change(groupDn('Inner'), 'delete', member);
    const outcome = await sync([inGroup('Outer', 'outer')]);
    expect(outcome.stream('roleAssignments')).toMatchObject({ deleted: 1 });
    expect(found()).toBeUndefined();
  });

  test('is found by GUID, SID, DN and account name, and a mapping that is taken out withdraws', async () => {
    const guid = await idOf('(sAMAccountName=Inner)');
    const [{ ['objectsid']: sid } = {}] = (
      await directory.domain.ldb.search(baseDN, '(sAMAccountName=Inner)', ['objectSid'])
    ).map((entry) => Object.fromEntries(entry));
    const names = [guid, guid.toUpperCase(), sid?.[0] ?? '', groupDn('Inner').toLowerCase(), 'inner'];
    const outcome = await sync(names.map((name, index) => inGroup(name, `by-${index}`)));
    expect(outcome.stream('roleAssignments')).toMatchObject({
      created: 10,
      withdrawn: seeded.bigGroupMembers,
    });
    expect(standing('outer')).toEqual([]);
    for (const index of names.keys())
      expect(standing(`by-${index}`).map(({ source }) => source)).toEqual([guid, guid]);
  });

  test('is whoever has the group as primary group, which is in no list', async () => {
    const primary = await directory.domain.ldb.search(
      baseDN,
      '(&(|(sAMAccountType=805306368)(sAMAccountType=805306369))(primaryGroupID=513))',
      ['cn'],
    );
    const listed = await directory.domain.ldb.search(
      baseDN,
      `(memberOf=CN=Domain Users,CN=Users,${baseDN})`,
      ['cn'],
    );
    await sync([inGroup('Staff', 'staff'), inGroup(`${domainSid}-513`, 'everybody')]);
    expect(standing('staff')).toHaveLength(seeded.staffPrimary);
    // Who was given another primary group is in the list of the former one from then on.
    expect(listed).toHaveLength(seeded.staffPrimary);
    expect(standing('everybody')).toHaveLength(primary.length + listed.length);
  });

  test('is found through groups that hold each other, and as a placeholder of another domain', async () => {
    await change(groupDn('Circle B'), 'add', await dnOf('u0007'));
    await sync([
      inGroup('Circle A', 'circle'),
      inGroup('Local Readers', 'local'),
      inGroup('Empty Group', 'none'),
    ]);
    expect(standing('circle')).toEqual([
      expect.objectContaining({ path: expect.stringMatching(/^Circle A > Circle C > Circle B > /u) }),
    ]);
    expect(standing('local').map(({ id, kind }) => [id, kind])).toEqual(
      expect.arrayContaining([
        ['S-1-5-11', null],
        [await idOf('(sAMAccountName=u0101)'), 'User'],
      ]),
    );
    expect(standing('local')).toHaveLength(2);
    expect(standing('none')).toEqual([]);
  });
});

describe('a mapping', { timeout: 120_000 }, () => {
  test('that names no group is told with its field, and the others go on', async () => {
    const outcome = await sync([
      inGroup('Nobody'),
      inGroup('u0001'),
      inGroup(`CN=Nobody,${places.groups}`),
      inGroup('00000000-1111-4222-8333-444444444444'),
      inGroup('Inner'),
    ]);
    expect(outcome.status.phase).toBe('PartiallySucceeded');
    expect(unverified(outcome)).toEqual([
      expect.stringMatching(
        /^group Nobody: x: configuration: spec\.roleMappings\[0\]\.group: DC=corp.* shows no group/u,
      ),
      expect.stringMatching(
        /^group u0001: x: configuration: spec\.roleMappings\[1\]\.group: u0001 is no group/u,
      ),
      expect.stringMatching(/^group CN=Nobody.*: configuration: spec\.roleMappings\[2\]\.group: /u),
      expect.stringMatching(/^group 00000000-.*: configuration: spec\.roleMappings\[3\]\.group: /u),
    ]);
    expect(standing('x')).toHaveLength(2);
  });

  test('that names no group is found by mode Test, and one that does is said', async () => {
    const check = async (group: string) => {
      const spec = { roleMappings: [inGroup(group)] };
      const { status } = await directory.test({ account, block, spec });
      return status.checks?.find(({ name }) => name === 'roleAssignments');
    };
    expect(await check('Nobody')).toMatchObject({ result: 'Failed' });
    expect(await check('Inner')).toMatchObject({
      result: 'Passed',
      message: expect.stringContaining('Inner'),
    });
  });

  test('that names a directory role is refused: the domain has none', async () => {
    await expect(sync([{ role: 'x', directoryRole: 'Global Reader' }])).rejects.toThrow(
      /spec\.roleMappings\[0\]\.directoryRole/u,
    );
  });
});

describe('what the account may not see', { timeout: 120_000 }, () => {
  const deny = async (ace: string, dn: string) => {
    const [found] = await directory.domain.ldb.search(baseDN, `(sAMAccountName=${account.name})`, [
      'objectSid',
    ]);
    const sid = found?.get('objectsid')?.[0] ?? '';
    await directory.domain.ldb.tool('dsacl', 'set', `--objectdn=${dn}`, `--sddl=(${ace};;${sid})`);
  };
  const member = 'bf9679c0-0de6-11d0-a285-00aa003049e2';

  test('the list of a group that some have as their primary group, too', async () => {
    await change(groupDn('Staff'), 'add', await dnOf('u0900'));
    await sync([inGroup('Staff', 'hidden')]);
    expect(standing('hidden')).toHaveLength(seeded.staffPrimary + 1);
    await deny(`OD;;RP;${member}`, groupDn('Staff'));
    const outcome = await sync([inGroup('Staff', 'hidden')]);
    expect(outcome.stream('roleAssignments')).toMatchObject({ complete: false, deleted: 0 });
    expect(outcome.status.failure?.message).toMatch(/members of CN=Staff,/u);
    expect(standing('hidden')).toHaveLength(seeded.staffPrimary + 1);
  });

  test('the list of an inner group: its members keep the role, and the run says who must act', async () => {
    const mappings = [inGroup('Middle', 'middle'), inGroup('Empty Group', 'none')];
    await sync(mappings);
    expect(standing('middle')).toHaveLength(3);
    await deny(`OD;;RP;${member}`, groupDn('Inner'));
    const outcome = await sync(mappings);
    expect(outcome.stream('roleAssignments')).toMatchObject({ complete: false, deleted: 0 });
    expect(outcome.status.failure).toMatchObject({
      code: 'permission',
      message: expect.stringMatching(/members of CN=Inner,.*let the account read member of groups/u),
    });
    expect(standing('middle')).toHaveLength(3);
  });

  test('an inner group as a whole: it may hold anybody', async () => {
    await deny('D;;LCRP;', groupDn('Inner'));
    await deny('D;;LC;', organisation);
    const outcome = await sync([inGroup('Middle', 'middle')], {
      block: {
        userBases: [`CN=Users,${baseDN}`],
        groupBases: [`CN=Users,${baseDN}`],
        computerBases: [`CN=Users,${baseDN}`],
      },
    });
    expect(outcome.status.failure?.message).toMatch(/CN=Inner,.* is a member of CN=Middle,.* and hidden/u);
    expect(outcome.stream('roleAssignments')).toMatchObject({ complete: false, deleted: 0 });
    expect(standing('middle')).toHaveLength(3);
  });
});
