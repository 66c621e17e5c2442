// SPDX-License-Identifier: Apache-2.0
import type { Change, Directory, DirectoryType, Entity, Reference, Relation } from './directory.ts';
import { linkTo } from './listing.ts';
import { selection } from './query.ts';
import { graphError, ok, refuse, Refusal, type Reply } from './reply.ts';
import type { Row } from './rows.ts';
import { factsOf } from './schema.ts';
import { contextOf } from './resources.ts';
import { demand, readers, type GraphAsked, type World } from './world.ts';

/** What a round tracks: fixed by its first request, carried in its tokens. */
interface Tracked {
  readonly type: DirectoryType;
  /** Properties and relations; the default set when absent. */
  readonly select?: readonly string[];
  readonly ids?: readonly string[];
  /** `Prefer: return=minimal`, which belongs to each request and is not in the token. */
  readonly minimal?: boolean;
}

/** A round without a deltaLink before it: every object, then in further passes the rest of long lists. */
interface FirstRound extends Tracked {
  readonly round: 'first';
  readonly position: number;
  readonly pass: number;
  readonly page: number;
  /** Number of the last change before it began. */
  readonly since: number;
}

interface LaterRound extends Tracked {
  readonly round: 'later';
  readonly position: number;
  readonly page: number;
  readonly since: number;
  readonly upTo: number;
}

interface Place extends Tracked {
  readonly since: number;
}

const trackable: Readonly<Record<string, readonly Relation[]>> = {
  user: ['manager'],
  group: ['members', 'owners'],
};

/** `/users/delta` and its like. */
export function delta(world: World, asked: GraphAsked, type: DirectoryType): Reply {
  demand(world, readers[type]);
  const skip = asked.params.get('$skiptoken');
  if (skip !== null) return continued(world, asked, type, skip);
  const token = asked.params.get('$deltatoken') ?? '';
  if (token === '' || token === 'latest') {
    const tracked = trackedBy(asked, type);
    const since = world.visibleChanges();
    if (token === 'latest') return page(world, asked, [], 'deltaLink', { ...tracked, since });
    return firstPage(world, asked, { ...tracked, round: 'first', position: 0, pass: 0, page: 0, since });
  }
  const opened = world.deltaTokens.open<Place>(token);
  if (opened === 'expired') throw new Refusal(tooOld(world, asked));
  if (opened === 'unknown' || opened.state.type !== type) {
    return refuse(
      400,
      'syncStateNotFound',
      'The sync state generation is not found; a full sync is required.',
    );
  }
  const { state } = opened;
  const since = Math.max(0, state.since - world.quirks.deltaReplay);
  const upTo = world.visibleChanges();
  return laterPage(world, asked, { ...state, round: 'later', position: 0, page: 0, since, upTo });
}

function continued(world: World, asked: GraphAsked, type: DirectoryType, token: string): Reply {
  const opened = world.pages.open<FirstRound | LaterRound>(token);
  if (opened === 'expired')
    refuse(400, 'Directory_ExpiredPageToken', 'The specified page token value has expired.');
  if (opened === 'unknown' || opened.state.type !== type) {
    refuse(400, 'Request_BadRequest', 'The specified page token value is invalid.');
  }
  const { state } = opened;
  return state.round === 'first' ? firstPage(world, asked, state) : laterPage(world, asked, state);
}

/** The options of the first request; refuses what a delta query does not support. */
function trackedBy(asked: GraphAsked, type: DirectoryType): Tracked {
  const { params } = asked;
  for (const name of params.keys()) {
    if (['$select', '$filter', '$deltatoken'].includes(name)) continue;
    refuse(400, 'Request_BadRequest', `The query parameter '${name}' is not supported by delta queries.`);
  }
  const select = params.get('$select');
  const filter = params.get('$filter');
  return {
    type,
    ...(select === null ? {} : { select: selection(select, type) }),
    ...(filter === null ? {} : { ids: idsOf(filter) }),
  };
}

function idsOf(filter: string): string[] {
  const ids = filter.split(/\s+or\s+/u).map((part) => /^\s*id eq '([^']+)'\s*$/u.exec(part)?.[1]);
  if (ids.length > 50 || ids.includes(undefined)) {
    refuse(
      400,
      'Request_BadRequest',
      "Only 'id eq', at most 50 joined by 'or', is supported by delta queries.",
    );
  }
  return ids as string[];
}

function tooOld(world: World, asked: GraphAsked): Reply {
  const said = 'Resync required. The delta token is too old.';
  switch (world.quirks.deltaExpiry) {
    case 'gone':
      return graphError(410, '', said, { location: linkTo(asked, '$deltatoken', '') });
    case 'syncStateNotFound':
      return graphError(400, 'syncStateNotFound', said);
    case 'resyncRequired':
      return {
        status: 400,
        body: {
          error: { code: 'Request_BadRequest', message: said, innerError: { code: 'resyncRequired' } },
        },
      };
  }
}

function firstPage(world: World, asked: GraphAsked, at: FirstRound): Reply {
  const { directory } = world.tenant;
  const { quirks } = world;
  const objects = directory.objects[at.type];
  const relations = relationsOf(at);
  const longest = () =>
    [...objects].reduce(
      (most, { id }) => Math.max(most, ...relations.map((relation) => directory.related(relation, id).end)),
      0,
    );
  const rows: Row[] = [];
  let { position, pass } = at;
  if (!isEmptyPage(world, at.page)) {
    for (; position < objects.end && rows.length < quirks.deltaPage; position += 1) {
      const entity = objects.at(position);
      if (entity === undefined || at.ids?.includes(entity.id) === false) continue;
      const from = pass * quirks.deltaMembers;
      const lists = relations.flatMap((relation) => {
        const list = directory.related(relation, entity.id);
        const part = range(from, Math.min(list.end, from + quirks.deltaMembers)).flatMap(
          (slot) => list.at(slot) ?? [],
        );
        const seen = part.filter((reference) => isTracked(world, relation, reference));
        return seen.length === 0 ? [] : [[`${relation}@delta`, seen.map(plain)] as const];
      });
      if (pass === 0 || lists.length > 0) rows.push({ ...known(at, entity), ...Object.fromEntries(lists) });
    }
    if (position >= objects.end) {
      position = 0;
      pass += 1;
      if (pass * quirks.deltaMembers >= longest()) {
        return page(world, asked, rows, 'deltaLink', placeOf(at, at.since));
      }
    }
  }
  return page(world, asked, rows, 'nextLink', { ...at, position, pass, page: at.page + 1 });
}

function laterPage(world: World, asked: GraphAsked, at: LaterRound): Reply {
  const { directory } = world.tenant;
  const { quirks } = world;
  const minimal = quirks.deltaSparse || String(asked.headers['prefer'] ?? '').includes('return=minimal');
  const entries = entriesOf(world, at, minimal);
  if (isEmptyPage(world, at.page) && entries.length > 0) {
    return page(world, asked, [], 'nextLink', { ...at, page: at.page + 1 });
  }
  // An entry that has come already comes again.
  const begin = quirks.deltaRepeats && at.position > 0 ? at.position - 1 : at.position;
  const end = at.position + quirks.deltaPage;
  const rows = entries.slice(begin, end);
  return end < entries.length
    ? page(world, asked, rows, 'nextLink', { ...at, position: end, page: at.page + 1 })
    : page(world, asked, rows, 'deltaLink', placeOf(at, Math.min(at.upTo, directory.sequence)));
}

/** What has become of every object with a change in the round, in the order of their last changes. */
function entriesOf(world: World, at: LaterRound, minimal: boolean): Row[] {
  const byId = new Map<string, Change[]>();
  for (const change of world.tenant.directory.changesBetween(at.since, at.upTo)) {
    if (change.type !== at.type || at.ids?.includes(change.id) === false) continue;
    const changes = byId.get(change.id) ?? [];
    changes.push(change);
    byId.delete(change.id);
    byId.set(change.id, changes);
  }
  return [...byId]
    .map(([id, changes]) => entryOf(world, at, id, changes, minimal))
    .filter((entry) => entry !== undefined);
}

function entryOf(
  world: World,
  at: LaterRound,
  id: string,
  changes: readonly Change[],
  minimal: boolean,
): Row | undefined {
  const { directory } = world.tenant;
  const found = directory.find(id);
  if (found === undefined) {
    return { id, '@removed': { reason: directory.isSoftDeleted(id) ? 'changed' : 'deleted' } };
  }
  const changed = new Set(changes.flatMap(({ properties }) => properties));
  const names = namesOf(at).filter((name) => changed.has(name));
  const lists = relationsOf(at).flatMap((relation) => {
    const list = relationChanges(world, directory, id, relation, changes);
    return list.length === 0 ? [] : [[`${relation}@delta`, list] as const];
  });
  if (names.length === 0 && lists.length === 0) return undefined;
  const row = minimal ? picked(found.entity, ['id', ...names]) : known(at, found.entity);
  return { ...row, ...Object.fromEntries(lists) };
}

/** Additions and removals of a relation, each end once, as it stands now. */
function relationChanges(
  world: World,
  directory: Directory,
  id: string,
  relation: Relation,
  changes: readonly Change[],
): Row[] {
  const touched = new Map<string, Reference>();
  for (const { related } of changes)
    if (related?.relation === relation) touched.set(related.to.id, related.to);
  const present = directory.related(relation, id);
  return [...touched.values()]
    .filter((reference) => isTracked(world, relation, reference))
    .map((reference) =>
      present.has(reference.id)
        ? plain(reference)
        : { ...plain(reference), '@removed': { reason: 'deleted' } },
    );
}

function page(
  world: World,
  asked: GraphAsked,
  value: readonly Row[],
  link: 'nextLink' | 'deltaLink',
  state: Place | FirstRound | LaterRound,
): Reply {
  const token = link === 'nextLink' ? world.pages.seal(state) : world.deltaTokens.seal(state);
  const name = link === 'nextLink' ? '$skiptoken' : '$deltatoken';
  // The options are in the token.
  const bare = { ...asked, params: new URLSearchParams() };
  return ok({
    '@odata.context': contextOf(asked, `${state.type}s`),
    [`@odata.${link}`]: linkTo(bare, name, token),
    value,
  });
}

function placeOf({ type, select, ids }: Tracked, since: number): Place {
  return { type, since, ...(select === undefined ? {} : { select }), ...(ids === undefined ? {} : { ids }) };
}

/** All selected properties that were ever set; cleared ones are null. */
function known(tracked: Tracked, entity: Entity): Row {
  return picked(entity, ['id', ...namesOf(tracked)]);
}

function picked(entity: Entity, names: readonly string[]): Row {
  return Object.fromEntries(
    names.flatMap((name) => (entity[name] === undefined ? [] : [[name, entity[name]]])),
  );
}

/** Properties of the round; those that are kept elsewhere raise no changes and do not come. */
function namesOf({ type, select }: Tracked): string[] {
  const { properties, defaults, singleOnly } = factsOf(type);
  const names = select ?? defaults ?? [...properties];
  return names.filter((name) => properties.has(name) && !singleOnly.has(name) && name !== 'signInActivity');
}

function relationsOf({ type, select }: Tracked): Relation[] {
  return (trackable[type] ?? []).filter((relation) => select?.includes(relation) === true);
}

function isTracked({ quirks }: World, relation: Relation, { type }: Reference): boolean {
  return relation !== 'members' || type !== 'servicePrincipal' || quirks.deltaServicePrincipals;
}

function isEmptyPage({ quirks: { emptyPageEvery } }: World, number: number): boolean {
  return emptyPageEvery > 0 && number % emptyPageEvery === emptyPageEvery - 1;
}

function plain({ id, type }: Reference): Row {
  return { '@odata.type': `#microsoft.graph.${type}`, id };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
}
