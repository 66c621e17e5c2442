// SPDX-License-Identifier: Apache-2.0
import type { Entity } from '../directory.ts';
import { daysFrom, guid, pick } from './seed.ts';
import type { Tenant } from './tenant.ts';

export const securityReader = '5d6b6bb7-de71-4623-b4af-96380a352509';

/** Built-in roles with the ids that every tenant has. */
const builtIn = [
  ['62e90394-69f5-4237-9190-012177145e10', 'Global Administrator'],
  ['f2ef992c-3afb-46b9-b7cf-a126ee74c451', 'Global Reader'],
  ['fe930be7-5e62-47db-91af-98c3a49a38b1', 'User Administrator'],
  ['729827e3-9c14-49f7-bb1b-9608f156bbb8', 'Helpdesk Administrator'],
  ['158c047a-c907-4556-b7ef-446551a6b5f7', 'Cloud Application Administrator'],
  [securityReader, 'Security Reader'],
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
  const tenantId = guid(seed, 'tenant', 0);
  const assignments = holders.map((principalId, index) =>
    assignment(
      tenantId,
      roleAt(index),
      principalId,
      index % 7 === 6 ? `/administrativeUnits/${guid(seed, 'unit', index)}` : '/',
    ),
  );
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
  const activated = definitions
    .filter(({ id, isBuiltIn }) => isBuiltIn === true && held.has(id))
    .map(activation);
  return { definitions, assignments, eligible, active, activated };
}

/** A role over the whole tenant, or over a smaller part of it. */
function assignment(tenantId: string, role: string, principalId: string, scope: string): Entity {
  return {
    id: Buffer.from(`${role}/${principalId}${scope === '/' ? '' : scope}`).toString('base64url'),
    principalId,
    roleDefinitionId: role,
    directoryScopeId: scope,
    principalOrganizationId: tenantId,
  };
}

/** In the older view, a role that somebody holds or held. */
function activation({ id, displayName, description }: Entity): Entity {
  return { id: guid(0, `directoryRole-${id}`, 0), displayName, description, roleTemplateId: id };
}

/** Gives a directory role over the whole tenant to a user, a group or a service principal. Throws for a role that is none, and for a group that may have none. */
export function grantRole(tenant: Tenant, role: string, principalId: string): void {
  const definition = tenant.roleDefinitions.get(role);
  if (definition === undefined) throw new Error(`the emulator has no directory role ${role}`);
  const holder = tenant.directory.find(principalId);
  if (holder?.type === 'group' && holder.entity['isAssignableToRole'] !== true)
    throw new Error(
      `${String(holder.entity['displayName'])} is no group that directory roles can be given to`,
    );
  tenant.roleAssignments.put(assignment(tenant.id, role, principalId, '/'));
  if (definition['isBuiltIn'] === true) tenant.directoryRoles.put(activation(definition));
}

/** Takes a directory role away, over the tenant and all smaller parts. Throws where there is nothing to revoke. */
export function revokeRole(tenant: Tenant, role: string, principalId: string): void {
  const isIt = (one: Entity) => one['roleDefinitionId'] === role && one['principalId'] === principalId;
  const held = [...tenant.roleAssignments].filter(isIt);
  if (held.length === 0) throw new Error(`the emulator has no role ${role} of ${principalId}`);
  for (const { id } of held) tenant.roleAssignments.remove(id);
  const { roleAssignmentScheduleInstances: scheduled } = tenant;
  for (const { id } of [...scheduled].filter(isIt)) scheduled.remove(id);
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
