// SPDX-License-Identifier: Apache-2.0
import type { Directory } from '../directory.ts';
import { daysFrom, guid, pick } from './seed.ts';

/** The kinds of groups of the four fields, in turn. */
export const groupKinds = [
  'security',
  'microsoft365',
  'mailEnabledSecurity',
  'distribution',
  'dynamic',
  'roleAssignable',
  'hiddenMembership',
] as const;

export const securityGroup = { groupTypes: [], mailEnabled: false, securityEnabled: true } as const;

const fields: Readonly<Record<(typeof groupKinds)[number], Readonly<Record<string, unknown>>>> = {
  security: securityGroup,
  microsoft365: { groupTypes: ['Unified'], mailEnabled: true, securityEnabled: false, visibility: 'Private' },
  mailEnabledSecurity: { groupTypes: [], mailEnabled: true, securityEnabled: true },
  distribution: { groupTypes: [], mailEnabled: true, securityEnabled: false },
  dynamic: {
    ...{ groupTypes: ['DynamicMembership'], mailEnabled: false, securityEnabled: true },
    membershipRule: '(user.department -eq "Sales")',
    membershipRuleProcessingState: 'On',
  },
  roleAssignable: { ...securityGroup, isAssignableToRole: true },
  hiddenMembership: {
    ...{ groupTypes: ['Unified'], mailEnabled: true, securityEnabled: false },
    visibility: 'HiddenMembership',
  },
};

export interface Membership {
  readonly users: readonly string[];
  readonly devices: readonly string[];
  readonly servicePrincipals: readonly string[];
}

/**
 * The first group holds every user that is no guest; each further one a few. Security groups also hold devices, a service principal,
 * and the next security group, in chains of four; the last two of a chain of the first hold each other.
 */
export function addGroups(directory: Directory, seed: number, count: number, of: Membership): string[] {
  const ids = Array.from({ length: count }, (_, index) => guid(seed, 'group', index));
  for (const [index, id] of ids.entries()) directory.add('group', { id, ...group(seed, index) });
  for (const [index, id] of ids.entries()) {
    const users = index === 0 ? of.users : some(of.users, 5 + (index % 20), index * 7);
    for (const user of users) directory.addMember(id, user);
    if (users[0] !== undefined) directory.relate('owners', id, users[0]);
    if (index === 0 || kindOf(index) !== 'security') continue;
    for (const device of some(of.devices, index % 6, index * 3)) directory.addMember(id, device);
    for (const principal of some(of.servicePrincipals, 1, index)) directory.addMember(id, principal);
    const inner = ids[index + groupKinds.length];
    const depth = (index / groupKinds.length) % 4;
    if (inner !== undefined && depth !== 3) directory.addMember(id, inner);
    if (inner !== undefined && index === 2 * groupKinds.length) directory.addMember(inner, id);
  }
  return ids;
}

export function kindOf(index: number): (typeof groupKinds)[number] {
  return pick(groupKinds, index);
}

function some(list: readonly string[], count: number, from: number): string[] {
  const wanted = Math.min(count, list.length);
  return Array.from({ length: wanted }, (_, index) => pick(list, from + index));
}

function group(seed: number, index: number): Record<string, unknown> {
  const kind = kindOf(index);
  const mail = fields[kind]['mailEnabled'] === true ? { mail: `team-${index}@contoso.example` } : {};
  // Names are not unique.
  const displayName = index === 0 ? 'All staff' : `Team ${Math.floor(index / 2)}`;
  return {
    displayName,
    description: `Looks after part ${index}`,
    mailNickname: `team-${index}`,
    createdDateTime: daysFrom(-900 + (index % 800)),
    securityIdentifier: `S-1-12-1-${index + seed}-1-2-3`,
    ...fields[kind],
    ...mail,
    ...(kind === 'security' && index % 2 === 0 && index > 0
      ? {
          onPremisesSyncEnabled: true,
          onPremisesSamAccountName: `team-${index}`,
          onPremisesSecurityIdentifier: `S-1-5-21-1004336348-1177238915-682003330-${500_000 + index}`,
        }
      : {}),
  };
}
