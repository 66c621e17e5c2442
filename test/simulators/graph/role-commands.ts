// SPDX-License-Identifier: Apache-2.0
import { CommandError, type Command } from '../control.ts';
import { appRoleCalled, called, directoryRolesOf, objectsOf, shown } from './names.ts';
import { grantAppRole, revokeAppRole } from './tenant/app-roles.ts';
import { grantRole, revokeRole } from './tenant/roles.ts';
import type { Tenant } from './tenant/tenant.ts';

/** Directory roles and roles of applications, of people and of groups. */
export function roleCommands(tenant: Tenant): Command[] {
  return [...directoryRoles(tenant), ...appRoles(tenant)];
}

function directoryRoles(tenant: Tenant): Command[] {
  const ends = (holderName: string, roleName: string) => {
    const holder = called('HOLDER', holderName, objectsOf(tenant, ['user', 'group', 'servicePrincipal']));
    const role = called('ROLE', roleName, directoryRolesOf(tenant));
    const holds = [...tenant.roleAssignments].some(
      (one) => one['principalId'] === holder.id && one['roleDefinitionId'] === role.id,
    );
    return { holder, role, holds };
  };
  const takes = 'HOLDER ROLE';
  return [
    {
      name: 'grant-role',
      takes,
      does: 'a directory role over the tenant, to a user, a role-assignable group or an application',
      run: (...given: [string, string]) => {
        const { holder, role } = ends(...given);
        const object = tenant.directory.find(holder.id);
        if (object?.type === 'group' && object.entity['isAssignableToRole'] !== true)
          throw new CommandError(
            `HOLDER "${given[0]}": directory roles go to role-assignable groups only, such as Security reviewers`,
          );
        grantRole(tenant, role.id, holder.id);
        return `${shown(holder)} holds ${shown(role)}`;
      },
    },
    {
      name: 'revoke-role',
      takes,
      does: 'takes a directory role away, in all its scopes',
      run: (...given: [string, string]) => {
        const { holder, role, holds } = ends(...given);
        if (!holds) throw new CommandError(`HOLDER "${given[0]}": it does not hold ${shown(role)} itself`);
        revokeRole(tenant, role.id, holder.id);
        return `${shown(holder)} does not hold ${shown(role)} any more`;
      },
    },
  ];
}

function appRoles(tenant: Tenant): Command[] {
  const ends = (holderName: string, applicationName: string, roleName: string) => {
    const holder = called('HOLDER', holderName, objectsOf(tenant, ['user', 'group', 'servicePrincipal']));
    const application = called('APPLICATION', applicationName, objectsOf(tenant, ['servicePrincipal']));
    const appRole = appRoleCalled(tenant, application.id, roleName);
    const holds = [...(tenant.appRoleAssignedTo.get(application.id) ?? [])].some(
      (one) => one['principalId'] === holder.id && one['appRoleId'] === appRole,
    );
    return { holder, application, appRole, holds };
  };
  const takes = 'HOLDER APPLICATION APP_ROLE';
  return [
    {
      name: 'grant-app-role',
      takes,
      does: 'a role of an application, such as Approver, in the place of the one that HOLDER has there',
      run: (...given: [string, string, string]) => {
        const { holder, application, appRole } = ends(...given);
        grantAppRole(tenant, application.id, appRole, holder.id);
        return `${shown(holder)} is ${given[2]} of ${shown(application)}`;
      },
    },
    {
      name: 'revoke-app-role',
      takes,
      does: 'takes it away',
      run: (...given: [string, string, string]) => {
        const { holder, application, appRole, holds } = ends(...given);
        if (!holds)
          throw new CommandError(
            `HOLDER "${given[0]}": it is not ${given[2]} of ${shown(application)} itself`,
          );
        revokeAppRole(tenant, application.id, appRole, holder.id);
        return `${shown(holder)} is not ${given[2]} of ${shown(application)} any more`;
      },
    },
  ];
}
