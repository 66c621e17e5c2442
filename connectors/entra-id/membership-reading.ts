// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import { concernsStream, PageTokenExpired, ResyncRequired } from './answers.ts';
import { after, beginning, pageOf } from './delta-round.ts';
import { usableCursor, type ScopeEvent, type ScopeRequest } from './reading.ts';
import { PageGuard, type GraphPage, type GraphRequest } from './graph.ts';
import { memberKindOf } from './group-record.ts';
import { idIn, isObject, propertyOf } from './raw-row.ts';
import type { Session } from './session.ts';
import { isGranted } from './token-roles.ts';
import type { Checkpoint } from './wire.ts';

const scope = 'memberships';
const subject = 'memberships (needs GroupMember.Read.All)';
const hiddenPermission = 'Member.Read.Hidden';
/** Names what is asked for, as a cursor of something else would lead to something else. */
const select = 'members-1';
const maxRestarts = 3;

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

async function* readScope(session: Session, request: ScopeRequest): AsyncGenerator<ScopeEvent, void, void> {
  const checkpoint = request.checkpoint(scope);
  const stored = checkpoint?.select === select ? checkpoint : undefined;
  const cursor = usableCursor(session, request.cursor(scope), select);
  if (cursor === undefined || stored?.phase === 'list') return yield* readAll(session, stored);
  try {
    const start = beginning(session, select, cursor);
    const end = yield* readPages(stored ?? start, (state) => pageOf(session, subject, state, start));
    const { deltaLink = cursor.deltaLink, at, rows, pages } = end;
    const next = { deltaLink, select, at };
    yield { type: 'end', scope, coverage: 'Window', evidence: { rows, pages }, cursor: next };
  } catch (error) {
    if (!(error instanceof ResyncRequired || error instanceof PageTokenExpired)) throw error;
    yield* readAll(session, undefined);
  }
}

async function* readAll(
  session: Session,
  stored: Checkpoint | undefined,
): AsyncGenerator<ScopeEvent, void, void> {
  const start: Checkpoint = {
    ...beginning(session, select, { deltaLink: '', select, at: '' }),
    phase: 'list',
    hidden: { groups: 0, withMembers: 0 },
  };
  const end = yield* readPages(stored ?? start, (state) => firstRound(session, state, start));
  const { deltaLink = '', at, rows, pages, restarts, hidden } = end;
  const evidence = { rows, pages, ...(restarts === 0 ? {} : { restarts }) };
  const failure = hiddenFailure(session, hidden);
  if (failure !== undefined) return yield { type: 'unverified', scope, failure, evidence };
  yield { type: 'end', scope, coverage: 'Full', evidence, cursor: { deltaLink, select, at } };
}

/** A page of the first round, which begins anew when its page token has ended: what came before stays written. */
async function firstRound(
  { graph }: Session,
  state: Checkpoint,
  start: Checkpoint,
): Promise<{ readonly page: GraphPage; readonly from: Checkpoint }> {
  const ask = ({ next = '' }: Checkpoint) => graph.page(next === '' ? firstRequest : { subject, path: next });
  try {
    return { page: await ask(state), from: state };
  } catch (error) {
    const lost = error instanceof PageTokenExpired || error instanceof ResyncRequired;
    if (!lost || state.restarts >= maxRestarts || state.next === '') throw error;
    const from = { ...start, restarts: state.restarts + 1 };
    return { page: await ask(from), from };
  }
}

type Ask = (state: Checkpoint) => Promise<{ readonly page: GraphPage; readonly from: Checkpoint }>;

/** Yields the pages of a round and returns the state behind its last one. */
async function* readPages(stored: Checkpoint, ask: Ask): AsyncGenerator<ScopeEvent, Checkpoint, void> {
  const guard = new PageGuard(subject);
  let state = stored;
  while (state.next !== undefined) {
    const { page, from } = await ask(state);
    const { rows, removed, gone, hidden } = edgesOf(page.rows);
    state = { ...after(from, page, subject, guard), rows: from.rows + rows.length };
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
  const odd: unknown[] = [];
  const hidden = { groups: 0, withMembers: 0 };
  for (const entry of entries) {
    const groupId = idIn(entry);
    if (groupId === undefined) {
      odd.push(entry);
      continue;
    }
    if (isObject(propertyOf(entry, '@removed'))) {
      for (const [id] of rows) if (id.startsWith(`${groupId}/`)) rows.delete(id);
      gone.add(groupId);
      continue;
    }
    gone.delete(groupId);
    const told = propertyOf(entry, 'members@delta');
    const members: readonly unknown[] = Array.isArray(told) ? told : [];
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
  return { rows: [...odd, ...rows.values()], removed: [...removed], gone: [...gone], hidden };
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
