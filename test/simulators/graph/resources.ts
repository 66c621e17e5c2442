// SPDX-License-Identifier: Apache-2.0
import type { DirectoryType, Entity, Reference, Relation } from './directory.ts';
import { countOf, list } from './listing.ts';
import { parseQuery, type Query } from './query.ts';
import { ok, refuse, type Reply } from './reply.ts';
import { expansion, given, mixed, shown, type Row } from './rows.ts';
import { factsOf, type TypeName } from './schema.ts';
import { Sequence } from './sequence.ts';
import { demand, readers, type GraphAsked, type World } from './world.ts';

/** The collections of the directory by their names in an address. */
export const collections: Readonly<Record<string, DirectoryType>> = {
  users: 'user',
  groups: 'group',
  devices: 'device',
  servicePrincipals: 'servicePrincipal',
};

const largest = { defaultTop: 100, maximumTop: 999 } as const;

/** `/users`, `/groups`, `/devices`, `/servicePrincipals`. */
export function listObjects(world: World, asked: GraphAsked, type: DirectoryType): Reply {
  demand(world, readers[type]);
  const query = parseQuery(asked, type);
  checkSignIn(world, query.select);
  const outside = query.select?.find((name) => factsOf(type).singleOnly.has(name));
  if (outside !== undefined) {
    refuse(501, 'NotImplemented', `The property '${outside}' is not supported for collections of '${type}'.`);
  }
  return listEntities(world, asked, query, type, world.tenant.directory.objects[type]);
}

/** `/users/$count` and its like. */
export function countObjects(world: World, asked: GraphAsked, type: DirectoryType): Reply {
  demand(world, readers[type]);
  if (asked.headers['consistencylevel'] !== 'eventual') {
    refuse(400, 'Request_BadRequest', '$count is not currently supported.');
  }
  const { filter } = parseQuery(asked, type);
  const count = countOf(world.tenant.directory.objects[type], filter?.test ?? (() => true));
  return { status: 200, headers: { 'content-type': 'text/plain' }, body: String(count) };
}

/** `/users/{id}` and its like; a user also by its UPN. */
export function oneObject(world: World, asked: GraphAsked, type: DirectoryType, id: string): Reply {
  demand(world, readers[type]);
  const query = parseQuery(asked, type);
  checkSignIn(world, query.select);
  const entity = findObject(world, type, id);
  // The sign-in is found by the object id alone.
  const seen = entity.id === id ? entity : { ...entity, signInActivity: null };
  const row = shown(type, seen, given(world, type, query.select), true);
  return ok({
    '@odata.context': contextOf(asked, `${type}s/$entity`),
    ...row,
    ...expansion(world, entity, query.expand),
  });
}

/** `/users/{id}/manager`: 404 when there is none. */
export function managerOf(world: World, asked: GraphAsked, id: string): Reply {
  demand(world, readers.user);
  const user = findObject(world, 'user', id);
  const [manager] = world.tenant.directory.related('manager', user.id);
  if (manager === undefined) notFound('manager');
  const { select } = parseQuery(asked, 'user');
  return ok({
    '@odata.context': contextOf(asked, 'directoryObjects/$entity'),
    ...mixed(world, manager, select),
  });
}

export type Related = Relation | 'transitiveMembers' | 'memberOf';

/** Objects that another leads to, of several types or cast to one; as a page, or as their number. */
export function listRelated(
  world: World,
  asked: GraphAsked,
  from: { readonly type: DirectoryType; readonly id: string },
  related: Related,
  as: { readonly cast: DirectoryType | undefined; readonly counted: boolean },
): Reply {
  demand(world, readers[from.type]);
  const { id, ...owner } = findObject(world, from.type, from.id);
  const query = parseMixed(asked, as.cast);
  const isMembers = related === 'members' || related === 'transitiveMembers';
  const hidden =
    isMembers && owner['visibility'] === 'HiddenMembership' && !world.roles.has('Member.Read.Hidden');
  if (hidden && world.quirks.hiddenMembers === 'refused') demand(world, ['Member.Read.Hidden']);
  const source = hidden ? new Sequence<Reference>() : targets(world, related, id);
  const keep = ({ type, id: target }: Reference) =>
    (as.cast === undefined || type === as.cast) &&
    // v1.0 does not list them, which its documents call a known issue.
    !(isMembers && type === 'servicePrincipal') &&
    (query.filter?.test(world.tenant.directory.find(target)?.entity ?? { id: target }) ?? true);
  if (as.counted) {
    if (asked.headers['consistencylevel'] !== 'eventual') {
      refuse(400, 'Request_BadRequest', '$count is not currently supported.');
    }
    return { status: 200, headers: { 'content-type': 'text/plain' }, body: String(countOf(source, keep)) };
  }
  const row = (reference: Reference) => mixed(world, reference, query.select);
  return list(world, asked, query, { source, keep, row, context: 'directoryObjects', ...largest });
}

function targets(world: World, related: Related, id: string): Sequence<Reference> {
  const { directory } = world.tenant;
  if (related === 'transitiveMembers') return directory.transitiveMembers(id);
  if (related === 'memberOf') return new Sequence(directory.memberOf(id));
  return directory.related(related, id);
}

/** Without a cast a name may belong to any type that can stand there. */
function parseMixed(asked: GraphAsked, cast: DirectoryType | undefined): Query {
  if (cast !== undefined) return parseQuery(asked, cast);
  const names = asked.params.get('$select')?.split(',') ?? [];
  const types = Object.keys(readers) as DirectoryType[];
  const fits = types.find((type) => names.every((name) => factsOf(type).properties.has(name)));
  return parseQuery(asked, fits ?? 'user');
}

/** A collection outside the directory, or one part of it. */
export function listEntities(
  world: World,
  asked: GraphAsked,
  query: Query,
  type: TypeName,
  source: Sequence<Entity>,
  size: {
    readonly defaultTop: number;
    readonly maximumTop: number;
    readonly countsPages?: boolean;
  } = largest,
): Reply {
  const row = (entity: Entity): Row => ({
    ...shown(type, entity, given(world, type, query.select)),
    ...expansion(world, entity, query.expand),
  });
  const context = `${type}s${query.select === undefined ? '' : `(${query.select.join(',')})`}`;
  const keep = query.filter?.test;
  return list(world, asked, query, {
    source,
    row,
    context,
    ...size,
    ...(keep === undefined ? {} : { keep }),
  });
}

function findObject(world: World, type: DirectoryType, id: string): Entity {
  const { objects } = world.tenant.directory;
  const byName = (one: Entity) => String(one['userPrincipalName']).toLowerCase() === id.toLowerCase();
  const found =
    objects[type].get(id.toLowerCase()) ?? (type === 'user' ? [...objects.user].find(byName) : undefined);
  return found ?? notFound(id);
}

export function notFound(what: string): never {
  const said = `Resource '${what}' does not exist or one of its queried reference-property objects are not present.`;
  refuse(404, 'Request_ResourceNotFound', said);
}

function checkSignIn(world: World, select: readonly string[] | undefined): void {
  if (select?.includes('signInActivity') !== true) return;
  if (!world.licences.premium) {
    const said = 'Neither tenant is B2C or tenant does not have premium license';
    refuse(403, 'Authentication_RequestFromNonPremiumTenantOrB2CTenant', said);
  }
  demand(world, ['AuditLog.Read.All']);
}

export function contextOf(asked: GraphAsked, what: string): string {
  return `${asked.origin}/v1.0/$metadata#${what}`;
}
