// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EmulatorProcess } from './emulator-process.ts';
import { clientSecret, GraphAsker, type GraphAddress } from './graph-client.ts';
import type { Row } from './graph/rows.ts';

let emulator: EmulatorProcess<GraphAddress>;
let graph: GraphAsker;

beforeAll(async () => {
  emulator = await EmulatorProcess.start('graph', '--users', '40', '--client-secret', clientSecret);
  graph = new GraphAsker(emulator.address);
  await graph.logIn();
});
afterAll(async () => {
  expect(await emulator.stop()).toBe(0);
});

const tell = (...lines: string[]) => emulator.tell(...lines);
const idIn = (says: string) => /\(([\da-f-]{36})\)/u.exec(says)?.[1] ?? 'no id';
const idOf = async (name: string) => idIn(await tell(`find "${name}"`));
/** What a round of changes says since the last call. */
async function rounds(path: string): Promise<() => Promise<readonly Row[]>> {
  let { deltaLink } = await graph.all(path);
  return async () => {
    const round = await graph.all(deltaLink);
    ({ deltaLink } = round);
    return round.rows;
  };
}

test('a user is added, renamed, disabled, deleted and restored, and rounds of changes tell it', async () => {
  const round = await rounds('/users/delta?$select=displayName,accountEnabled');
  const id = idIn(await tell('add-user ana.new@contoso.example "Ana New"'));
  expect(await round()).toEqual([{ id, displayName: 'Ana New', accountEnabled: true }]);
  await tell('rename ana.new@contoso.example "Ana Newer"', 'disable ANA.new@contoso.example');
  expect(await round()).toEqual([{ id, displayName: 'Ana Newer', accountEnabled: false }]);
  await tell(`enable ${id}`);
  expect(await round()).toMatchObject([{ id, accountEnabled: true }]);
  await tell('delete "Ana Newer"');
  expect(await round()).toEqual([{ id, '@removed': { reason: 'changed' } }]);
  expect((await graph.get(`/users/${id}`)).status).toBe(404);
  expect(await tell('find "Ana Newer"')).toBe(`deleted user ana.new@contoso.example (${id})`);
  await tell('restore ana.new@contoso.example');
  expect(await round()).toMatchObject([{ id, displayName: 'Ana Newer' }]);
});

test('members come and go, groups in groups too', async () => {
  const round = await rounds('/groups/delta?$select=displayName,members');
  const inner = idIn(await tell('add-group "Night shift"'));
  await round();
  const user = idIn(await tell('add-user bo.new@contoso.example "Bo New"'));
  await tell('add-member "Night shift" bo.new@contoso.example', 'add-member "On call" "Night shift"');
  const onCall = await idOf('On call');
  expect(await round()).toMatchObject([
    { id: inner, 'members@delta': [{ id: user }] },
    { id: onCall, 'members@delta': [{ id: inner }] },
  ]);
  const below = async () => {
    const { rows } = await graph.all(`/groups/${await idOf('Engineering')}/transitiveMembers?$select=id`);
    return rows.map((row) => row['id']);
  };
  expect(await below()).toEqual(expect.arrayContaining([inner, user]));
  await tell('remove-member "On call" "Night shift"');
  expect(await round()).toMatchObject([
    { 'members@delta': [{ id: inner, '@removed': { reason: 'deleted' } }] },
  ]);
  expect(await below()).not.toContain(user);
});

test('directory roles are granted and revoked, of groups only where these may have some', async () => {
  const user = idIn(await tell('add-user cy.new@contoso.example "Cy New"'));
  const group = idIn(await tell('add-group Auditors role-assignable'));
  const held = async () =>
    (await graph.all('/roleManagement/directory/roleAssignments')).rows
      .filter((row) => row['roleDefinitionId'] === 'f2ef992c-3afb-46b9-b7cf-a126ee74c451')
      .map((row) => row['principalId']);
  await tell('grant-role cy.new@contoso.example "Global Reader"', 'grant-role Auditors "global reader"');
  expect(await held()).toEqual(expect.arrayContaining([user, group]));
  await tell('revoke-role cy.new@contoso.example "Global Reader"');
  expect(await held()).not.toContain(user);
  expect(await emulator.send('grant-role Engineering "Global Reader"')).toEqual({
    status: 400,
    says: 'HOLDER "Engineering": directory roles go to role-assignable groups only, such as Security reviewers',
  });
});

test('roles of an application are granted and revoked', async () => {
  const user = idIn(await tell('add-user di.new@contoso.example "Di New"'));
  const application = await idOf('Expenses');
  const held = async () =>
    (await graph.all(`/servicePrincipals/${application}/appRoleAssignedTo`)).rows.filter(
      (row) => row['principalId'] === user,
    );
  await tell('grant-app-role di.new@contoso.example Expenses approver');
  expect(await held()).toMatchObject([{ principalType: 'User', principalDisplayName: 'Di New' }]);
  await tell('revoke-app-role di.new@contoso.example Expenses Approver');
  expect(await held()).toEqual([]);
});

test('the end of a certificate is moved', async () => {
  const id = await idOf('Expenses');
  const said = await tell('end-certificate Expenses -3');
  const { body } = await graph.get(`/servicePrincipals/${id}?$select=keyCredentials,passwordCredentials`);
  const ends = [body['keyCredentials'], body['passwordCredentials']].flatMap((list) =>
    (list as Row[]).map((one) => String(one['endDateTime'])),
  );
  expect(new Set(ends).size).toBe(1);
  const days = (Date.parse(ends[0] ?? '') - Date.now()) / 86_400_000;
  expect(Math.round(days)).toBe(-3);
  expect(said).toContain(ends[0]);
});

test('a managed device stops to be compliant, in Intune and in the directory', async () => {
  const device = async () => {
    const { rows } = await graph.all('/deviceManagement/managedDevices');
    return rows.find((row) => row['deviceName'] === 'FAC-LT-0000');
  };
  const object = async () => {
    const { rows } = await graph.all('/devices?$select=deviceId,isCompliant');
    const joined = (await device())?.['azureADDeviceId'];
    return rows.find((row) => row['deviceId'] === joined);
  };
  expect(await device()).toMatchObject({ complianceState: 'compliant' });
  expect(await object()).toMatchObject({ isCompliant: true });
  await tell('judge-device FAC-LT-0000 noncompliant');
  expect(await device()).toMatchObject({ complianceState: 'noncompliant' });
  expect(await object()).toMatchObject({ isCompliant: false });
});

test('permissions and licences are taken away and given back', async () => {
  const status = async (path: string) => (await graph.get(path)).status;
  await tell('withhold Device.Read.All', 'without intune');
  expect([await status('/devices'), await status('/deviceManagement/managedDevices')]).toEqual([403, 400]);
  await tell('consent Device.Read.All', 'with intune');
  expect([await status('/devices'), await status('/deviceManagement/managedDevices')]).toEqual([200, 200]);
});

test('tokens of rounds and of access expire', async () => {
  const { deltaLink } = await graph.all('/users/delta?$select=displayName');
  await tell('expire-delta-tokens');
  expect((await graph.get(deltaLink)).status).toBe(410);
  await tell('expire-access-tokens');
  expect(await graph.get('/users')).toMatchObject({ status: 401, code: 'Authentication_ExpiredToken' });
  await graph.logIn();
  expect((await graph.get('/users')).status).toBe(200);
});

test('the next answers are throttled, and no more', async () => {
  await tell('throttle 2 3');
  const answers = [await graph.get('/users'), await graph.get('/groups'), await graph.get('/users')];
  expect(answers.map(({ status, headers }) => [status, headers.get('retry-after')])).toEqual([
    [429, '3'],
    [429, '3'],
    [200, null],
  ]);
});

describe('a command that cannot be done is refused with what to give, and changes nothing', () => {
  test.each([
    ['dance', 'dance: no such command; use find, add-user, '],
    ['rename Platform', 'rename takes OBJECT NAME, and was given 1; put "…" around spaces'],
    ['rename "Platform', 'rename "Platform: a " is missing'],
    ['rename Nobody Somebody', 'OBJECT "Nobody": nothing is called that; look with: find TEXT'],
    ['delete "Team 9999"', 'OBJECT "Team 9999": nothing is called that'],
    ['delete Expenses Platform', 'delete takes OBJECT, and was given 2'],
    ['restore Platform', 'OBJECT "Platform": nothing is called that'],
    ['add-user eva "Eva New"', 'PRINCIPAL_NAME eva: give NAME@contoso.example'],
    ['add-group X plain', 'KIND plain: use one of role-assignable'],
    ['add-member Engineering Platform', 'MEMBER "Platform": it is in group Engineering ('],
    ['remove-member Engineering "On call"', 'MEMBER "On call": it is not in group Engineering ('],
    [
      'revoke-role "Expense approvers" "Global Reader"',
      'HOLDER "Expense approvers": it does not hold directoryRole Global',
    ],
    [
      'grant-app-role Platform Expenses Boss',
      'APP_ROLE "Boss": the application has no such role; use one of Reader, Approver, default',
    ],
    [
      'revoke-app-role Platform Expenses Reader',
      'HOLDER "Platform": it is not Reader of servicePrincipal Expenses (',
    ],
    ['end-certificate Expenses soon', 'DAYS soon: give a whole number from -99999 to 999999'],
    ['end-certificate "Office Service 2" 5', 'APPLICATION "Office Service 2": no certificate signs for it'],
    ['judge-device FAC-LT-0000 bad', 'STATE bad: use one of compliant, noncompliant,'],
    ['withhold Everything', 'PERMISSION Everything: use one of AuditLog.Read.All,'],
    ['without money', 'LICENCE money: use one of premium, pim, intune'],
    ['throttle 0', 'N 0: give a whole number from 1 to 999999'],
    ['', 'no command; there are:\nfind TEXT'],
  ])('%s', async (line, said) => {
    const round = await rounds('/groups/delta?$select=displayName,members');
    const { status, says } = await emulator.send(line);
    expect([status, says]).toEqual([400, expect.stringContaining(said)]);
    expect(await round()).toEqual([]);
  });

  test('a name that several have', async () => {
    await tell('add-group Twins', 'add-group Twins');
    const { status, says } = await emulator.send('delete Twins');
    expect(status).toBe(400);
    expect(says).toMatch(
      /^OBJECT "Twins": 2 are called that, give an id: group Twins \(.{36}\), group Twins \(/u,
    );
  });

  test('after a line that is refused none is run, and those before are', async () => {
    const { says } = await emulator.send('add-group Before', 'dance', 'add-group After');
    expect(says).toMatch(/^added group Before \(.{36}\)\ndance: no such command/u);
    expect(await tell('find After')).toBe('nothing has "After" in its name');
  });
});
