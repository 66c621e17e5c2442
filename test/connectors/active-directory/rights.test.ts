// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accounts, organisation, places, seeded } from '../../kit/samba/seed.ts';
import { baseDN } from '../../kit/samba/settings.ts';
import { Directory } from './directory.ts';
import { expectedOf } from './expected.ts';

const { sync: account } = accounts;
const computerBases = [places.computers];
/** Small parts of the domain. */
const block = { userBases: [places.service], groupBases: [places.groups], computerBases };

let directory: Directory;
beforeAll(async () => {
  directory = await Directory.start();
}, 300_000);
afterAll(() => directory[Symbol.asyncDispose]());

async function expectExact(): Promise<void> {
  const { ldb } = directory.domain;
  expect(directory.live('users')).toEqual((await expectedOf(ldb, places.service)).users);
  expect(directory.live('devices')).toEqual((await expectedOf(ldb, places.computers)).devices);
}

// One after the other: each goes on with the domain as the one before has left it.
describe('an account that may not see deleted objects', { timeout: 120_000 }, () => {
  test('is warned in mode Test, and told what to do', async () => {
    const { status } = await directory.test({ account });
    expect(status.phase).toBe('Succeeded');
    expect(status.checks).toContainEqual({
      name: 'deletedObjects',
      result: 'Warning',
      message: expect.stringMatching(/wait for the full pass.*dsacls/u),
    });
    expect(status.checks?.find(({ name }) => name === 'users')?.message).toMatch(/hidden from the account/u);
    const seeing = await directory.test();
    expect(seeing.status.checks?.every(({ result }) => result === 'Passed')).toBe(true);
  });

  test('learns of deletions and of what moved away by the full pass only', async () => {
    const { ldb } = directory.domain;
    await directory.sync({ account, block });
    await ldb.delete(`CN=PC0011,${places.computers}`);
    await ldb.rename(`CN=PC0012,${places.computers}`, `CN=PC0012,${places.empty}`);
    const first = await directory.sync({ account, block });
    expect(first.status.phase).toBe('Succeeded');
    expect(first.counts['computers']).toEqual(['Incremental', 0, 0, 0, 0, 0]);
    const full = await directory.full({ account, block });
    expect(full.counts['computers']?.at(-1)).toBe(2);
    await expectExact();
  });
});

describe('bases', { timeout: 120_000 }, () => {
  test('one that does not exist leaves the others their turn, and deletes nothing', async () => {
    const missing = `OU=Nowhere,${baseDN}`;
    const before = directory.live('devices');
    const { status } = await directory.full({ account, block: { ...block, computerBases: [missing] } });
    expect(status).toMatchObject({
      phase: 'PartiallySucceeded',
      failure: {
        code: 'configuration',
        message: expect.stringMatching(/computerBases\[0\].*OU=Nowhere.*does not exist or is hidden/u),
      },
    });
    expect(status.streams?.map(({ name, complete }) => [name, complete])).toEqual([
      ['users', true],
      ['groups', true],
      ['computers', false],
      ['memberships', false],
    ]);
    expect(directory.live('devices')).toEqual(before);
  });

  test.each([
    ['baseDN', { baseDN: 'DC=other,DC=example,DC=test' }, /baseDN.*no part of DC=corp/u],
    ['baseDN', { baseDN: 'DC=child,DC=corp,DC=example,DC=test' }, /baseDN.*no part of DC=corp/u],
    ['baseDN', { baseDN: 'OU=a,=b' }, /baseDN.*is no DN/u],
    ['userBases', { userBases: ['OU=x,DC=other'] }, /userBases\[0\].*not below.*baseDN/u],
  ])('%s that is not of the domain is named before anything is read', async (_field, wrong, words) => {
    const { failure } = await directory.test({ account, block: wrong });
    expect(failure).toMatchObject({ code: 'configuration', message: expect.stringMatching(words) });
  });

  test('one that was emptied is asked a second time, and believed', async () => {
    const { ldb } = directory.domain;
    const leavers = {
      userBases: [places.leavers],
      groupBases: [places.empty],
      computerBases: [places.empty],
    };
    const spec = { deletion: { budget: { maxPercent: 100, maxRecords: 100 } } };
    const names = Array.from({ length: 8 }, (_, index) => `CN=leaver${String(index)},${places.leavers}`);
    for (const dn of names)
      await ldb.modify(
        `dn: ${dn}\nchangetype: add\nobjectClass: user\nsAMAccountName: ${dn.slice(3, 10)}\nuserAccountControl: 514\n\n`,
      );
    await directory.full({ block: leavers, spec });
    const isThere = () =>
      directory.rows(
        "SELECT count(*) AS n FROM users WHERE name LIKE 'leaver%' AND deleted_at IS NULL AND withdrawn_at IS NULL",
      );
    expect(isThere()).toEqual([{ n: 8 }]);
    for (const dn of names) await ldb.rename(dn, dn.replace(places.leavers, organisation));
    const { status } = await directory.full({ block: leavers, spec });
    expect(status.phase).toBe('Succeeded');
    expect(status.streams?.[0]).toMatchObject({ deleted: 8, evidence: { counted: 0 } });
    expect(isThere()).toEqual([{ n: 0 }]);
  });
});

test(
  'a full pass asks by id for what looks gone: one was deleted, one has moved away',
  { timeout: 120_000 },
  async () => {
    const { ldb } = directory.domain;
    await directory.full({ block });
    await ldb.delete(`CN=PC0021,${places.computers}`);
    await ldb.rename(`CN=PC0022,${places.computers}`, `CN=PC0022,${places.empty}`);
    const { status } = await directory.full({ block });
    expect(status.streams?.find(({ name }) => name === 'computers')).toMatchObject({
      deleted: 2,
      evidence: { probed: 2, present: 0, stated: 1 },
    });
    await expectExact();
  },
);

test('a group in an OU that moves does not change, and is found where it is by a full pass', async () => {
  const { ldb } = directory.domain;
  const unit = `OU=Moving,${places.groups}`;
  const groupBases = [places.groups, places.empty];
  await ldb.modify(
    `dn: ${unit}\nchangetype: add\nobjectClass: organizationalUnit\n\ndn: CN=Carried,${unit}\nchangetype: add\nobjectClass: group\nsAMAccountName: Carried\nmember: CN=PC0030,${places.computers}\n\n`,
  );
  await directory.full({ block: { ...block, groupBases } });
  const usn = async () =>
    (await ldb.search(baseDN, '(sAMAccountName=Carried)', ['uSNChanged']))[0]?.get('usnchanged')?.[0];
  const before = await usn();
  await ldb.rename(unit, `OU=Moving,${places.empty}`);
  expect(await usn()).toBe(before);
  const placeOf = () =>
    directory.rows(
      "SELECT json_extract(attributes, '$.distinguishedName') AS dn FROM groups WHERE name = 'Carried' AND deleted_at IS NULL",
    );
  await directory.sync({ block: { ...block, groupBases } });
  expect(placeOf()).toEqual([{ dn: `CN=Carried,${unit}` }]);
  const memberships = directory.live('memberships');
  const { status } = await directory.full({ block: { ...block, groupBases } });
  expect(status.phase).toBe('Succeeded');
  expect(placeOf()).toEqual([{ dn: `CN=Carried,OU=Moving,${places.empty}` }]);
  expect(directory.live('memberships')).toEqual(memberships);
}, 120_000);

describe('what is hidden from the account', { timeout: 120_000 }, () => {
  /** An entry of an access list, before all others: `D;CI;LC;` without whom it is for. */
  const addAce = async (ace: string, dn: string) => {
    const [found] = await directory.domain.ldb.search(baseDN, `(sAMAccountName=${account.name})`, [
      'objectSid',
    ]);
    const sid = found?.get('objectsid')?.[0] ?? '';
    await directory.domain.ldb.tool('dsacl', 'set', `--objectdn=${dn}`, `--sddl=(${ace};;${sid})`);
  };

  test('of a group is its list: it keeps its members, and the run says whose right is missing', async () => {
    const [group] = await directory.domain.ldb.search(baseDN, '(sAMAccountName=Newsletter)', ['objectGUID']);
    const listed = () =>
      directory.live('memberships').filter((id) => id.startsWith(group?.get('objectguid')?.[0] ?? 'none'));
    await directory.full({ account, block });
    const before = listed();
    expect(before).toHaveLength(seeded.contacts + 1);
    const member = 'bf9679c0-0de6-11d0-a285-00aa003049e2';
    await addAce(`OD;;RP;${member}`, `CN=Newsletter,${places.groups}`);
    // The group counts as changed by it.
    const words = [
      /^members of CN=Newsletter,.*let the account read member of groups/u,
      /hidden from the account/u,
    ];
    for (const run of [await directory.sync({ account, block }), await directory.full({ account, block })]) {
      const message = expect.stringMatching(words.shift() ?? /never/u);
      expect(run.failure).toMatchObject({ code: 'permission', message });
      expect(run.stream('memberships')).toMatchObject({ complete: false, deleted: 0 });
      expect(listed()).toEqual(before);
    }
    await addAce(`OA;;RP;${member}`, `CN=Newsletter,${places.groups}`);
    expect((await directory.full({ account, block })).status.phase).toBe('Succeeded');
    expect(listed()).toEqual(before);
  });

  test('of each user, as whether it is active, stays as it was, and mode Test warns', async () => {
    const activity =
      'SELECT name, active, locked FROM users WHERE deleted_at IS NULL AND withdrawn_at IS NULL ORDER BY name';
    await directory.full({ account, block });
    const before = directory.rows(activity);
    expect(before.some(({ active }) => active === 0)).toBe(true);
    // Read of the property userAccountControl.
    await addAce('OD;CI;RP;bf967a68-0de6-11d0-a285-00aa003049e2', places.service);
    const { status } = await directory.test({ account, block });
    expect(status.checks).toContainEqual({
      name: 'users',
      result: 'Warning',
      message: expect.stringMatching(
        /^userAccountControl.*hidden from the account.*grant read \(runbook, step 3\)/u,
      ),
    });
    const full = await directory.full({ account, block });
    expect(full.status.phase).toBe('Succeeded');
    expect(directory.rows(activity)).toEqual(before);
    const hidden =
      "SELECT count(*) AS n FROM users WHERE deleted_at IS NULL AND withdrawn_at IS NULL AND attributes NOT LIKE '%userAccountControl%'";
    expect(directory.rows(hidden)[0]?.['n']).toBeGreaterThan(1);
  });

  test('within a base looks as if it were gone, and stops at the deletion budget', async () => {
    await directory.full({ account, block });
    const before = directory.live('devices');
    await addAce('D;CI;LCRP;', places.computers);
    const { status } = await directory.full({ account, block });
    expect(status.failure).toMatchObject({ code: 'deletionBudget' });
    expect(directory.live('devices')).toEqual(before);
  });

  test('as a base is told from what is empty', async () => {
    const before = directory.live('users');
    await addAce('D;;LC;', organisation);
    const { status } = await directory.full({ account, block });
    expect(status.failure).toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(/userBases\[0\].*does not exist or is hidden/u),
    });
    expect(status.streams?.every(({ complete, deleted }) => !complete && deleted === 0)).toBe(true);
    expect(directory.live('users')).toEqual(before);
  });
});

test(
  'a mapped attribute is asked for and kept, a secret is refused by its name',
  { timeout: 120_000 },
  async () => {
    const mapping = (from: string) => ({
      mapping: { users: { 'attributes.room': { from }, department: { from: 'cn' } } },
    });
    const unknown = await directory.test({ spec: mapping('noSuchAttribute') });
    expect(unknown.status.checks).toContainEqual({
      name: 'users',
      result: 'Warning',
      message: expect.stringMatching(
        /^spec\.mapping\.users: the schema .* has no attribute nosuchattribute,/u,
      ),
    });
    const known = await directory.test({ spec: mapping('logonCount') });
    expect(known.status.checks?.find(({ name }) => name === 'users')?.result).toBe('Passed');
    await directory.sync({ block, spec: mapping('logonCount') });
    expect(
      directory.rows(
        "SELECT department, json_extract(attributes, '$.room') AS room FROM users WHERE name = 'svc-sync' AND deleted_at IS NULL",
      ),
    ).toEqual([{ department: 'svc-sync', room: expect.any(String) }]);
    for (const secret of [
      'unicodePwd',
      'ms-Mcs-AdmPwd',
      'msLAPS-Password',
      'msFVE-RecoveryPassword',
      'supplementalCredentials',
    ])
      await expect(directory.sync({ block, spec: mapping(secret) })).rejects.toThrow(/secrets are not read/u);
  },
);
