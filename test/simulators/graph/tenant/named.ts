// SPDX-License-Identifier: Apache-2.0
import type { Directory } from '../directory.ts';
import { defaultAccess, grantAppRole, rolesOf } from './app-roles.ts';
import { samlApplication } from './applications.ts';
import { securityGroup } from './groups.ts';
import { grantRole, securityReader } from './roles.ts';
import { daysFrom, guid } from './seed.ts';
import type { Tenant } from './tenant.ts';

/** Groups that every tenant has, with the places of their users among all. */
const groups = {
  Engineering: { users: [1], within: undefined },
  Platform: { users: [2, 3], within: 'Engineering' },
  'On call': { users: [3, 4, 5], within: 'Platform' },
  'Floor wardens': { users: [6], within: 'First aiders' },
  'First aiders': { users: [7], within: 'Floor wardens' },
  'Security reviewers': { users: [8, 9], within: undefined },
  'Expense approvers': { users: [9, 10], within: undefined },
} as const satisfies Record<
  string,
  { readonly users: readonly number[]; readonly within: string | undefined }
>;
type GroupName = keyof typeof groups;
const groupNames = Object.keys(groups) as GroupName[];

/** Their certificates count from the day on which the tenant is made, so that they are what they are called whenever that is. */
const applications = {
  'Time Sheets': { host: 'time-sheets', endsInDays: -12 },
  Expenses: { host: 'expenses', endsInDays: 20 },
} as const;
type ApplicationName = keyof typeof applications;
const applicationNames = Object.keys(applications) as ApplicationName[];

/**
 * What every tenant has, however small: a chain of three groups, a circle of two, a group with a directory role, one with a role of an
 * application, an application whose certificate has expired and one whose certificate expires within 30 days.
 */
export function addNamed(
  directory: Directory,
  seed: number,
  users: readonly string[],
  tenantId: string,
): void {
  for (const [index, name] of groupNames.entries()) {
    const { users: places } = groups[name];
    const isAssignableToRole = name === 'Security reviewers';
    const { id } = directory.add('group', {
      id: groupId(seed, name),
      displayName: name,
      mailNickname: name.toLowerCase().replace(' ', '-'),
      createdDateTime: daysFrom(-400),
      securityIdentifier: `S-1-12-2-${index + seed}-1-2-3`,
      ...securityGroup,
      ...(isAssignableToRole ? { isAssignableToRole } : {}),
    });
    const members = places.flatMap((place) => users[place % users.length] ?? []);
    for (const user of members) directory.addMember(id, user);
  }
  for (const [name, { within }] of Object.entries(groups))
    if (within !== undefined) directory.addMember(groupId(seed, within), groupId(seed, name as GroupName));
  for (const [index, displayName] of applicationNames.entries()) {
    const { host, endsInDays } = applications[displayName];
    const midnight = (daysLater: number) => `${directory.stamp(daysLater).slice(0, 10)}T00:00:00Z`;
    const [startDateTime, endDateTime] = [midnight(endsInDays - 3 * 365), midnight(endsInDays)];
    const certificates = [{ label: 'active', startDateTime, endDateTime, active: true }];
    const properties = samlApplication(seed, -1 - index, { displayName, host, tenantId, certificates });
    directory.add('servicePrincipal', { id: applicationId(seed, displayName), ...properties });
  }
}

/** The roles of the named groups, which stand outside the directory. */
export function grantNamed(tenant: Tenant, seed: number): void {
  grantRole(tenant, securityReader, groupId(seed, 'Security reviewers'));
  const expenses = tenant.directory.find(applicationId(seed, 'Expenses'))?.entity;
  const approver = rolesOf(expenses).find(({ value }) => value === 'Approver')?.id ?? defaultAccess;
  grantAppRole(tenant, applicationId(seed, 'Expenses'), approver, groupId(seed, 'Expense approvers'));
}

function groupId(seed: number, name: GroupName): string {
  return guid(seed, 'group', -1 - groupNames.indexOf(name));
}

// Generated groups and applications have numbers from 0 on.
function applicationId(seed: number, name: ApplicationName): string {
  return guid(seed, 'servicePrincipal', -1 - applicationNames.indexOf(name));
}
