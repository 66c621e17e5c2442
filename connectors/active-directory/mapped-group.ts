// SPDX-License-Identifier: Apache-2.0
import type { PlacedRoleMapping } from '../../src/api/role-mappings.ts';
import { Failure } from '../../src/connector/failure.ts';
import type { LdapEntry } from '../../src/connector/ldap/client.ts';
import { equals, type Filter } from '../../src/connector/ldap/filter.ts';
import type { Named } from '../../src/connector/nested-groups.ts';
import { parseDn } from './distinguished-name.ts';
import { guidBytes } from './guid.ts';
import { groupIdOf } from './members.ts';
import type { Session } from './session.ts';
import { sidBytes } from './sid.ts';

const attributes = ['objectGUID', 'objectSid', 'objectClass', 'sAMAccountName', 'cn'] as const;
const howToName = 'give the objectGUID, the SID, the DN or the sAMAccountName of a group';

/** The group that a mapping names. Throws a Failure that names the field. */
export async function findGroup(session: Session, { named, field }: PlacedRoleMapping): Promise<Named> {
  const found = await entriesNamed(session, named, field);
  const [entry] = found;
  const { dn } = session.domain;
  if (entry === undefined)
    throw new Failure(
      'configuration',
      `${field}: ${dn} shows no group ${named} to the account; ${howToName}, or let the account read it`,
    );
  if (found.length > 1)
    throw new Failure(
      'configuration',
      `${field}: ${found.length} objects are named ${named}; give the objectGUID of the one that is meant`,
    );
  if (!entry.values('objectClass').includes('group'))
    throw new Failure('configuration', `${field}: ${named} is no group; ${howToName}`);
  return { id: groupIdOf(entry).id, name: nameOf(entry) };
}

/** By which people know an object. */
export function nameOf(entry: Pick<LdapEntry, 'first' | 'values'>): string | undefined {
  const names = entry.values('objectClass').includes('group')
    ? ['sAMAccountName', 'cn']
    : ['displayName', 'cn', 'sAMAccountName'];
  return names.map((name) => entry.first(name)).find((value) => typeof value === 'string' && value !== '') as
    string | undefined;
}

async function entriesNamed(
  { client, domain }: Session,
  named: string,
  field: string,
): Promise<readonly LdapEntry[]> {
  const subject = `${field} ${named}`;
  const byId = idFilter(named);
  if (byId === undefined && (parseDn(named)?.length ?? 0) > 0) {
    const entry = await client.one({ subject, base: named, filter: '(objectClass=*)', attributes });
    return entry === undefined ? [] : [entry];
  }
  const search = {
    subject,
    base: domain.dn,
    scope: 'sub',
    filter: byId ?? equals('sAMAccountName', named),
    attributes,
    controls: ['domainScope'],
  } as const;
  let found: LdapEntry[] = [];
  for await (const page of client.pages(search)) found = [...(page.start ? [] : found), ...page.entries];
  return found;
}

function idFilter(named: string): Filter | undefined {
  const guid = guidBytes(named);
  if (guid !== undefined) return equals('objectGUID', guid);
  const sid = sidBytes(named);
  return sid === undefined ? undefined : equals('objectSid', sid);
}
