// SPDX-License-Identifier: Apache-2.0
import type { LdapEntry } from '../../src/connector/ldap/client.ts';
import { allOf, anyOf, equals, present, type Filter } from '../../src/connector/ldap/filter.ts';
import type { Presence, StreamProbe } from '../../src/connector/probe.ts';
import { outermost, type Base } from './bases.ts';
import { isWithin, parseExtendedDn } from './distinguished-name.ts';
import { guidBytes, guidOf } from './guid.ts';
import { groupAt, groupIdOf, membersOf } from './members.ts';
import { memberIdOf } from './membership-record.ts';
import { accountAttributes } from './primary-groups.ts';
import type { Session } from './session.ts';
import { sidBytes, sidOf } from './sid.ts';

const idsPerCall = 50;

/** A membership, by the ids of both ends. */
interface Edge {
  readonly id: string;
  readonly group: string;
  readonly member: string;
}

/**
 * Looks memberships up that a full pass did not meet, where groups and accounts stand now: one that moved from a base not yet read into one already read, or
 * whose OU was moved, was in neither. The member is asked for its groups, which is one question for all members of a call; where it does not tell (it is of
 * another domain, hidden, names no group at all, or too many for one answer) the list of the group is read. A list that the account may not read looks like an empty one
 * in every other question: here its members are there, and hidden. See docs/adr/0031-memberships-are-asked-for.md.
 */
export const membershipProbe: StreamProbe<Session> = {
  idsPerCall,
  async ask(session, ids) {
    const edges = ids.flatMap(edgeOf);
    const groups = await groupsOf(session, [...new Set(edges.map(({ group }) => group))]);
    const members = await membersById(session, [...new Set(edges.map(({ member }) => member))]);
    const answers = new Map<string, Presence>();
    const unanswered: Edge[] = [];
    const listed: Edge[] = [];
    for (const edge of edges) {
      const group = groups.get(edge.group);
      const member = members.get(edge.member);
      if (group === undefined) continue;
      if (member === undefined || tellsNotAll(member)) unanswered.push(edge);
      if (member === undefined) continue;
      if (isListed(member, group)) listed.push(edge);
      else if (isPrimary(session, member, group)) answers.set(edge.id, 'present');
    }
    const shown = await groupsWithMembers(session, [...new Set(listed.map(({ group }) => group))]);
    for (const { id, group } of listed) answers.set(id, shown.has(group) ? 'present' : 'hidden');
    for (const id of await listedOf(session, groups, unanswered)) answers.set(id, 'present');
    for (const id of await goneOf(
      session,
      edges.filter(({ id }) => !answers.has(id)),
    ))
      answers.set(id, 'gone');
    return answers;
  },
};

function edgeOf(id: string): readonly Edge[] {
  const at = id.indexOf('/');
  return at < 0 ? [] : [{ id, group: id.slice(0, at), member: id.slice(at + 1) }];
}

/** The groups that stand below the bases now, by id. */
async function groupsOf(session: Session, ids: readonly string[]): Promise<ReadonlyMap<string, LdapEntry>> {
  const found = await entriesOf(session, ids, {
    what: 'groups of memberships that look gone',
    attributes: ['objectGUID', 'objectSid'],
  });
  const { groups } = session.bases;
  return new Map(
    found.filter((entry) => standsBelow(entry, groups)).map((entry) => [groupIdOf(entry).id, entry] as const),
  );
}

/** Members by objectGUID and by SID, as rows name them. */
async function membersById(
  session: Session,
  ids: readonly string[],
): Promise<ReadonlyMap<string, LdapEntry>> {
  const found = await entriesOf(session, ids, {
    what: 'members of memberships that look gone',
    attributes: [...accountAttributes, 'objectSid', 'memberOf'],
  });
  return new Map(
    found.flatMap((entry) =>
      [
        guidOf(entry.bytes('objectGUID') ?? Buffer.alloc(0)),
        sidOf(entry.bytes('objectSid') ?? Buffer.alloc(0)),
      ]
        .filter((id) => id !== undefined)
        .map((id) => [id, entry] as const),
    ),
  );
}

async function entriesOf(
  { client, domain }: Session,
  ids: readonly string[],
  {
    what,
    attributes,
    and,
  }: { readonly what: string; readonly attributes: readonly string[]; readonly and?: Filter },
): Promise<readonly LdapEntry[]> {
  const filters = ids.map(idFilter).filter((filter) => filter !== undefined);
  if (filters.length === 0) return [];
  const search = {
    subject: `${what}, in ${domain.dn}`,
    base: domain.dn,
    scope: 'sub',
    filter: and === undefined ? anyOf(...filters) : allOf(and, anyOf(...filters)),
    attributes,
    controls: ['domainScope', 'extendedDn'],
  } as const;
  let found: LdapEntry[] = [];
  for await (const { start, entries } of client.pages(search)) found = [...(start ? [] : found), ...entries];
  return found;
}

function idFilter(id: string): Filter | undefined {
  const guid = guidBytes(id);
  if (guid !== undefined) return equals('objectGUID', guid);
  const sid = sidBytes(id);
  return sid === undefined ? undefined : equals('objectSid', sid);
}

function standsBelow(entry: LdapEntry, bases: readonly Base[]): boolean {
  const { dn } = parseExtendedDn(entry.dn);
  return bases.some((base) => isWithin(dn, base.dn));
}

/** Too many groups for one answer, or none, which is what a right that is missing gives too. */
function tellsNotAll(member: LdapEntry): boolean {
  return member.range('memberOf') !== undefined || member.values('memberOf').length === 0;
}

/** By what the member tells of itself. */
function isListed(member: LdapEntry, group: LdapEntry): boolean {
  const { id } = groupIdOf(group);
  return member.values('memberOf').some((dn) => typeof dn === 'string' && parseExtendedDn(dn).guid === id);
}

/** The primary group of an account, where such are read. */
function isPrimary({ bases }: Session, member: LdapEntry, group: LdapEntry): boolean {
  const { rid } = groupIdOf(group);
  const accounts = outermost([...bases.users, ...bases.computers]);
  return rid !== undefined && member.text('primaryGroupID') === rid && standsBelow(member, accounts);
}

/** Those of the groups whose list the account may read: of the others it is not shown whether there is anybody in it. */
async function groupsWithMembers(session: Session, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const found = await entriesOf(session, ids, {
    what: 'groups that show their members',
    attributes: ['objectGUID', 'objectSid'],
    and: present('member'),
  });
  return new Set(found.map((entry) => groupIdOf(entry).id));
}

/** Ids of the memberships that the lists of their groups hold. */
async function listedOf(
  { client }: Session,
  groups: ReadonlyMap<string, LdapEntry>,
  edges: readonly Edge[],
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const [id, ofGroup] of Map.groupBy(edges, ({ group }) => group)) {
    const dn = parseExtendedDn(groups.get(id)?.dn ?? '').dn;
    const group = await groupAt(client, `<GUID=${id}>`, dn);
    if (group === undefined) continue;
    const wanted = new Map(ofGroup.map((edge) => [edge.member, edge.id]));
    for await (const part of membersOf(client, group)) {
      for (const listed of part ?? []) {
        const edge = wanted.get(memberIdOf(listed)?.id ?? '');
        if (edge !== undefined) found.push(edge);
      }
    }
  }
  return found;
}

/** Ids of those of which the directory states that an end was deleted. */
async function goneOf({ deleted }: Session, edges: readonly Edge[]): Promise<readonly string[]> {
  const ends = [...new Set(edges.flatMap(({ group, member }) => [group, member]))];
  const gone = new Set(await deleted.among(ends));
  return edges.filter(({ group, member }) => gone.has(group) || gone.has(member)).map(({ id }) => id);
}
