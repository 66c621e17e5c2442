// SPDX-License-Identifier: Apache-2.0
import type { ReadRequest } from '../../src/connector/contract.ts';
import { defineStream } from '../../src/connector/define-stream.ts';
import type { LdapEntry } from '../../src/connector/ldap/client.ts';
import { outermost, type Base } from './bases.ts';
import { groupKind } from './groups.ts';
import { HiddenLists } from './hidden-lists.ts';
import { groupAttributesForMembers, groupIdOf, groupsPerPage, membersOf } from './members.ts';
import { membershipProbe } from './membership-probe.ts';
import { memberIdOf, membershipId, toMembership } from './membership-record.ts';
import { testBases } from './object-stream.ts';
import { accountAttributes, accountFilter, PrimaryGroups } from './primary-groups.ts';
import { readScope, scopeName, type ScopeEvent, type ScopePage, type ScopeReading } from './scope.ts';
import type { Session } from './session.ts';
import { Checkpoint, Cursor, MemberRow } from './wire.ts';

/** Rows that are handed on together. */
const rowsPerPage = 1000;

export const memberships = defineStream({
  name: 'memberships',
  record: 'Membership',
  needs: ['read groups, users and computers (as Authenticated Users have)'],
  row: MemberRow,
  cursor: Cursor,
  checkpoint: Checkpoint,
  enabled: (_session: Session) => true,
  read: readMemberships,
  idOf: membershipId,
  toRecord: (row) => toMembership(row),
  probe: membershipProbe,
  test: (session) =>
    testBases(session, session.bases.groups, { what: 'groups and their members', filter: groupKind.filter }),
});

/** First the members that groups list, then those that name the group in their own entry. */
async function* readMemberships(
  session: Session,
  request: ReadRequest<Cursor, Checkpoint>,
): AsyncGenerator<ScopeEvent, void, void> {
  const primary = new PrimaryGroups(session);
  const { users, groups, computers } = session.bases;
  const accounts = outermost([...users, ...computers]);
  for (const base of groups) {
    const hidden = new HiddenLists(session);
    const reading = listedMembers(session, base, { primary, accounts, hidden });
    for await (const event of readScope(session, reading, request)) yield hidden.judged(event);
  }
  const narrowing = groups.map(scopeName).join(' | ');
  for (const base of accounts)
    yield* readScope(session, primaryMembers(session, base, primary, narrowing), request);
}

interface ListReading {
  readonly primary: PrimaryGroups;
  readonly accounts: readonly Base[];
  readonly hidden: HiddenLists;
}

/**
 * Members as groups list them. A group that changed is read as a whole, with those whose primary group it is, so that what is not
 * among them is gone; not so when it hides its list.
 */
function listedMembers(
  session: Session,
  base: Base,
  { primary, accounts, hidden }: ListReading,
): ScopeReading {
  return {
    scope: scopeName(base),
    base,
    what: 'groups with members',
    filter: groupKind.filter,
    ...{ otherFilter: '(&(objectClass=group)(member=*))', emptyOf: 'rows' },
    attributes: groupAttributesForMembers,
    pageSize: Math.min(session.pageSize, groupsPerPage),
    async *pagesOf(entries, changed): AsyncGenerator<ScopePage> {
      const pages = new MemberPages(session);
      const empty: LdapEntry[] = [];
      for (const entry of entries) {
        const { id, rid } = groupIdOf(entry);
        let isGone = false;
        let listed = 0;
        for await (const members of membersOf(session.client, entry)) {
          isGone = members === undefined;
          listed += members?.length ?? 0;
          yield* pages.add(members?.map((member) => ({ group: id, member })) ?? []);
        }
        // Of what is missing in a full pass the members are asked: see the probe.
        if (!changed || isGone) continue;
        if (rid !== undefined)
          for await (const rows of primary.members(id, rid, accounts)) yield* pages.add(rows);
        if (listed > 0) pages.complete(id);
        else empty.push(entry);
      }
      for (const entry of await hidden.without(empty)) pages.complete(groupIdOf(entry).id);
      yield* pages.rest();
    },
    async *deletedSince(usn): AsyncGenerator<ScopePage> {
      for await (const complete of session.deleted.since(usn, 'group')) {
        if (complete.length > 0) yield { rows: [], complete };
      }
      // A group does not change when one of its members is deleted, and a deleted object does not tell what it belonged to.
      for await (const removedMembers of session.deleted.since(usn, 'member')) {
        if (removedMembers.length > 0) yield { rows: [], removedMembers };
      }
    },
  };
}

/** A new primary group makes two groups change, so that an account which left one is found by the group; see the runbook. */
function primaryMembers(
  session: Session,
  base: Base,
  primary: PrimaryGroups,
  narrowing: string,
): ScopeReading {
  return {
    scope: `primary groups of accounts: ${scopeName(base)}; groups: ${narrowing}`,
    base,
    what: 'accounts with their primary group',
    filter: accountFilter,
    ...{ otherFilter: '(primaryGroupID=*)', emptyOf: 'entries' },
    attributes: accountAttributes,
    pageSize: session.pageSize,
    async *pagesOf(entries): AsyncGenerator<ScopePage> {
      const rows: MemberRow[] = [];
      for (const account of entries) {
        const row = await primary.row(account);
        if (row !== undefined) rows.push(row);
      }
      if (rows.length > 0) yield { rows };
    },
    // What was a member is looked at with the groups.
    async *deletedSince() {},
  };
}

/** Gathers the members of several groups into pages, with what kind of object each member is. */
class MemberPages {
  private readonly session: Session;
  private rows: MemberRow[] = [];
  private completed: string[] = [];

  constructor(session: Session) {
    this.session = session;
  }

  async *add(rows: readonly MemberRow[]): AsyncGenerator<ScopePage, void, void> {
    for (const row of rows) {
      this.rows.push(row);
      if (this.rows.length >= rowsPerPage) yield await this.taken();
    }
  }

  complete(group: string): void {
    this.completed.push(group);
  }

  /** A page also of groups without members, when that is stated of them. */
  async *rest(): AsyncGenerator<ScopePage, void, void> {
    if (this.rows.length > 0 || this.completed.length > 0) yield await this.taken();
  }

  private async taken(): Promise<ScopePage> {
    const { rows, completed } = this;
    this.rows = [];
    this.completed = [];
    const ids = rows.flatMap(({ member, kind }) => {
      const id = kind === undefined ? memberIdOf(member) : undefined;
      return id === undefined || id.foreign ? [] : [id.id];
    });
    const kinds = await this.session.memberKinds.of(ids);
    const kindly = rows.map((row): MemberRow => {
      const kind = row.kind ?? kinds.get(memberIdOf(row.member)?.id ?? '');
      return kind === undefined ? row : { ...row, kind };
    });
    return { rows: kindly, ...(completed.length === 0 ? {} : { complete: completed }) };
  }
}
