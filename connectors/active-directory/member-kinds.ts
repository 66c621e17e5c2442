// SPDX-License-Identifier: Apache-2.0
import type { LdapClient, LdapEntry } from '../../src/connector/ldap/client.ts';
import { anyOf, equals } from '../../src/connector/ldap/filter.ts';
import { guidBytes, guidOf } from './guid.ts';
import type { MemberKind } from './wire.ts';

/** Some 20 MB. */
const mostKnown = 200_000;
const idsPerSearch = 100;

/** `sAMAccountType` ([MS-ADTS] 2.2.17): the same for every object of a kind, and never changed. Service accounts have that of computers. */
const kindsByType: ReadonlyMap<string, MemberKind> = new Map([
  ['805306368', 'User'],
  ['805306369', 'Device'],
  ['268435456', 'Group'],
  ['268435457', 'Group'],
  ['536870912', 'Group'],
  ['536870913', 'Group'],
]);

/** Group, standalone and delegated managed service accounts: computers by their type, and read by no stream. */
const serviceAccount = /^msDS-\w*ManagedServiceAccount$/iu;

/** Undefined of what no stream reads, and what is not told apart. */
export function kindOf(entry: Pick<LdapEntry, 'first' | 'values'>): MemberKind | undefined {
  const classes = entry.values('objectClass');
  if (classes.some((name) => typeof name === 'string' && serviceAccount.test(name))) return undefined;
  const type = entry.first('sAMAccountType');
  if (typeof type === 'string') return kindsByType.get(type);
  return classes.includes('contact') ? 'Contact' : undefined;
}

/**
 * What kind of object a member of a group is: the list of members does not say. Objects that other streams have read in this run are known; the others are
 * asked for, many at a time. So many are remembered at most.
 */
export class MemberKinds {
  private readonly lookups: Pick<LdapClient, 'pages'>;
  private readonly domain: string;
  private readonly known = new Map<string, MemberKind | undefined>();

  constructor(lookups: Pick<LdapClient, 'pages'>, domain: string) {
    this.lookups = lookups;
    this.domain = domain;
  }

  /** Undefined: of no kind that is told apart. */
  note(id: string, kind: MemberKind | undefined): void {
    if (this.known.size >= mostKnown) {
      const [oldest] = this.known.keys();
      if (oldest !== undefined) this.known.delete(oldest);
    }
    this.known.set(id, kind);
  }

  /** Kinds by id; those that this domain does not show are left out. Throws a Failure. */
  async of(ids: readonly string[]): Promise<ReadonlyMap<string, MemberKind>> {
    const kinds = new Map<string, MemberKind>();
    const unknown = new Set<string>();
    for (const id of ids) {
      const kind = this.known.get(id);
      if (kind !== undefined) kinds.set(id, kind);
      else if (!this.known.has(id)) unknown.add(id);
    }
    const left = [...unknown];
    for (let at = 0; at < left.length; at += idsPerSearch) {
      const some = left.slice(at, at + idsPerSearch);
      const found = await this.ask(some);
      for (const id of some) {
        const kind = found.get(id);
        if (kind !== undefined) kinds.set(id, kind);
        this.note(id, kind);
      }
    }
    return kinds;
  }

  private async ask(ids: readonly string[]): Promise<ReadonlyMap<string, MemberKind | undefined>> {
    const found = new Map<string, MemberKind | undefined>();
    const bytes = ids.map(guidBytes).filter((one) => one !== undefined);
    if (bytes.length === 0) return found;
    const search = {
      subject: `what kind of objects members of groups are, in ${this.domain}`,
      base: this.domain,
      scope: 'sub',
      filter: anyOf(...bytes.map((one) => equals('objectGUID', one))),
      attributes: ['objectGUID', 'sAMAccountType', 'objectClass'],
      controls: ['domainScope'],
    } as const;
    for await (const page of this.lookups.pages(search)) {
      for (const entry of page.entries) {
        const id = guidOf(entry.bytes('objectGUID') ?? Buffer.alloc(0));
        if (id !== undefined) found.set(id, kindOf(entry));
      }
    }
    return found;
  }
}
