// SPDX-License-Identifier: Apache-2.0
import type { Entity } from '../directory.ts';
import { daysFrom, guid, pick } from './seed.ts';

/** Built-in roles with the ids that every tenant has. */
const builtIn = [
  ['62e90394-69f5-4237-9190-012177145e10', 'Global Administrator'],
  ['f2ef992c-3afb-46b9-b7cf-a126ee74c451', 'Global Reader'],
  ['fe930be7-5e62-47db-91af-98c3a49a38b1', 'User Administrator'],
  ['729827e3-9c14-49f7-bb1b-9608f156bbb8', 'Helpdesk Administrator'],
  ['158c047a-c907-4556-b7ef-446551a6b5f7', 'Cloud Application Administrator'],
  ['5d6b6bb7-de71-4623-b4af-96380a352509', 'Security Reader'],
  ['3a2c62db-5318-420d-8d74-23affee5d9d5', 'Intune Administrator'],
  ['88d8e3e3-8f55-4a1e-953a-9b9898b8876b', 'Directory Readers'],
] as const;

export interface Roles {
  readonly definitions: Entity[];
  readonly assignments: Entity[];
  readonly eligible: Entity[];
  readonly active: Entity[];
  /** The older view: roles that were activated once. */
  readonly activated: Entity[];
}

/** Active and eligible assignments of users, groups and a service principal, over the tenant and smaller scopes. */
export function buildRoles(
  seed: number,
  of: {
    readonly users: readonly string[];
    readonly groups: readonly string[];
    readonly principals: readonly string[];
  },
): Roles {
  const custom = guid(seed, 'roleDefinition', 0);
  const definitions = [
    ...builtIn.map(([id, displayName]) => definition(id, displayName, true)),
    definition(custom, 'Asset Auditor', false),
  ];
  const roleAt = (index: number) => pick(definitions, index).id;
  const holders = [...of.users.slice(0, 12), ...of.groups.slice(0, 3), ...of.principals.slice(0, 1)];
  const assignments = holders.map((principalId, index) => ({
    id: Buffer.from(`${roleAt(index)}/${principalId}`).toString('base64url'),
    principalId,
    roleDefinitionId: roleAt(index),
    directoryScopeId: index % 7 === 6 ? `/administrativeUnits/${guid(seed, 'unit', index)}` : '/',
    principalOrganizationId: guid(seed, 'tenant', 0),
  }));
  const active = assignments.slice(0, 4).map((one, index) => ({
    ...scheduled(one),
    id: `${one.id}-1-1`,
    assignmentType: index === 3 ? 'Activated' : 'Assigned',
    memberType: 'Direct',
    startDateTime: daysFrom(-200),
    endDateTime: index === 3 ? daysFrom(0.25) : null,
    roleAssignmentOriginId: one.id,
    roleAssignmentScheduleId: guid(seed, 'schedule', index),
  }));
  const candidates = [...of.users.slice(12, 20), ...of.groups.slice(3, 5)];
  const eligible = candidates.map((principalId, index) => ({
    id: `${guid(seed, 'eligible', index)}-1-e`,
    principalId,
    roleDefinitionId: roleAt(index + 2),
    directoryScopeId: '/',
    appScopeId: null,
    memberType: index % 4 === 3 ? 'Group' : 'Direct',
    startDateTime: daysFrom(-30),
    endDateTime: index % 2 === 0 ? daysFrom(335) : null,
    roleEligibilityScheduleId: guid(seed, 'eligibility', index),
  }));
  const held = new Set(assignments.map(({ roleDefinitionId }) => roleDefinitionId));
  const activated = builtIn
    .filter(([id]) => held.has(id))
    .map(([roleTemplateId, displayName], index) => ({
      id: guid(seed, 'directoryRole', index),
      displayName,
      description: `May do what ${displayName} does.`,
      roleTemplateId,
    }));
  return { definitions, assignments, eligible, active, activated };
}

function scheduled({ principalId, roleDefinitionId, directoryScopeId }: Readonly<Record<string, unknown>>) {
  return { principalId, roleDefinitionId, directoryScopeId, appScopeId: null };
}

function definition(id: string, displayName: string, isBuiltIn: boolean): Entity {
  return {
    id,
    displayName,
    description: `May do what ${displayName} does.`,
    isBuiltIn,
    isEnabled: true,
    templateId: id,
    resourceScopes: ['/'],
    version: '1',
    rolePermissions: [
      { allowedResourceActions: ['microsoft.directory/users/standard/read'], condition: null },
    ],
  };
}
