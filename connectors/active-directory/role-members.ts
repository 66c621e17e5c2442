// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import type { LdapEntry } from '../../src/connector/ldap/client.ts';
import { anyOf, equals } from '../../src/connector/ldap/filter.ts';
import type { Named } from '../../src/connector/nested-groups.ts';
import type { RoleMember } from '../../src/connector/role-reading.ts';
import { isOfDomain, parseExtendedDn } from './distinguished-name.ts';
import { guidBytes, guidOf } from './guid.ts';
import { hiddenAmong, hiddenFailure } from './hidden-lists.ts';
import { nameOf } from './mapped-group.ts';
import { kindOf } from './member-kinds.ts';
import { groupAttributesForMembers, groupIdOf, membersOf } from './members.ts';
import { memberIdOf } from './membership-record.ts';
import { accountFilter } from './primary-groups.ts';
import type { Session } from './session.ts';
import { sidOf, splitSid } from './sid.ts';

const principalAttributes = [
  'objectGUID',
  'objectClass',
  'sAMAccountType',
  'displayName',
  'cn',
  'sAMAccountName',
] as const;
const idsPerSearch = 100;

/**
 * The members of groups with their names and kinds, wherever in the domain they stand: those in the list of a group, and those who name it as their primary
 * group. For one walk; what it could not see is told at the end by `check`.
 */
export class RoleMembers {
  private readonly session: Session;
  /** Members of the domain that the account may not see: each may be a group. */
  private readonly hidden = new Set<string>();
  private hiddenIn = '';

  constructor(session: Session) {
    this.session = session;
  }

  /** Throws a Failure when what a group holds cannot be told. */
  async *of({ id, name }: Named): AsyncGenerator<readonly RoleMember[], void, void> {
    const { client } = this.session;
    const group = await client.one({
      subject: `members of ${name ?? id}`,
      base: `<GUID=${id}>`,
      filter: '(objectClass=*)',
      attributes: groupAttributesForMembers,
      controls: ['extendedDn'],
    });
    // Deleted since it was met: with it went what it granted.
    if (group === undefined) return;
    let listed = 0;
    for await (const part of membersOf(client, group)) {
      // The same, while its list was read.
      if (part === undefined) return;
      listed += part.length;
      yield await this.known(part, group.dn);
    }
    yield* this.primaryOf(group);
    if (listed > 0) return;
    const [hidden] = await hiddenAmong(this.session, [group]);
    if (hidden !== undefined) throw hiddenFailure(parseExtendedDn(hidden.dn).dn);
  }

  /** Throws a permission Failure when the walk met what the account may not see. */
  check(field: string): void {
    const [first] = this.hidden;
    if (first === undefined) return;
    const more = this.hidden.size > 1 ? `, and ${this.hidden.size - 1} more` : '';
    throw new Failure(
      'permission',
      `${field}: ${first} is a member of ${this.hiddenIn} and hidden from the account${more}; it may be a group, so nothing is taken as deleted; let the account read it`,
    );
  }

  private async known(members: readonly string[], group: string): Promise<readonly RoleMember[]> {
    const { domain } = this.session;
    const ids = new Map(
      members.flatMap((member) => {
        const found = memberIdOf(member);
        return found === undefined ? [] : [[member, found] as const];
      }),
    );
    const own = [...ids.values()].filter(({ foreign }) => !foreign).map(({ id }) => id);
    const entries = await this.entriesOf(own);
    return members.flatMap((member): RoleMember[] => {
      const { dn } = parseExtendedDn(member);
      const found = ids.get(member);
      if (found === undefined)
        throw new Failure('contract', `members of ${parseExtendedDn(group).dn}: ${dn} came without an id`);
      const { id, foreign } = found;
      if (foreign) return [{ id, kind: undefined, foreign }];
      const entry = entries.get(id);
      if (entry !== undefined) return [{ id, name: nameOf(entry), kind: kindOf(entry) }];
      // Of another domain of the forest only the name is known here.
      if (!isOfDomain(dn, domain.dn)) return [{ id, name: dn, kind: undefined }];
      this.hidden.add(dn);
      this.hiddenIn ||= parseExtendedDn(group).dn;
      return [];
    });
  }

  private async entriesOf(ids: readonly string[]): Promise<ReadonlyMap<string, LdapEntry>> {
    const { client, domain } = this.session;
    const entries = new Map<string, LdapEntry>();
    for (let at = 0; at < ids.length; at += idsPerSearch) {
      const some = ids.slice(at, at + idsPerSearch).map(guidBytes);
      const search = {
        subject: `who members of groups are, in ${domain.dn}`,
        base: domain.dn,
        scope: 'sub',
        filter: anyOf(...some.filter((one) => one !== undefined).map((one) => equals('objectGUID', one))),
        attributes: principalAttributes,
        controls: ['domainScope'],
      } as const;
      for await (const page of client.pages(search)) {
        for (const entry of page.entries) {
          const id = guidOf(entry.bytes('objectGUID') ?? Buffer.alloc(0));
          if (id !== undefined) entries.set(id, entry);
        }
      }
    }
    return entries;
  }

  /** Who names the group in their own entry (primaryGroupID), which is in no list. */
  private async *primaryOf(group: LdapEntry): AsyncGenerator<readonly RoleMember[], void, void> {
    const { client, domain, pageSize } = this.session;
    const { rid } = groupIdOf(group);
    const sid = sidOf(group.bytes('objectSid') ?? Buffer.alloc(0));
    if (rid === undefined || sid === undefined || splitSid(sid).domain !== domain.sid) return;
    const search = {
      subject: `accounts of ${domain.dn} with primaryGroupID ${rid}`,
      base: domain.dn,
      scope: 'sub',
      filter: `(&${accountFilter}(primaryGroupID=${rid}))`,
      attributes: principalAttributes,
      controls: ['domainScope'],
      pageSize,
    } as const;
    for await (const { entries } of client.pages(search)) {
      yield entries.map((entry): RoleMember => {
        const id = guidOf(entry.bytes('objectGUID') ?? Buffer.alloc(0));
        if (id === undefined)
          throw new Failure('contract', `${entry.dn}: the account has no readable objectGUID`);
        return { id, name: nameOf(entry), kind: kindOf(entry) };
      });
    }
  }
}
