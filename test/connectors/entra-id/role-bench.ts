// SPDX-License-Identifier: Apache-2.0
import type { RoleMapping } from '../../../src/api/role-mappings.ts';
import { EntraBench, type Outcome } from './bench.ts';

export const globalReader = 'f2ef992c-3afb-46b9-b7cf-a126ee74c451';
export const securityReader = '5d6b6bb7-de71-4623-b4af-96380a352509';

/** Every stream but that of the roles, switched off. */
export const otherStreams = Object.fromEntries(
  ['users', 'groups', 'memberships', 'devices', 'managedDevices', 'ssoApplications'].map(
    (name) => [name, false] as const,
  ),
);

/** A tenant in which nobody holds a role, and a system that reads nothing else. */
export async function openRoles(): Promise<EntraBench> {
  const bench = await EntraBench.open({ users: 30, groups: 0, devices: 2, servicePrincipals: 3 });
  bench.config = { streams: otherStreams };
  const { tenant } = bench.graph;
  for (const list of [
    'roleAssignments',
    'roleEligibilityScheduleInstances',
    'roleAssignmentScheduleInstances',
  ] as const)
    for (const { id } of tenant[list]) tenant[list].remove(id);
  return bench;
}

/** What fills such a tenant, and what is then known of it. */
export function rolesOf(bench: () => EntraBench) {
  const directory = () => bench().graph.tenant.directory;
  let assigned = 0;
  return {
    directory,
    map: (...roleMappings: readonly RoleMapping[]): void => {
      bench().spec = { ...bench().spec, roleMappings: [...roleMappings] };
    },
    user: (name: string): string => {
      return directory().add('user', { displayName: name, userPrincipalName: `${name}@contoso.example` }).id;
    },
    group: (displayName: string, members: readonly string[] = [], more: object = {}): string => {
      const made = { displayName, groupTypes: [], securityEnabled: true, ...more };
      const { id } = directory().add('group', made);
      for (const member of members) directory().addMember(id, member);
      return id;
    },
    assign: (role: string, principalId: string, more: object = {}): string => {
      assigned += 1;
      const id = `assignment-${assigned}`;
      const entity = { id, principalId, roleDefinitionId: role, directoryScopeId: '/', ...more };
      bench().graph.tenant.roleAssignments.put(entity);
      return id;
    },
    makeEligible: (role: string, principalId: string, more: object = {}): void => {
      bench().graph.tenant.roleEligibilityScheduleInstances.put(
        scheduled(`e-${role}`, role, principalId, more),
      );
    },
    /** An active assignment with the times that PIM tells of it. */
    schedule: (role: string, principalId: string, more: object = {}): void => {
      const { roleAssignmentScheduleInstances: schedules } = bench().graph.tenant;
      const entity = scheduled(`s-${role}-${JSON.stringify(more)}`, role, principalId, more);
      schedules.put({ assignmentType: 'Assigned', ...entity });
    },
    live: () => bench().live('role_assignments'),
    column: (name: string, id: string) =>
      bench().rows(`SELECT "${name}" AS c FROM role_assignments WHERE external_id = '${id}'`)[0]?.['c'],
    scopes: (outcome: Outcome) =>
      outcome.unverifiedScopes?.map(({ scope, reason }) => `${scope}: ${reason}`) ?? [],
  };
}

function scheduled(kind: string, role: string, principalId: string, more: object) {
  return {
    id: `${kind}-${principalId}`,
    principalId,
    roleDefinitionId: role,
    directoryScopeId: '/',
    startDateTime: '2026-01-01T00:00:00Z',
    endDateTime: null,
    memberType: 'Direct',
    ...more,
  };
}
