// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import { concernsStream, hasLostItsPlace } from './answers.ts';
import { begunAnew, changesOrAll } from './beginning-anew.ts';
import { after, beginning, pageOf, stillLate } from './delta-round.ts';
import { usableCursor, type ScopeEvent, type ScopeRequest } from './reading.ts';
import { PageGuard, type GraphPage, type GraphRequest } from './graph.ts';
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

/** Asks for a round from now on, which gives nothing and costs next to nothing. */
export async function testMemberships({ graph, roles }: Session): Promise<string> {
  await graph.page({ ...firstRequest, query: { ...firstRequest.query, $deltatoken: 'latest' } });
  const hidden =
    roles === undefined || isGranted(roles, hiddenPermission)
      ? ''
      : `; groups that hide their members need ${hiddenPermission}`;
  return `groups/delta with members: readable${hidden}`;
}

function readScope(session: Session, request: ScopeRequest): AsyncGenerator<ScopeEvent, void, void> {
  const checkpoint = request.checkpoint(scope);
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
  if (stored === undefined && cursor.late !== undefined) yield* givenLists(session, cursor.late, start);
  const ask: Ask = (state) => pageOf(session, subject, state, start);
  const end = yield* readPages(stored ?? start, ask, async function* (from, { untold, told }) {
    const missing = yield* givenLists(session, untold, from);
    return stillLate(from.late, told, missing, subject);
  });
  const { deltaLink = cursor.deltaLink, at, rows, pages, late } = end;
  const still = late.length === 0 ? {} : { late };
  const evidence = { rows, pages, ...(late.length === 0 ? {} : { late: late.length }) };
  yield { type: 'end', scope, coverage: 'Window', evidence, cursor: { deltaLink, select, at, ...still } };
}

/**
 * Gives the members of groups as they stand, and returns the groups that were not found. The checkpoint stays that of what asked for them, so that
 * it is asked again when it was interrupted among them.
 */
async function* givenLists(
  { graph }: Session,
  groupIds: readonly string[],
  checkpoint: Checkpoint,
): AsyncGenerator<ScopeEvent, readonly string[], void> {
  if (!groupIds.every(isSafeId))
    throw new Failure('contract', `${subject}: a group has an id that is none of the directory's form`);
  const lists = memberLists(graph, subject, groupIds);
  for (let next = await lists.next(); ; next = await lists.next()) {
    if (next.done === true) return next.value;
    const { rows } = edgesOf(next.value.map((list) => ({ id: list.groupId, 'members@delta': list.members })));
    yield { type: 'page', scope, rows, checkpoint };
  }
}

/** The first round. Its delta link comes with its last page, so that it cannot begin anew once it has given a page. */
async function* readAll(
  session: Session,
  stored: Checkpoint | undefined,
): AsyncGenerator<ScopeEvent, void, void> {
  const start: Checkpoint = {
    ...beginning(session, select, { deltaLink: '', select, at: '' }),
    phase: 'list',
    hidden: { groups: 0, withMembers: 0 },
  };
  let pages = stored?.pages ?? 0;
  const ask: Ask = async (from) => {
    const { next = '' } = from;
    const page = await session.graph.page(next === '' ? firstRequest : { subject, path: next });
    pages = from.pages + 1;
    return { page, from };
  };
  let end: Checkpoint;
  try {
    end = yield* readPages(stored ?? start, ask);
  } catch (error) {
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
    if (from.hidden !== undefined) {
      const groups = from.hidden.groups + hidden.groups;
      state = { ...state, hidden: { groups, withMembers: from.hidden.withMembers + hidden.withMembers } };
    }
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
  return new Failure('permission', message, { audience: 'administrator of the tenant' });
}
