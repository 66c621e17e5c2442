// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import { concernsStream, hasLostItsPlace, isNotOffered } from './answers.ts';
import { begunAnew, changesOrAll } from './beginning-anew.ts';
import { after, beginning, pageOf, stillLate } from './delta-round.ts';
import { usableCursor, type ScopeEvent, type ScopeRequest } from './reading.ts';
import { PageGuard, type Graph, type GraphPage, type GraphRequest } from './graph.ts';
import { memberLists } from './group-member-lists.ts';
import { memberKindOf } from './group-record.ts';
import { idIn, isObject, isSafeId, propertyOf } from './raw-row.ts';
import type { Session } from './session.ts';
import { isGranted } from './token-roles.ts';
import type { Checkpoint, Cursor } from './wire.ts';

const scope = 'memberships';
const subject = 'memberships (needs GroupMember.Read.All)';
const hiddenPermission = 'Member.Read.Hidden';
/** Names what is asked for, as a cursor of something else would lead to something else. */
const select = 'members-1';
/** The same of lists of members, which have no cursor. */
const listSelect = 'members-listed-1';
const maxGone = 1000;
/** Groups in a page: what an interruption costs is their lists. */
const groupsPerPage = 100;

const firstRequest: GraphRequest = {
  subject,
  path: 'groups/delta',
  query: { $select: 'id,visibility,members' },
};

/**
 * Reads the members of all groups by delta queries. The first round gives every group, a large one in several entries that add up, which
 * need not stand together; later rounds tell who came and who went. All of it is one scope: a round says nothing of a single group's end.
 */
export async function* readMemberships(
  session: Session,
  request: ScopeRequest,
): AsyncGenerator<ScopeEvent, void, void> {
  if (request.ended(scope)) return;
  try {
    yield* readScope(session, request);
  } catch (error) {
    if (!concernsStream(error)) throw error;
    yield { type: 'unverified', scope, failure: error };
  }
}

/** Asks for a round from now on, which gives nothing and costs next to nothing; of a tenant without, for a group. */
export async function testMemberships({ graph, roles }: Session): Promise<string> {
  const tracked = await isTracked(graph);
  if (!tracked) await graph.page(groupsRequest(1));
  const hidden =
    roles === undefined || isGranted(roles, hiddenPermission)
      ? ''
      : `; groups that hide their members need ${hiddenPermission}`;
  const how = tracked
    ? 'groups/delta with members: readable'
    : 'groups: readable; groups/delta is not available, so that every run lists the members of each group';
  return `${how}${hidden}`;
}

async function isTracked(graph: Graph): Promise<boolean> {
  try {
    await graph.page({ ...firstRequest, query: { ...firstRequest.query, $deltatoken: 'latest' } });
    return true;
  } catch (error) {
    if (!isNotOffered(error)) throw error;
    return false;
  }
}

function readScope(session: Session, request: ScopeRequest): AsyncGenerator<ScopeEvent, void, void> {
  const checkpoint = request.checkpoint(scope);
  if (checkpoint?.select === listSelect) return readLists(session, checkpoint);
  const stored = checkpoint?.select === select ? checkpoint : undefined;
  if (stored?.phase === 'list') return readAll(session, stored);
  const cursor = usableCursor(session, request.cursor(scope), select);
  return changesOrAll({ scope, subject }, request, {
    changes: cursor === undefined ? undefined : readRound(session, cursor, stored),
    all: () => readAll(session, undefined),
  });
}

async function* readRound(
  session: Session,
  cursor: Cursor,
  stored: Checkpoint | undefined,
): AsyncGenerator<ScopeEvent, void, void> {
  const start = beginning(session, select, cursor);
  // Groups that were not found twice: the next full pass speaks.
  if (stored === undefined) yield* givenLists(session, inAnyView(cursor.late ?? []), start);
  const ask: Ask = (state) => pageOf(session, subject, state, start);
  const end = yield* readPages(stored ?? start, ask, async function* (from, { untold, told }) {
    const { missing } = yield* givenLists(session, inAnyView(untold), from);
    return stillLate(from.late, told, missing, subject);
  });
  // Members who were given before their group went, in the pass before, were seen by it, and stayed: this pass has seen none of them. Said at the end: a
  // round whose link is refused may begin anew as long as nothing was given.
  const { gone: goneBefore = [] } = cursor;
  if (goneBefore.length > 0) yield { type: 'page', scope, rows: [], complete: goneBefore, checkpoint: end };
  const { deltaLink = cursor.deltaLink, at, rows, pages, late, gone = [] } = end;
  const still = { ...(late.length === 0 ? {} : { late }), ...(gone.length === 0 ? {} : { gone }) };
  const evidence = { rows, pages, ...(late.length === 0 ? {} : { late: late.length }) };
  yield { type: 'end', scope, coverage: 'Window', evidence, cursor: { deltaLink, select, at, ...still } };
}

interface Given {
  readonly rows: number;
  readonly hidden: NonNullable<Checkpoint['hidden']>;
  /** Groups that were not found. */
  readonly missing: readonly string[];
}

/** Groups by id with their visibility, which matters only where an empty list does. */
type Groups = ReadonlyMap<string, unknown>;

function inAnyView(ids: readonly string[]): Groups {
  return new Map(ids.map((id) => [id, undefined]));
}

/**
 * Gives the members of groups as they stand. The checkpoint stays that of what asked for them, so that it is asked again when it was
 * interrupted among them.
 */
async function* givenLists(
  { graph }: Session,
  groups: Groups,
  checkpoint: Checkpoint,
): AsyncGenerator<ScopeEvent, Given, void> {
  const ids = [...groups.keys()];
  if (!ids.every(isSafeId))
    throw new Failure('contract', `${subject}: a group has an id that is none of the directory's form`);
  const lists = memberLists(graph, subject, ids);
  let [given, hidden] = [0, noneHidden];
  for (let next = await lists.next(); ; next = await lists.next()) {
    if (next.done === true) return { rows: given, hidden, missing: next.value };
    const entries = next.value.map(({ groupId, members, isFirst }) => ({
      ...{ id: groupId, 'members@delta': members },
      ...(isFirst ? { visibility: groups.get(groupId) } : {}),
    }));
    const edges = edgesOf(entries);
    given += edges.rows.length;
    hidden = withHidden(hidden, edges.hidden);
    yield { type: 'page', scope, rows: edges.rows, checkpoint };
  }
}

const noneHidden: NonNullable<Checkpoint['hidden']> = { groups: 0, withMembers: 0 };

function withHidden(one: Checkpoint['hidden'] = noneHidden, other: Edges['hidden']): Edges['hidden'] {
  return { groups: one.groups + other.groups, withMembers: one.withMembers + other.withMembers };
}

function groupsRequest(pageSize: number): GraphRequest {
  return { subject, path: 'groups', query: { $select: 'id,visibility', $top: String(pageSize) } };
}

/**
 * Of a tenant without delta queries (B2C) all groups, page by page, and the members of each. There is no place to go on from, so that every run
 * reads it.
 */
async function* readLists(
  session: Session,
  stored: Checkpoint | undefined,
): AsyncGenerator<ScopeEvent, void, void> {
  let state = stored ?? beginningOfAll(session, listSelect);
  const first = groupsRequest(Math.min(session.pageSize, groupsPerPage));
  const guard = new PageGuard(subject);
  while (state.next !== undefined) {
    const { next: here, ...others } = state;
    const page = await session.graph.page(here === '' ? first : { subject, path: here });
    const { told, rows } = edgesOf(page.rows);
    const views = new Map(page.rows.map((row) => [idIn(row), propertyOf(row, 'visibility')]));
    const groups = new Map(told.map((id) => [id, views.get(id)]));
    const given = yield* givenLists(session, groups, state);
    // Gone since, or not known yet to the replica that was asked.
    const again = yield* givenLists(session, new Map(given.missing.map((id) => [id, groups.get(id)])), state);
    const next = guard.next(page);
    state = {
      ...others,
      ...(next === undefined ? {} : { next }),
      rows: state.rows + given.rows + again.rows,
      pages: state.pages + 1,
      hidden: withHidden(withHidden(state.hidden, given.hidden), again.hidden),
      late: stillLate(state.late, [], again.missing, subject),
    };
    yield { type: 'page', scope, rows, checkpoint: state };
  }
  const { rows, pages, hidden, late } = state;
  const evidence = { rows, pages, delta: 'not available' };
  const failure = hiddenFailure(session, hidden) ?? missingFailure(late);
  if (failure !== undefined) return yield { type: 'unverified', scope, failure, evidence };
  yield { type: 'end', scope, coverage: 'Full', evidence };
}

/** Members of a group that is there for the listing and cannot be found are not members that are gone. */
function missingFailure({ length }: readonly string[]): Failure | undefined {
  if (length === 0) return undefined;
  const message = `${subject}: ${length} groups were listed, and their members were not found; nothing is taken as deleted, and the next run lists them again`;
  return new Failure('unavailable', message);
}

/** The state before the first page of everything. */
function beginningOfAll(session: Session, selected: string): Checkpoint {
  const start = beginning(session, selected, { deltaLink: '', select: selected, at: '' });
  return { ...start, phase: 'list', hidden: noneHidden };
}

/** The first round. Its delta link comes with its last page, so that it cannot begin anew once it has given a page. */
async function* readAll(
  session: Session,
  stored: Checkpoint | undefined,
): AsyncGenerator<ScopeEvent, void, void> {
  let pages = stored?.pages ?? 0;
  const ask: Ask = async (from) => {
    const { next = '' } = from;
    const page = await session.graph.page(next === '' ? firstRequest : { subject, path: next });
    pages = from.pages + 1;
    return { page, from };
  };
  let end: Checkpoint;
  try {
    end = yield* readPages(stored ?? beginningOfAll(session, select), ask);
  } catch (error) {
    if (pages === 0 && isNotOffered(error)) return yield* readLists(session, undefined);
    if (pages === 0 || !hasLostItsPlace(error)) throw error;
    return yield { type: 'unverified', scope, failure: begunAnew(subject, error) };
  }
  const { deltaLink = '', at, rows, hidden } = end;
  const evidence = { rows, pages };
  const failure = hiddenFailure(session, hidden);
  if (failure !== undefined) return yield { type: 'unverified', scope, failure, evidence };
  yield { type: 'end', scope, coverage: 'Full', evidence, cursor: { deltaLink, select, at } };
}

type Ask = (state: Checkpoint) => Promise<{ readonly page: GraphPage; readonly from: Checkpoint }>;

/** What a page calls for before it is written; returns who is waited for behind it. */
type Before = (from: Checkpoint, edges: Edges) => AsyncGenerator<ScopeEvent, string[], void>;

/** Yields the pages of a round and returns the state behind its last one. */
async function* readPages(
  stored: Checkpoint,
  ask: Ask,
  before?: Before,
): AsyncGenerator<ScopeEvent, Checkpoint, void> {
  const guard = new PageGuard(subject);
  let state = stored;
  while (state.next !== undefined) {
    const { page, from } = await ask(state);
    const edges = edgesOf(page.rows);
    const { rows, removed, gone, hidden } = edges;
    const late = before === undefined ? from.late : yield* before(from, edges);
    state = { ...after(from, page, subject, guard), rows: from.rows + rows.length, late };
    if (from.phase === 'round') state = { ...state, gone: stillGone(from.gone, edges) };
    if (from.hidden !== undefined) state = { ...state, hidden: withHidden(from.hidden, hidden) };
    yield {
      type: 'page',
      scope,
      rows,
      ...(removed.length === 0 ? {} : { removed }),
      ...(gone.length === 0 ? {} : { complete: gone }),
      checkpoint: state,
    };
  }
  return state;
}

/** Groups that went in the round and have not come back; of more than can be kept the next full pass speaks. */
function stillGone(before: readonly string[] = [], { told, gone }: Edges): string[] {
  const spoken = new Set(told);
  return [...before.filter((id) => !spoken.has(id)), ...gone].slice(-maxGone);
}

interface Edges {
  readonly rows: readonly unknown[];
  /** Ids of memberships. */
  readonly removed: readonly string[];
  /** Groups that were deleted: none of their memberships is left. */
  readonly gone: readonly string[];
  /** Groups that the page speaks of. */
  readonly told: readonly string[];
  /**
   * Of them those that came back after they were deleted, and those without a word on members. In a first round these have none; in a later
   * one they are new, have come back, or something else of them changed, and nothing says which.
   */
  readonly untold: readonly string[];
  readonly hidden: { readonly groups: number; readonly withMembers: number };
}

/**
 * What the entries of a page say of members; of several words on one membership the last one counts. Service principals are left out: the
 * listings of v1.0 do not give them as members (vendor's known issue), so that whoever tells of one, no full round would confirm it. Pure.
 */
export function edgesOf(entries: readonly unknown[]): Edges {
  const rows = new Map<string, unknown>();
  const removed = new Set<string>();
  const gone = new Set<string>();
  const told = new Set<string>();
  const untold = new Set<string>();
  const odd: unknown[] = [];
  const hidden = { groups: 0, withMembers: 0 };
  for (const entry of entries) {
    const groupId = idIn(entry);
    if (groupId === undefined) {
      odd.push(entry);
      continue;
    }
    const isFirst = !told.has(groupId);
    told.add(groupId);
    if (isObject(propertyOf(entry, '@removed'))) {
      untold.delete(groupId);
      for (const [id] of rows) if (id.startsWith(`${groupId}/`)) rows.delete(id);
      gone.add(groupId);
      continue;
    }
    const said = propertyOf(entry, 'members@delta');
    const members: readonly unknown[] = Array.isArray(said) ? said : [];
    if (gone.delete(groupId) || (isFirst && !Array.isArray(said))) untold.add(groupId);
    if (propertyOf(entry, 'visibility') === 'HiddenMembership') {
      hidden.groups += 1;
      hidden.withMembers += members.length === 0 ? 0 : 1;
    }
    for (const member of members) {
      const type = propertyOf(member, '@odata.type');
      if (memberKindOf(typeof type === 'string' ? type : undefined) === 'ServicePrincipal') continue;
      const memberId = idIn(member);
      const row = {
        groupId,
        member: { ...(typeof type === 'string' ? { '@odata.type': type } : {}), id: memberId },
      };
      if (memberId === undefined) {
        odd.push(row);
      } else if (isObject(propertyOf(member, '@removed'))) {
        rows.delete(`${groupId}/${memberId}`);
        removed.add(`${groupId}/${memberId}`);
      } else {
        removed.delete(`${groupId}/${memberId}`);
        rows.set(`${groupId}/${memberId}`, row);
      }
    }
  }
  return {
    rows: [...odd, ...rows.values()],
    ...{ removed: [...removed], gone: [...gone], told: [...told], untold: [...untold], hidden },
  };
}

/**
 * Groups with hidden membership look empty to whoever lacks the right, and so do those that are. One that gave members proves the right; else
 * the token may.
 */
function hiddenFailure({ roles }: Session, hidden: Checkpoint['hidden']): Failure | undefined {
  if (hidden === undefined || hidden.groups === 0 || hidden.withMembers > 0) return undefined;
  if (roles !== undefined && isGranted(roles, hiddenPermission)) return undefined;
  const message = `memberships: ${hidden.groups} groups hide their members, and none was given; grant ${hiddenPermission} with admin consent. Nothing is taken as deleted`;
  return new Failure('permission', message);
}
