// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GraphClient } from './graph-client.ts';
import type { DirectoryType } from './graph/directory.ts';
import { everyRole, type Licences } from './graph/world.ts';

let client: GraphClient;

beforeEach(async () => {
  client = await GraphClient.start();
});
afterEach(() => client.stop());

const idsOf = (type: DirectoryType) => [...client.graph.tenant.directory.objects[type]].map(({ id }) => id);
const groupWith = (property: string, value: unknown) => {
  const found = [...client.graph.tenant.directory.objects.group].find((group) => group[property] === value);
  if (found === undefined) throw new Error(`no group with ${property} ${String(value)}`);
  return found.id;
};
const eventual = { consistencylevel: 'eventual' };

describe('a tenant', () => {
  test('is the same for the same seed, another for another, and of the size that was asked for', async () => {
    const first = await client.all('/users');
    expect(first.rows).toHaveLength(60);
    await client.stop();
    client = await GraphClient.start();
    expect((await client.all('/users')).rows).toEqual(first.rows);
    await client.stop();
    client = await GraphClient.start({
      seed: 2,
      counts: { users: 7, groups: 3, devices: 2, servicePrincipals: 4 },
    });
    expect(
      ['user', 'group', 'device', 'servicePrincipal'].map((type) => idsOf(type as DirectoryType).length),
    ).toEqual([7, 3 + 7, 2, 4 + 2]);
    expect((await client.all('/users')).rows[0]?.['id']).not.toBe(first.rows[0]?.['id']);
  });

  test('has what makes joins hard: guests, circles, zero GUIDs, dates that were never set, serials that repeat', async () => {
    await client.stop();
    client = await GraphClient.start({ counts: { users: 1000 } });
    const { directory } = client.graph.tenant;
    const users = [...directory.objects.user];
    expect(users.filter((user) => user['userType'] === 'Guest').length).toBeGreaterThan(50);
    expect(users.filter((user) => user['accountEnabled'] === false).length).toBeGreaterThan(20);
    const inCircle = idsOf('group').filter((id) => directory.transitiveMembers(id).has(id));
    expect(inCircle.length).toBeGreaterThan(1);
    const managed = (await client.all('/deviceManagement/managedDevices')).rows;
    const states = new Set(managed.map((device) => device['complianceState']));
    expect(states).toEqual(
      new Set(['compliant', 'noncompliant', 'inGracePeriod', 'unknown', 'error', 'conflict']),
    );
    expect(
      managed.some((device) => device['azureADDeviceId'] === '00000000-0000-0000-0000-000000000000'),
    ).toBe(true);
    expect(managed.some((device) => device['lastSyncDateTime'] === '0001-01-01T00:00:00Z')).toBe(true);
    const serials = managed.map((device) => device['serialNumber']);
    expect(serials).toEqual(expect.arrayContaining(['', '0', 'Default string', 'System Serial Number']));
    const numbered = serials.filter((serial) => String(serial).startsWith('PF'));
    expect(new Set(numbered).size).toBeLessThan(numbered.length);
  });

  test('has applications with the certificate in use between an old one and its successor, each a pair and a password', async () => {
    const path =
      '/servicePrincipals?$select=id,preferredSingleSignOnMode,preferredTokenSigningKeyThumbprint,keyCredentials,passwordCredentials';
    const saml = (await client.all(path)).rows.filter((row) => row['preferredSingleSignOnMode'] === 'saml');
    expect(saml.length).toBeGreaterThan(3);
    for (const row of saml) {
      const keys = row['keyCredentials'] as Record<string, string | null>[];
      const thumbprints = keys.map((key) =>
        Buffer.from(key['customKeyIdentifier'] ?? '', 'base64')
          .toString('hex')
          .toUpperCase(),
      );
      expect(thumbprints.filter((one) => one === row['preferredTokenSigningKeyThumbprint'])).toHaveLength(2);
      expect(keys).toHaveLength(2 * (row['passwordCredentials'] as unknown[]).length);
      expect(keys.every((key) => key['key'] === null)).toBe(true);
    }
    const one = await client.get(`/servicePrincipals/${String(saml[0]?.['id'])}?$select=keyCredentials`);
    expect(
      (one.body['keyCredentials'] as Record<string, unknown>[]).some((key) => typeof key['key'] === 'string'),
    ).toBe(true);
  });
});

describe('what is asked for', () => {
  test('is given to the letter: null where it was never set, and no manager where there is none', async () => {
    const { rows } = await client.all('/users?$select=id,department,otherMails&$expand=manager($select=id)');
    expect(Object.keys(rows[0] ?? {})).toEqual(['id', 'department', 'otherMails']);
    expect(rows[0]).toEqual({ id: rows[0]?.['id'], department: 'Facilities', otherMails: [] });
    expect(rows[14]).toEqual({
      id: expect.any(String),
      department: null,
      otherMails: [expect.stringContaining('@partner.example')],
    });
    expect(rows[1]?.['manager']).toEqual({ '@odata.type': '#microsoft.graph.user', id: rows[0]?.['id'] });
    const plain = (await client.get('/users?$top=1')).rows[0];
    expect(Object.keys(plain ?? {})).not.toContain('accountEnabled');
  });

  test('is found by id and by name, with an encoded #', async () => {
    const guest = [...client.graph.tenant.directory.objects.user].find(
      (user) => user['userType'] === 'Guest',
    );
    const name = encodeURIComponent(String(guest?.['userPrincipalName']));
    expect(name).toContain('%23EXT%23');
    expect((await client.get(`/users/${name}?$select=id`)).body).toMatchObject({ id: guest?.id });
    expect(await client.get(`/users/${idsOf('user')[0]}/manager`)).toMatchObject({
      status: 404,
      code: 'Request_ResourceNotFound',
    });
    expect((await client.get(`/users/${idsOf('user')[1]}/manager?$select=id`)).body).toMatchObject({
      id: idsOf('user')[0],
    });
  });

  test.each([
    ["userType eq 'Guest'", 4],
    ["userType eq 'Guest' and accountEnabled eq false", 1],
    ["surname eq 'O''Neil'", 6],
    ["startsWith(givenName,'A') or startsWith(givenName,'B')", 9],
    ["(startsWith(givenName,'A') or startsWith(givenName,'B')) and userType ne 'Guest'", 9],
    ["not(userType eq 'Guest')", 56],
    ["employeeId ge '100050'", 9],
    ["employeeId in ('100001','100002')", 2],
    ["businessPhones/any(p:p eq '+47 55 000003')", 1],
  ])('%s holds for %i', async (filter, count) => {
    const path = `/users?$select=id&$top=5&$count=true&$filter=${encodeURIComponent(filter)}`;
    const { pages, rows } = await client.all(path, eventual);
    expect(rows).toHaveLength(count);
    expect(pages.map(({ body }) => body['@odata.count'])).toEqual([
      count,
      ...pages.slice(1).map(() => undefined),
    ]);
  });

  test.each([
    ['an unknown property', '/users?$select=id,cooler', {}, 400, 'BadRequest'],
    ['an unknown option', '/users?$page=2', {}, 400, 'BadRequest'],
    ['$skip', '/users?$skip=100', {}, 400, 'Request_BadRequest'],
    ['a page that is too large', '/users?$top=1000', {}, 400, 'Request_BadRequest'],
    ['a page that is none', '/groups?$top=0', {}, 400, 'BadRequest'],
    ['two expansions', '/devices?$expand=registeredOwners,registeredUsers', {}, 400, 'Request_BadRequest'],
    ['what no collection has', '/users?$select=id,skills', {}, 501, 'NotImplemented'],
    ['a wrong filter', "/users?$filter=userType eq eq 'Guest'", {}, 400, 'BadRequest'],
    ['an advanced filter alone', "/users?$filter=userType ne 'Guest'", {}, 400, 'Request_UnsupportedQuery'],
    ['one without the count', "/users?$filter=endsWith(mail,'x')", eventual, 400, 'Request_UnsupportedQuery'],
    [
      'a filter with an order',
      "/users?$filter=userType eq 'Guest'&$orderby=displayName",
      {},
      400,
      'Request_UnsupportedQuery',
    ],
    ['a bare count', '/users/$count', {}, 400, 'Request_BadRequest'],
    ['deleted objects without a type', '/directory/deletedItems', {}, 400, 'BadRequest'],
    ['a resource that is none', '/nothing', {}, 400, 'BadRequest'],
    [
      'an id that is not there',
      '/groups/00000000-0000-4000-8000-000000000000',
      {},
      404,
      'Request_ResourceNotFound',
    ],
    ['members of a group that is not there', '/groups/x/members', {}, 404, 'Request_ResourceNotFound'],
  ])('is refused: %s', async (_, path, headers, status, code) => {
    expect(await client.get(path, headers as Record<string, string>)).toMatchObject({ status, code });
  });

  test('is counted with the header; without it the wish is not heard', async () => {
    expect((await client.get('/users/$count', eventual)).body).toEqual({ text: '60' });
    expect((await client.get('/users?$count=true')).body).not.toHaveProperty('@odata.count');
    const { pages } = await client.all('/users?$count=true&$top=50', eventual);
    expect(pages.map(({ body }) => body['@odata.count'])).toEqual([60, undefined]);
  });

  test('comes whole, secrets included, from a server that does not look', async () => {
    client.graph.quirks.ignoresSelect = true;
    expect((await client.get('/users?$select=id&$top=1')).rows[0]).toHaveProperty('passwordProfile');
  });
});

describe('pages', () => {
  test('lead to each row once, whatever is deleted meanwhile, in any size', async () => {
    const wanted = idsOf('user');
    const first = await client.get('/users?$select=id&$top=7');
    client.graph.tenant.directory.remove(wanted[2] ?? '');
    client.graph.tenant.directory.remove(wanted[20] ?? '');
    const rest = await client.all(String(first.body['@odata.nextLink']));
    const seen = [...first.rows, ...rest.rows].map((row) => row['id']);
    expect(seen).toEqual(wanted.filter((id) => id !== wanted[20]));
    expect(rest.pages.at(-1)?.body).not.toHaveProperty('@odata.nextLink');
  });

  test('are of 100 without a wish, and cut where the vendor cuts', async () => {
    await client.stop();
    client = await GraphClient.start({ counts: { users: 700 } });
    expect((await client.get('/users?$select=id')).rows).toHaveLength(100);
    expect((await client.get('/users?$select=id,signInActivity&$top=999')).rows).toHaveLength(500);
    client.graph.quirks.topAbove = 'cut';
    expect((await client.get('/users?$select=id&$top=5000')).rows).toHaveLength(700);
  });

  test('may be empty and lead on, and the last one may be empty', async () => {
    client.graph.quirks.emptyPageEvery = 2;
    const { pages, rows } = await client.all('/users?$select=id&$top=20');
    expect(pages.map((page) => page.rows.length)).toEqual([20, 0, 20, 0, 20]);
    expect(rows).toHaveLength(60);
    client.graph.quirks.emptyPageEvery = 0;
    const principals = await client.all('/servicePrincipals?$select=id');
    expect(principals.pages.map((page) => page.rows.length)).toEqual([idsOf('servicePrincipal').length, 0]);
  });

  test('have tokens that end, that mean nothing elsewhere, and nothing to another emulator', async () => {
    const link = String((await client.get('/users?$top=7')).body['@odata.nextLink']);
    expect(await client.get(link.replace('/users?', '/groups?'))).toMatchObject({
      status: 400,
      code: 'Request_BadRequest',
    });
    expect(await client.get('/users?$top=7&$skiptoken=guessed')).toMatchObject({
      status: 400,
      code: 'Request_BadRequest',
    });
    client.graph.pages.expire();
    expect(await client.get(link)).toMatchObject({ status: 400, code: 'Directory_ExpiredPageToken' });
    await client.stop();
    client = await GraphClient.start();
    expect(await client.get(link.replace(/^http:\/\/[^/]+\/v1\.0/u, ''))).toMatchObject({
      status: 400,
      code: 'Request_BadRequest',
    });
  });
});

describe('members', () => {
  beforeEach(async () => {
    await client.stop();
    client = await GraphClient.start({ counts: { users: 300, groups: 30 } });
  });
  /** The fourth security group holds users, devices, a service principal, and the next one. */
  const mixedGroup = () => idsOf('group')[7] ?? '';
  const typesOf = (rows: readonly Record<string, unknown>[]) =>
    new Set(rows.map((row) => row['@odata.type']));

  test('are of several types, without service principals, and of one type by a cast', async () => {
    const { directory } = client.graph.tenant;
    const held = [...directory.related('members', mixedGroup())];
    expect(held.some(({ type }) => type === 'servicePrincipal')).toBe(true);
    const { rows } = await client.all(`/groups/${mixedGroup()}/members?$select=id`);
    expect(rows.map((row) => row['id'])).toEqual(
      held.filter(({ type }) => type !== 'servicePrincipal').map(({ id }) => id),
    );
    expect(typesOf(rows)).toEqual(
      new Set(['#microsoft.graph.user', '#microsoft.graph.device', '#microsoft.graph.group']),
    );
    const cast = await client.all(
      `/groups/${mixedGroup()}/members/microsoft.graph.user?$select=id,userPrincipalName`,
    );
    expect(typesOf(cast.rows)).toEqual(new Set(['#microsoft.graph.user']));
    const count = await client.get(`/groups/${mixedGroup()}/members/$count`, eventual);
    expect(count.body).toEqual({ text: String(rows.length) });
  });

  test('through nested groups come once, also where groups hold each other', async () => {
    const { directory } = client.graph.tenant;
    const circle = idsOf('group').find((id) => directory.transitiveMembers(id).has(id)) ?? '';
    const { rows } = await client.all(`/groups/${circle}/transitiveMembers?$select=id&$top=5`);
    expect(new Set(rows.map((row) => row['id'])).size).toBe(rows.length);
    expect(rows.length).toBeGreaterThan((await client.all(`/groups/${circle}/members`)).rows.length);
  });

  test('in an expansion are twenty, and no link leads to the others', async () => {
    const [all] = (await client.get('/groups?$select=id&$expand=members&$top=1')).rows;
    expect(all?.['members']).toHaveLength(20);
    expect(Object.keys(all ?? {})).toEqual(['id', 'members']);
  });

  test('of a type that may not be read have their id and nothing else', async () => {
    client.graph.roles.delete('Device.Read.All');
    const { rows } = await client.all(`/groups/${mixedGroup()}/members?$select=id,displayName`);
    const devices = rows.filter((row) => row['@odata.type'] === '#microsoft.graph.device');
    expect(devices.length).toBeGreaterThan(0);
    for (const device of devices)
      expect(device).toEqual({ ...device, id: expect.any(String), displayName: null });
    expect(rows.filter((row) => row['displayName'] === null)).toEqual(devices);
  });

  test.each([
    ['empty', 200],
    ['refused', 403],
  ] as const)('of a hidden membership are %s without the permission for them', async (how, status) => {
    const path = `/groups/${groupWith('visibility', 'HiddenMembership')}/members`;
    expect((await client.all(path)).rows.length).toBeGreaterThan(0);
    client.graph.roles.delete('Member.Read.Hidden');
    client.graph.quirks.hiddenMembers = how;
    expect(await client.get(path)).toMatchObject({ status, rows: [] });
  });
});

const resources: Readonly<Record<string, string>> = {
  '/organization': 'Organization.Read.All',
  '/users': 'User.Read.All',
  '/users/delta': 'User.Read.All',
  '/groups': 'GroupMember.Read.All',
  '/devices': 'Device.Read.All',
  '/servicePrincipals': 'Application.Read.All',
  '/roleManagement/directory/roleDefinitions': 'RoleManagement.Read.Directory',
  '/roleManagement/directory/roleAssignments': 'RoleManagement.Read.Directory',
  '/roleManagement/directory/roleEligibilityScheduleInstances': 'RoleManagement.Read.Directory',
  '/deviceManagement/managedDevices': 'DeviceManagementManagedDevices.Read.All',
  '/users?$select=id,signInActivity': 'AuditLog.Read.All',
  '/directory/deletedItems/microsoft.graph.user': 'User.Read.All',
};

test('the older view of roles knows the same holders over the tenant, in one page', async () => {
  const base = '/roleManagement/directory';
  const assignments = (await client.all(`${base}/roleAssignments`)).rows.filter(
    (row) => row['directoryScopeId'] === '/',
  );
  const definitions = (await client.all(`${base}/roleDefinitions`)).rows;
  const [activated] = (await client.all('/directoryRoles')).pages;
  expect(activated?.rows.length).toBeGreaterThan(3);
  expect(definitions.length).toBeGreaterThan(activated?.rows.length ?? 0);
  for (const role of activated?.rows ?? []) {
    const held = assignments.filter((row) => row['roleDefinitionId'] === role['roleTemplateId']);
    const { rows } = await client.all(`/directoryRoles/${String(role['id'])}/members?$select=id`);
    expect(rows.map((row) => row['id'])).toEqual(held.map((row) => row['principalId']));
  }
  const principals = await client.all(`${base}/roleAssignments?$expand=principal`);
  const kinds = new Set(
    principals.rows.map((row) => (row['principal'] as Record<string, unknown>)['@odata.type']),
  );
  expect(kinds).toEqual(
    new Set(['#microsoft.graph.user', '#microsoft.graph.group', '#microsoft.graph.servicePrincipal']),
  );
});

test('who has an application is told from both ends, through groups too', async () => {
  const { appRoleAssignedTo, directory } = client.graph.tenant;
  const [application, assigned] = [...appRoleAssignedTo][0] ?? [''];
  const { rows } = await client.all(`/servicePrincipals/${application}/appRoleAssignedTo?$top=2`);
  expect(rows.map((row) => row['id'])).toEqual([...(assigned ?? [])].map(({ id }) => id));
  const group = rows.find((row) => row['principalType'] === 'Group');
  const [member] = [...directory.related('members', String(group?.['principalId']))];
  const held = await client.all(`/users/${member?.id}/appRoleAssignments`);
  expect(held.rows.map((row) => row['id'])).toContain(group?.['id']);
  expect((await client.get('/servicePrincipals/x/appRoleAssignedTo')).status).toBe(404);
});

describe('permissions and licences', () => {
  test.each(Object.entries(resources))('%s needs %s and no other', async (path, role) => {
    expect((await client.get(path)).status).toBe(200);
    client.graph.roles.delete(role);
    expect(await client.get(path)).toMatchObject({
      status: 403,
      code: 'Authorization_RequestDenied',
      rows: [],
    });
    client.graph.roles.clear();
    client.graph.roles.add(role);
    if (role === 'AuditLog.Read.All') client.graph.roles.add('User.Read.All');
    expect((await client.get(path)).status).toBe(200);
  });

  test('one permission reads the whole directory, and not Intune', async () => {
    client.graph.roles.clear();
    client.graph.roles.add('Directory.Read.All');
    const statuses = Object.keys(resources).map(async (path) => (await client.get(path)).status);
    expect(new Set(await Promise.all(statuses))).toEqual(new Set([200, 403]));
    expect((await client.get('/deviceManagement/managedDevices')).status).toBe(403);
    expect((await client.get('/roleManagement/directory/roleAssignments')).status).toBe(200);
    expect(everyRole).not.toContain('Directory.Read.All');
  });

  test.each<[keyof Licences, string, number, string]>([
    [
      'premium',
      '/users?$select=id,signInActivity',
      403,
      'Authentication_RequestFromNonPremiumTenantOrB2CTenant',
    ],
    ['intune', '/deviceManagement/managedDevices', 400, 'BadRequest'],
    ['pim', '/roleManagement/directory/roleEligibilityScheduleInstances', 403, 'AadPremiumLicenseRequired'],
  ])('without %s, %s is refused', async (licence, path, status, code) => {
    expect((await client.get(path)).rows.length).toBeGreaterThan(0);
    client.graph.licences[licence] = false;
    expect(await client.get(path)).toMatchObject({ status, code });
    expect((await client.get('/users?$select=id')).status).toBe(200);
  });

  test('Intune says that it is not there in its own words', async () => {
    client.graph.licences.intune = false;
    const { body } = await client.get('/deviceManagement/managedDevices');
    expect(body).toMatchObject({ error: { message: 'Request not applicable to target tenant.' } });
  });
});
