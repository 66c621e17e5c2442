// SPDX-License-Identifier: Apache-2.0
import { afterEach, expect, test } from 'vitest';
import { GraphClient } from './graph-client.ts';
import type { Row } from './graph/rows.ts';

let client: GraphClient;
afterEach(() => client.stop());

const text = (row: Row | undefined, name: string) => String(row?.[name]);
const list = (row: Row | undefined, name: string) => row?.[name] as readonly Row[];
const namesBelow = async (group: Row | undefined, how: 'members' | 'transitiveMembers') => {
  const path = `/groups/${text(group, 'id')}/${how}/microsoft.graph.group?$select=displayName`;
  return (await client.all(path)).rows.map((row) => text(row, 'displayName')).toSorted();
};

test.each([
  [{ users: 0, groups: 0, devices: 0, servicePrincipals: 0 }],
  [{ users: 1 }],
  [{ users: 30 }],
  [{ users: 300 }],
])('a tenant of %j has nested groups, roles through groups, and certificates to renew', async (counts) => {
  const now = new Date('2027-06-05T13:00:00Z');
  client = await GraphClient.start({ counts, now: () => now });
  const { rows: groups } = await client.all('/groups?$select=id,displayName,isAssignableToRole');
  const group = (name: string) => groups.find((row) => row['displayName'] === name);

  expect(await namesBelow(group('Engineering'), 'members')).toEqual(['Platform']);
  expect(await namesBelow(group('Platform'), 'members')).toEqual(['On call']);
  expect(await namesBelow(group('Engineering'), 'transitiveMembers')).toEqual(['On call', 'Platform']);
  const circle = ['First aiders', 'Floor wardens'];
  for (const name of circle) expect(await namesBelow(group(name), 'transitiveMembers'), name).toEqual(circle);
  for (const name of ['On call', 'Security reviewers', 'Expense approvers']) {
    const members = await client.all(
      `/groups/${text(group(name), 'id')}/members/microsoft.graph.user?$select=id`,
    );
    expect(members.rows.length > 0, name).toBe(counts.users > 0);
  }

  const reviewers = group('Security reviewers');
  expect(reviewers).toMatchObject({ isAssignableToRole: true });
  const { rows: held } = await client.all('/roleManagement/directory/roleAssignments');
  const { rows: roles } = await client.all('/roleManagement/directory/roleDefinitions');
  const given = held.find((row) => row['principalId'] === reviewers?.['id']);
  expect(roles.find((role) => role['id'] === given?.['roleDefinitionId'])).toMatchObject({
    displayName: 'Security Reader',
  });
  const { rows: activated } = await client.all('/directoryRoles');
  expect(activated.map((role) => role['displayName'])).toContain('Security Reader');

  const select =
    'id,displayName,appRoles,preferredSingleSignOnMode,preferredTokenSigningKeyThumbprint,keyCredentials';
  const { rows: applications } = await client.all(`/servicePrincipals?$select=${select}`);
  const application = (name: string) => applications.find((row) => row['displayName'] === name);
  const expenses = application('Expenses');
  const { rows: users } = await client.all(`/servicePrincipals/${text(expenses, 'id')}/appRoleAssignedTo`);
  const approver = list(expenses, 'appRoles').find((role) => role['value'] === 'Approver');
  expect(users).toMatchObject([
    {
      principalId: group('Expense approvers')?.['id'],
      principalType: 'Group',
      appRoleId: approver?.['id'],
    },
  ]);
  const daysLeft = (one: Row | undefined) => {
    const identifier = Buffer.from(text(one, 'preferredTokenSigningKeyThumbprint'), 'hex').toString('base64');
    const key = list(one, 'keyCredentials').find((each) => each['customKeyIdentifier'] === identifier);
    return (Date.parse(text(key, 'endDateTime')) - now.getTime()) / 86_400_000;
  };
  expect(daysLeft(application('Time Sheets'))).toBeLessThan(0);
  expect(daysLeft(expenses)).toBeGreaterThan(0);
  expect(daysLeft(expenses)).toBeLessThan(30);
});
