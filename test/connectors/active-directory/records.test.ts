// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { basesOf } from '../../../connectors/active-directory/bases.ts';
import { whyNotFrom } from '../../../connectors/active-directory/controller.ts';
import { activeDirectory } from '../../../connectors/active-directory/index.ts';
import { mappableRow } from '../../../connectors/active-directory/mappable-row.ts';
import { membershipId, toMembership } from '../../../connectors/active-directory/membership-record.ts';
import { toDevice, toGroup, toUser } from '../../../connectors/active-directory/records.ts';
import { isSecretAttribute } from '../../../connectors/active-directory/secret-attributes.ts';
import { nextWidth } from '../../../connectors/active-directory/walk.ts';
import type { ObjectRow } from '../../../connectors/active-directory/wire.ts';

const id = '39a9acb3-d628-4347-94e4-c3e08399cd5f';
const other = '00000000-0000-4000-8000-000000000001';
const person: ObjectRow = {
  objectguid: [id],
  objectsid: ['S-1-5-21-1-2-3-1104'],
  distinguishedname: [`<GUID=${id}>;<SID=S-1-5-21-1-2-3-1104>;CN=Example\\, Ann,OU=People,DC=corp`],
  samaccountname: ['ann'],
  userprincipalname: ['ann@example.com'],
  displayname: ['Ann Example'],
  cn: ['Example, Ann'],
  mail: ['ann@example.com'],
  employeeid: ['1001'],
  title: ['Engineer'],
  department: ['Research'],
  manager: [`<GUID=${other}>;CN=Boss,DC=corp`],
  useraccountcontrol: ['66048'],
  'msds-user-account-control-computed': ['16'],
  lastlogontimestamp: ['132223104000000000'],
  accountexpires: ['9223372036854775807'],
  pwdlastset: ['0'],
  whencreated: ['20250101000000.0Z'],
  whenchanged: ['20260301120000.0Z'],
};

describe('users', () => {
  test('have columns by the words of the vendor, and the rest as attributes', () => {
    expect(toUser(person, 'corp.example.com')).toEqual({
      externalId: id,
      columns: {
        name: 'Ann Example',
        userName: 'ann@example.com',
        email: 'ann@example.com',
        employeeNumber: '1001',
        title: 'Engineer',
        department: 'Research',
        manager: other,
        active: true,
        locked: true,
        lastLoginAt: '2020-01-01T00:00:00Z',
        sourceCreatedAt: '2025-01-01T00:00:00Z',
        sourceUpdatedAt: '2026-03-01T12:00:00Z',
      },
      attributes: {
        distinguishedName: 'CN=Example\\, Ann,OU=People,DC=corp',
        objectSid: 'S-1-5-21-1-2-3-1104',
        sAMAccountName: 'ann',
        cn: 'Example, Ann',
        userAccountControl: 66_048,
        userAccountControlFlags: ['NORMAL_ACCOUNT', 'DONT_EXPIRE_PASSWORD'],
        passwordExpired: false,
      },
    });
  });

  test.each<[string, ObjectRow, object]>([
    [
      'without a principal name log in by the implied one',
      { userprincipalname: [] },
      { userName: 'ann@corp.example.com' },
    ],
    ['without a display name go by the name of the object', { displayname: [] }, { name: 'Example, Ann' }],
    ['that are disabled', { useraccountcontrol: ['514'] }, { active: false }],
    ['whose room is not told are somewhere', { l: ['Berlin'] }, { location: 'Berlin' }],
    ['with a number of the old kind', { employeeid: [], employeenumber: ['77'] }, { employeeNumber: '77' }],
  ])('%s', (_what, change, columns) => {
    expect(toUser({ ...person, ...change }, 'corp.example.com').columns).toMatchObject(columns);
  });

  test('that never logged in have no last login', () => {
    expect(toUser({ ...person, lastlogontimestamp: ['0'] }, 'corp').columns).not.toHaveProperty(
      'lastLoginAt',
    );
  });

  test('keep a text that is too long for its column in the attributes', () => {
    const long = 'x'.repeat(2000);
    const { columns, attributes } = toUser({ ...person, cn: [long], displayname: [] }, 'corp');
    expect(columns).not.toHaveProperty('name');
    expect(attributes['cn']).toBe(long);
  });

  test('of which the account is hidden keep what stands: nobody becomes active or inactive by a lost right', () => {
    expect(toUser(person, 'corp')).not.toHaveProperty('untold');
    expect(toUser({ ...person, useraccountcontrol: [] }, 'corp').untold).toEqual(['active']);
    const { 'msds-user-account-control-computed': _, useraccountcontrol: __, ...hidden } = person;
    expect(toUser(hidden, 'corp').untold).toEqual(['active', 'locked']);
    expect(toDevice({ objectguid: [id], cn: ['PC1'] }).untold).toEqual(['active', 'trustType']);
    expect(toGroup({ objectguid: [id], cn: ['All'] }).untold).toEqual(['type']);
  });

  test('without an id are no records', () => {
    expect(() => toUser({ ...person, objectguid: [] }, 'corp')).toThrow('objectGUID is empty');
  });
});

test.each([
  ['-2147483646', 'global security'],
  ['8', 'universal distribution'],
])('a group of type %s is %s', (groupType, words) => {
  const row = {
    objectguid: [id],
    cn: ['Readers'],
    samaccountname: ['readers'],
    grouptype: [groupType],
    managedby: [`<GUID=${other}>;CN=Boss`],
  };
  expect(toGroup(row)).toMatchObject({
    externalId: id,
    columns: { name: 'readers', type: words, manager: other },
    attributes: { cn: 'Readers', groupType: Number(groupType) },
  });
});

test.each([
  ['4096', 'WORKSTATION_TRUST_ACCOUNT', true],
  ['4098', 'WORKSTATION_TRUST_ACCOUNT', false],
  ['532480', 'SERVER_TRUST_ACCOUNT', true],
])('a computer with control %s is a device with %s', (control, trustType, active) => {
  const row = {
    objectguid: [id],
    cn: ['PC1'],
    dnshostname: ['pc1.corp'],
    useraccountcontrol: [control],
    pwdlastset: ['132223104000000000'],
  };
  expect(toDevice(row).columns).toMatchObject({
    name: 'pc1.corp',
    hostName: 'PC1',
    ...{ trustType, active, compliance: 'unknown' },
    lastContactAt: '2020-01-01T00:00:00Z',
  });
});

describe('memberships', () => {
  const member = `<GUID=${other}>;<SID=S-1-5-21-1-2-3-7>;CN=Bob,DC=corp`;
  const foreign = `<GUID=${other}>;<SID=S-1-5-21-9-9-9-7>;CN=S-1-5-21-9-9-9-7,CN=ForeignSecurityPrincipals,DC=corp`;

  test.each([
    [member, other, {}],
    [foreign, 'S-1-5-21-9-9-9-7', { foreignSecurityPrincipal: true }],
    // One that only looks like it.
    [`<GUID=${other}>;CN=S-1-5-21-9-9-9-7,OU=People,DC=corp`, other, {}],
  ])('%s', (text, memberId, attributes) => {
    const row = { group: id, member: text };
    expect(membershipId(row)).toBe(`${id}/${memberId}`);
    expect(toMembership(row)).toEqual({
      externalId: `${id}/${memberId}`,
      columns: { groupId: id, memberId },
      attributes,
    });
  });

  test('say the kind of the member, and that it is by primary group', () => {
    const { columns, attributes } = toMembership({ group: id, member, kind: 'Contact', primary: true });
    expect(columns.memberKind).toBe('Contact');
    expect(attributes).toEqual({ primaryGroup: true });
  });

  test.each([{}, null, 'x', { group: id }, { group: id, member: 'CN=Bob,DC=corp' }])(
    '%j has no id',
    (row) => {
      expect(membershipId(row)).toBeUndefined();
    },
  );
});

describe('secrets', () => {
  test.each([
    'unicodePwd',
    'UNICODEPWD',
    'ms-Mcs-AdmPwd',
    'msLAPS-Password',
    'msLAPS-EncryptedPassword',
    'msFVE-RecoveryPassword',
    'msDS-ManagedPassword',
    'supplementalCredentials',
    'userPassword',
    'ntPwdHistory',
    'msDS-KeyCredentialLink',
    'companyApiToken',
    'userPKCS12',
    'msPKI-CredentialRoamingTokens',
    'krbPrincipalKey',
    'ipsecData',
    'sambaPasswordHistory',
    'companyPreSharedKey',
    'msDS-ManagedPasswordId',
  ])('%s is one, and cannot be mapped', (name) => {
    expect(isSecretAttribute(name)).toBe(true);
    expect(mappableRow.pathProblem(name)).toMatch(/secret/u);
  });

  test.each([
    'pwdLastSet',
    'badPwdCount',
    'badPasswordTime',
    'extensionAttribute1',
    'msDS-ResultantPSO',
    'secretary',
    'tokenGroups',
    'userCertificate',
    'msDS-UserPasswordExpiryTimeComputed',
    'pwdHistoryLength',
  ])('%s is none', (name) => {
    expect(isSecretAttribute(name)).toBe(false);
    expect(mappableRow.pathProblem(name)).toBeUndefined();
  });

  test.each(['', 'a b', 'member;range=0-1', '1a', 'a.b', 'x'.repeat(200)])('%j is no attribute', (path) => {
    expect(mappableRow.pathProblem(path)).toMatch(/no attribute/u);
  });

  test('a mapped attribute is found in any spelling, a name without its ids', () => {
    expect(mappableRow.valueAt(person, 'DISPLAYNAME')).toBe('Ann Example');
    expect(mappableRow.valueAt(person, 'manager')).toBe('CN=Boss,DC=corp');
    expect(mappableRow.valueAt(person, 'info')).toBeUndefined();
  });
});

describe('configuration', () => {
  const config = { urls: ['ldaps://dc1.example.com:636'], baseDN: 'DC=corp,DC=example,DC=com' };

  test.each<[object, string]>([
    [{ urls: [] }, '.urls'],
    [{ urls: ['https://dc1'] }, '.urls[0]'],
    [{ urls: ['ldaps://user:secret@dc1'] }, '.urls[0]'],
    [{ urls: Array.from({ length: 9 }, (_, index) => `ldaps://dc${String(index)}`) }, '.urls'],
    [{ baseDN: 'corp' }, '.baseDN'],
    [{ userBases: [] }, '.userBases'],
    [{ password: 'x' }, ''],
  ])('%j is refused', (change, path) => {
    expect(activeDirectory.problem({ ...config, ...change })?.path).toBe(path);
  });

  test('a port that is none is refused with the field', () => {
    expect(activeDirectory.problem(config)).toBeUndefined();
    expect(() => activeDirectory.origin({ ...config, urls: ['ldaps://dc1:99999'] })).toThrow(/address/u);
  });

  test('a base below another is read with it, each place once', () => {
    const { users, groups } = basesOf({
      ...config,
      userBases: [
        `OU=A,${config.baseDN}`,
        `OU=B,OU=A,${config.baseDN}`,
        `ou=a,${config.baseDN.toLowerCase()}`,
        `OU=C,${config.baseDN}`,
      ],
    });
    expect(users.map(({ dn }) => dn)).toEqual([`OU=A,${config.baseDN}`, `OU=C,${config.baseDN}`]);
    expect(groups.map(({ dn }) => dn)).toEqual([config.baseDN]);
  });
});

describe('the place to go on from', () => {
  const at = '2026-03-01T00:00:00Z';
  const cursor = { dc: 'dc1', invocationId: id, usn: '9007199254740993', at };
  const position = { dc: 'dc1', invocationId: id, usn: 9_007_199_254_740_993n, at: new Date(at) };

  test.each<[string, Partial<typeof position>, RegExp | undefined]>([
    ['the same', {}, undefined],
    ['further on', { usn: 9_007_199_254_740_994n }, undefined],
    [
      'one less, beyond what a number of the language tells',
      { usn: 9_007_199_254_740_992n },
      /counts 9007199254740992/u,
    ],
    ['another controller', { dc: 'dc2' }, /dc2 answers, dc1 was read before/u],
    ['another database', { invocationId: other }, /rebuilt or restored/u],
    ['a day before deletions are forgotten', { at: new Date('2026-04-29T00:00:00Z') }, undefined],
    ['when deletions are forgotten', { at: new Date('2026-04-30T00:00:00Z') }, /older than the 60 days/u],
  ])('%s', (_what, change, why) => {
    const said = whyNotFrom(cursor, { ...position, ...change }, 60);
    if (why === undefined) expect(said).toBeUndefined();
    else expect(said).toMatch(why);
  });

  test.each([
    [1000n, 0n, 2000n],
    // Never wider than the first.
    [4000n, 0n, 6000n],
    [1000n, 10n, 2000n],
    [1000n, 400n, 1000n],
    [4000n, 1000n, 2000n],
    // A window of 400 numbers cannot hold more objects than that.
    [500n, 1000n, 400n],
  ])('a window of %s changes that gave %s objects is followed by one of %s', (width, found, next) => {
    expect(nextWidth(width, found, 400n, 6000n)).toBe(next);
  });
});
