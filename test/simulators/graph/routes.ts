// SPDX-License-Identifier: Apache-2.0
import { objectsByIds } from './by-ids.ts';
import { delta } from './delta.ts';
import { parseQuery } from './query.ts';
import { graphError, ok, Refusal, refuse, type Reply } from './reply.ts';
import {
  collections,
  contextOf,
  countObjects,
  listEntities,
  listObjects,
  listRelated,
  managerOf,
  notFound,
  oneObject,
  type Related,
} from './resources.ts';
import { mixed, shown } from './rows.ts';
import type { TypeName } from './schema.ts';
import { Sequence } from './sequence.ts';
import { directoryTypes, type DirectoryType, type Entity } from './directory.ts';
import { demand, readers, type GraphAsked, type World } from './world.ts';

/** The parts that a pattern found in the address; empty where one is not there. */
type Handler = (world: World, asked: GraphAsked, ...parts: string[]) => Reply;

const roleReaders = ['RoleManagement.Read.Directory', 'RoleManagement.Read.All', 'Directory.Read.All'];
const names = Object.keys(collections).join('|');
const intune = { defaultTop: 1000, maximumTop: 1000, countsPages: true } as const;

const routes: readonly (readonly [RegExp, Handler])[] = [
  [/^\/organization$/u, organization],
  [new RegExp(`^/(${names})$`, 'u'), (world, asked, name) => listObjects(world, asked, typeOf(name))],
  [
    new RegExp(`^/(${names})/\\$count$`, 'u'),
    (world, asked, name) => countObjects(world, asked, typeOf(name)),
  ],
  [new RegExp(`^/(${names})/delta$`, 'u'), (world, asked, name) => delta(world, asked, typeOf(name))],
  [
    new RegExp(`^/(${names})/([^/]+)$`, 'u'),
    (world, asked, name, id = '') => oneObject(world, asked, typeOf(name), id),
  ],
  [/^\/users\/([^/]+)\/manager$/u, (world, asked, id = '') => managerOf(world, asked, id)],
  [related('groups', 'members|transitiveMembers|owners|memberOf'), relatedHandler('group')],
  [related('users', 'memberOf'), relatedHandler('user')],
  [related('devices', 'registeredOwners|registeredUsers|memberOf'), relatedHandler('device')],
  [related('servicePrincipals', 'owners|memberOf'), relatedHandler('servicePrincipal')],
  [/^\/servicePrincipals\/([^/]+)\/appRoleAssignedTo$/u, assignedTo],
  [/^\/(users|groups|servicePrincipals)\/([^/]+)\/appRoleAssignments$/u, assignmentsOf],
  [/^\/deviceManagement\/managedDevices$/u, managedDevices],
  [/^\/deviceManagement\/managedDevices\/([^/]+)$/u, managedDevice],
  [
    /^\/roleManagement\/directory\/roleDefinitions$/u,
    plainList('unifiedRoleDefinition', 'roleDefinitions', roleReaders),
  ],
  [
    /^\/roleManagement\/directory\/roleAssignments$/u,
    plainList('unifiedRoleAssignment', 'roleAssignments', roleReaders),
  ],
  [
    /^\/roleManagement\/directory\/roleEligibilityScheduleInstances$/u,
    pim(
      'unifiedRoleEligibilityScheduleInstance',
      'roleEligibilityScheduleInstances',
      'RoleEligibilitySchedule.Read.Directory',
    ),
  ],
  [
    /^\/roleManagement\/directory\/roleAssignmentScheduleInstances$/u,
    pim(
      'unifiedRoleAssignmentScheduleInstance',
      'roleAssignmentScheduleInstances',
      'RoleAssignmentSchedule.Read.Directory',
    ),
  ],
  [/^\/directoryObjects\/getByIds$/u, objectsByIds],
  [/^\/subscribedSkus$/u, subscribedSkus],
  [/^\/directoryRoles$/u, directoryRoles],
  [/^\/directoryRoles\/([^/]+)\/members$/u, roleMembers],
  [/^\/directory\/deletedItems\/microsoft\.graph\.(\w+)$/u, deletedItems],
];

/** Answers a request of Graph; the token was looked at before. */
export function answer(world: World, asked: GraphAsked): Reply {
  try {
    for (const [pattern, handler] of routes) {
      const found = pattern.exec(asked.resource);
      if (found === null) continue;
      if (asked.method !== (handler === objectsByIds ? 'POST' : 'GET'))
        return graphError(405, 'Request_BadRequest', 'The emulator only reads.');
      return handler(
        world,
        asked,
        ...found.slice(1).map((part: string | undefined) => decodeURIComponent(part ?? '')),
      );
    }
    return graphError(400, 'BadRequest', `Resource not found for the segment '${asked.resource}'.`);
  } catch (error) {
    if (error instanceof Refusal) return error.reply;
    throw error;
  }
}

function typeOf(name: string | undefined): DirectoryType {
  const type = collections[name ?? ''];
  if (type === undefined) throw new Error(`the emulator has no collection ${name}`);
  return type;
}

function related(collection: string, relations: string): RegExp {
  return new RegExp(
    `^/${collection}/([^/]+)/(${relations})(?:/microsoft\\.graph\\.(\\w+))?(/\\$count)?$`,
    'u',
  );
}

function relatedHandler(type: DirectoryType): Handler {
  return (world, asked, id = '', relation, cast, count) => {
    const as = {
      cast: directoryTypes.find((one) => one === cast),
      counted: count !== '',
    };
    if (cast !== '' && as.cast === undefined) {
      refuse(400, 'BadRequest', `The type 'microsoft.graph.${cast}' does not stand here.`);
    }
    return listRelated(world, asked, { type, id }, relation as Related, as);
  };
}

function organization(world: World, asked: GraphAsked): Reply {
  demand(world, ['Organization.Read.All', 'Directory.Read.All']);
  const query = parseQuery(asked, 'organization');
  return listEntities(world, asked, query, 'organization', world.tenant.organization);
}

type Collection =
  | 'roleDefinitions'
  | 'roleAssignments'
  | 'roleEligibilityScheduleInstances'
  | 'roleAssignmentScheduleInstances';

function plainList(type: TypeName, from: Collection, any: readonly string[]): Handler {
  return (world, asked) => {
    demand(world, any);
    return listEntities(world, asked, parseQuery(asked, type), type, world.tenant[from]);
  };
}

function pim(type: TypeName, from: Collection, role: string): Handler {
  const give = plainList(type, from, [role, 'RoleManagement.Read.Directory', 'RoleManagement.Read.All']);
  return (world, asked) => {
    const said = 'The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license.';
    if (!world.licences.pim) refuse(world.quirks.pimRefusal, 'AadPremiumLicenseRequired', said);
    return give(world, asked);
  };
}

function assignedTo(world: World, asked: GraphAsked, id = ''): Reply {
  demand(world, readers.servicePrincipal);
  if (!world.tenant.directory.objects.servicePrincipal.has(id)) notFound(id);
  const query = parseQuery(asked, 'appRoleAssignment');
  const source = world.tenant.appRoleAssignedTo.get(id) ?? new Sequence<Entity>();
  return listEntities(world, asked, query, 'appRoleAssignment', source);
}

function assignmentsOf(world: World, asked: GraphAsked, name?: string, id = ''): Reply {
  demand(world, readers[typeOf(name)]);
  const { tenant } = world;
  // Those of a user include what comes through groups that it is a direct member of.
  const holders = new Set([id, ...tenant.directory.memberOf(id).map((group) => group.id)]);
  const all = [...tenant.appRoleAssignedTo.values()].flatMap((list) => [...list]);
  const held = new Sequence(all.filter(({ principalId }) => holders.has(String(principalId))));
  return listEntities(world, asked, parseQuery(asked, 'appRoleAssignment'), 'appRoleAssignment', held);
}

function demandIntune(world: World): void {
  if (!world.licences.intune) refuse(400, 'BadRequest', 'Request not applicable to target tenant.');
  demand(world, ['DeviceManagementManagedDevices.Read.All']);
}

function managedDevices(world: World, asked: GraphAsked): Reply {
  demandIntune(world);
  const query = parseQuery(asked, 'managedDevice');
  return listEntities(world, asked, query, 'managedDevice', world.tenant.managedDevices, intune);
}

function managedDevice(world: World, asked: GraphAsked, id = ''): Reply {
  demandIntune(world);
  const { select } = parseQuery(asked, 'managedDevice');
  const entity = world.tenant.managedDevices.get(id) ?? notFound(id);
  const row = shown('managedDevice', entity, select, true);
  return ok({ '@odata.context': contextOf(asked, 'deviceManagement/managedDevices/$entity'), ...row });
}

/** Does not page, and has no permission of its own. */
function subscribedSkus(world: World, asked: GraphAsked): Reply {
  demand(world, ['LicenseAssignment.Read.All', 'Organization.Read.All', 'Directory.Read.All']);
  return unpaged(asked, 'subscribedSku', world.tenant.subscribedSkus);
}

/** Does not page, and knows only roles that were activated once. */
function directoryRoles(world: World, asked: GraphAsked): Reply {
  demand(world, roleReaders);
  return unpaged(asked, 'directoryRole', world.tenant.directoryRoles);
}

function roleMembers(world: World, asked: GraphAsked, id = ''): Reply {
  demand(world, roleReaders);
  const { tenant } = world;
  const template = (tenant.directoryRoles.get(id) ?? notFound(id))['roleTemplateId'];
  const value = [...tenant.roleAssignments]
    .filter((one) => one['roleDefinitionId'] === template && one['directoryScopeId'] === '/')
    .flatMap(({ principalId }) => tenant.directory.find(String(principalId)) ?? [])
    .map((principal) => mixed(world, principal, asked.params.get('$select')?.split(',')));
  return ok({ '@odata.context': contextOf(asked, 'directoryObjects'), value });
}

function unpaged(asked: GraphAsked, type: TypeName, source: Sequence<Entity>): Reply {
  const { select } = parseQuery(asked, type);
  const value = [...source].map((entity) => shown(type, entity, select));
  return ok({ '@odata.context': contextOf(asked, `${type}s`), value });
}

function deletedItems(world: World, asked: GraphAsked, name?: string): Reply {
  const type = directoryTypes.find((one) => one === name);
  if (type === undefined)
    return refuse(400, 'BadRequest', `The type 'microsoft.graph.${name}' does not stand here.`);
  demand(world, readers[type]);
  return listEntities(world, asked, parseQuery(asked, type), type, world.tenant.directory.deletedOf(type));
}
