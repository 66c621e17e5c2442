// SPDX-License-Identifier: Apache-2.0
import type { Directory, Entity } from '../directory.ts';
import { Sequence } from '../sequence.ts';
import { hoursBefore, pick } from './seed.ts';
import type { Tenant } from './tenant.ts';

/** The role of whoever may use an application without having one of its own roles. */
export const defaultAccess = '00000000-0000-0000-0000-000000000000';

/** Who may use each application: some users, and a group. */
export function appRoleAssignments(
  directory: Directory,
  users: readonly string[],
  groups: readonly string[],
): Map<string, Sequence<Entity>> {
  const assigned = new Map<string, Sequence<Entity>>();
  let index = 0;
  for (const application of directory.objects.servicePrincipal) {
    index += 1;
    const roles = rolesOf(application);
    if (roles.length === 0) continue;
    const people =
      users.length === 0
        ? []
        : Array.from({ length: 3 + (index % 5) }, (_, at) => pick(users, index * 11 + at));
    const principals = [...new Set(people)].concat(groups.length === 0 ? [] : [pick(groups, index)]);
    const list = principals.map((principalId, at) => {
      const appRoleId = at % 3 === 0 ? defaultAccess : (roles[at % 2]?.id ?? defaultAccess);
      const createdDateTime = hoursBefore(at * 100 + index);
      return assignment(directory, { application, appRoleId, principalId, createdDateTime });
    });
    assigned.set(application.id, new Sequence(list));
  }
  return assigned;
}

/** The roles that an application has. */
export function rolesOf(application: Entity | undefined): readonly AppRole[] {
  return (application?.['appRoles'] ?? []) as readonly AppRole[];
}

export interface AppRole {
  readonly id: string;
  readonly value: string;
}

function assignment(
  directory: Directory,
  given: {
    readonly application: Entity;
    readonly appRoleId: string;
    readonly principalId: string;
    readonly createdDateTime: string;
  },
): Entity {
  const { application, appRoleId, principalId, createdDateTime } = given;
  const principal = directory.find(principalId);
  return {
    id: Buffer.from(`${application.id}/${principalId}`).toString('base64url'),
    appRoleId,
    createdDateTime,
    principalId,
    principalType: principal?.type === 'group' ? 'Group' : 'User',
    principalDisplayName: principal?.entity['displayName'],
    resourceId: application.id,
    resourceDisplayName: application['displayName'],
  };
}

/** Lets a user or the members of a group use an application in a role of it, in the place of the role that they have there. */
export function grantAppRole(
  { directory, appRoleAssignedTo }: Tenant,
  applicationId: string,
  appRoleId: string,
  principalId: string,
): void {
  const application = directory.find(applicationId)?.entity;
  if (application === undefined) throw new Error(`the emulator has no application ${applicationId}`);
  const list = appRoleAssignedTo.get(applicationId) ?? new Sequence<Entity>();
  appRoleAssignedTo.set(applicationId, list);
  list.put(
    assignment(directory, { application, appRoleId, principalId, createdDateTime: directory.stamp() }),
  );
}

/** Throws where there is nothing to revoke. */
export function revokeAppRole(
  { appRoleAssignedTo }: Tenant,
  applicationId: string,
  appRoleId: string,
  principalId: string,
): void {
  const list = appRoleAssignedTo.get(applicationId) ?? new Sequence<Entity>();
  const found = [...list].find((one) => one['principalId'] === principalId && one['appRoleId'] === appRoleId);
  if (found === undefined)
    throw new Error(`the emulator has no role ${appRoleId} of ${principalId} at ${applicationId}`);
  list.remove(found.id);
}
