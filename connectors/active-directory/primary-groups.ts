// SPDX-License-Identifier: Apache-2.0
import type { LdapEntry } from '../../src/connector/ldap/client.ts';
import { allOf, anyOf, equals } from '../../src/connector/ldap/filter.ts';
import type { Base } from './bases.ts';
import { isWithin } from './distinguished-name.ts';
import { guidOf } from './guid.ts';
import { kindOf } from './member-kinds.ts';
import type { Session } from './session.ts';
import { sidBytes } from './sid.ts';
import type { MemberRow } from './wire.ts';

/** What must be asked of an account, with the extended-DN control. */
export const accountAttributes: readonly string[] = [
  'objectGUID',
  'objectClass',
  'sAMAccountType',
  'primaryGroupID',
];
/** Users, computers and managed service accounts: each has exactly one primary group. */
export const accountFilter = '(|(sAMAccountType=805306368)(sAMAccountType=805306369))';

/** Which group an account's primaryGroupID means: the group with that number in the domain, where it stands below the bases of groups. */
export class PrimaryGroups {
  private readonly session: Session;
  private readonly known = new Map<string, Promise<string | undefined>>();

  constructor(session: Session) {
    this.session = session;
  }

  /** Undefined for a group that is not read. */
  group(rid: string): Promise<string | undefined> {
    const known = this.known.get(rid);
    if (known !== undefined) return known;
    const found = this.find(rid);
    this.known.set(rid, found);
    return found;
  }

  /** The membership of an account in its primary group. */
  async row(account: LdapEntry): Promise<MemberRow | undefined> {
    const rid = account.text('primaryGroupID');
    const group = rid === undefined ? undefined : await this.group(rid);
    return group === undefined ? undefined : primaryRow(group, account);
  }

  /** The accounts of which a group is the primary one, below the bases of accounts. */
  async *members(
    group: string,
    rid: string,
    bases: readonly Base[],
  ): AsyncGenerator<readonly MemberRow[], void, void> {
    const kinds = anyOf(equals('sAMAccountType', '805306368'), equals('sAMAccountType', '805306369'));
    for (const base of bases) {
      const search = {
        subject: `accounts below ${base.dn} with primaryGroupID ${rid}`,
        base: base.dn,
        scope: 'sub',
        filter: allOf(kinds, equals('primaryGroupID', rid)),
        attributes: accountAttributes,
        controls: ['domainScope', 'extendedDn'],
        pageSize: this.session.pageSize,
      } as const;
      for await (const { entries } of this.session.lookups.pages(search))
        yield entries.map((account) => primaryRow(group, account));
    }
  }

  private async find(rid: string): Promise<string | undefined> {
    const { lookups, domain, bases } = this.session;
    const sid = sidBytes(`${domain.sid}-${rid}`);
    if (sid === undefined) return undefined;
    const search = {
      subject: `the group with number ${rid} of ${domain.dn}`,
      base: domain.dn,
      scope: 'sub',
      filter: allOf(equals('objectClass', 'group'), equals('objectSid', sid)),
      attributes: ['objectGUID'],
      controls: ['domainScope'],
    } as const;
    for await (const { entries } of lookups.pages(search)) {
      for (const entry of entries) {
        const isRead = bases.groups.some((base) => isWithin(entry.dn, base.dn));
        return isRead ? guidOf(entry.bytes('objectGUID') ?? Buffer.alloc(0)) : undefined;
      }
    }
    return undefined;
  }
}

function primaryRow(group: string, account: LdapEntry): MemberRow {
  const kind = kindOf(account);
  return { group, member: account.dn, ...(kind === undefined ? {} : { kind }), primary: true };
}
