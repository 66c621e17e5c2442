// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import type { LdapClient, LdapEntry } from '../../src/connector/ldap/client.ts';
import { rangedValues } from '../../src/connector/ldap/range.ts';
import { parseExtendedDn } from './distinguished-name.ts';
import { guidOf } from './guid.ts';
import { sidOf, splitSid } from './sid.ts';

/** What must be asked of a group, with the extended-DN control, before its members are read. */
export const groupAttributesForMembers: readonly string[] = [
  'objectGUID',
  'objectSid',
  'uSNChanged',
  'member',
];

/** Groups per page when their members come with them: 1,500 members each at most, by a controller's own limit (MaxValRange). */
export const groupsPerPage = 25;

/** A list that changes while its parts are read is read again. */
const mostReadings = 5;
/** So often a list that did not change may end before its end; a second time it is no chance. */
const mostCuts = 1;

/** A group as it stands among others. */
export interface GroupId {
  readonly id: string;
  /** The number by which accounts name it as their primary group; undefined of a group without a SID. */
  readonly rid: string | undefined;
}

/** Throws a Failure when the group cannot be told from others. */
export function groupIdOf(entry: LdapEntry): GroupId {
  const id = guidOf(entry.bytes('objectGUID') ?? Buffer.alloc(0));
  if (id === undefined)
    throw new Failure('contract', `${parseExtendedDn(entry.dn).dn}: the group has no readable objectGUID`);
  const sid = sidOf(entry.bytes('objectSid') ?? Buffer.alloc(0));
  return { id, rid: sid === undefined ? undefined : splitSid(sid).rid };
}

/**
 * The direct members of a group that came from a search with `groupAttributesForMembers`: DNs with ids, part by part, in which one may come twice. Parts are
 * counted by position, so a list of many parts is read again when the group changed meanwhile, and when it came to no end. Members by primaryGroupID are
 * not among them. Throws a Failure: unavailable when the list never stands still, contract when its rest is not given. Undefined instead of a part: the group went away.
 */
export async function* membersOf(
  client: LdapClient,
  group: LdapEntry,
): AsyncGenerator<readonly string[] | undefined, void, void> {
  const { dn } = parseExtendedDn(group.dn);
  const base = `<GUID=${groupIdOf(group).id}>`;
  let entry: LdapEntry | undefined = group;
  let cuts = 0;
  for (let reading = 1; reading <= mostReadings; reading++) {
    const isWhole = entry.range('member') === undefined;
    const parts = rangedValues(client, entry, {
      subject: `members of ${dn}`,
      attribute: 'member',
      controls: ['extendedDn'],
      base,
    });
    let step = await parts.next();
    for (; step.done !== true; step = await parts.next()) yield step.value.map((value) => textOf(value, dn));
    if (isWhole) return;
    const before = entry.text('uSNChanged');
    entry = step.value === 'gone' ? undefined : await groupAt(client, base, dn);
    if (entry === undefined) return yield undefined;
    if (entry.text('uSNChanged') !== before) continue;
    if (step.value === 'whole') return;
    if (++cuts > mostCuts)
      throw new Failure(
        'contract',
        `members of ${dn}: the directory announces more members and does not give them, though the group has not changed; nothing is taken as deleted; look at the log of the controller, or name another one in spec.connector.activeDirectory.urls`,
      );
  }
  throw new Failure(
    'unavailable',
    `members of ${dn}: the list changed each of the ${mostReadings} times it was read, in parts; the next run reads it again`,
  );
}

/** A group as it stands now; undefined when it went away. */
export function groupAt(client: LdapClient, base: string, dn: string): Promise<LdapEntry | undefined> {
  return client.one({
    subject: `the group ${dn}`,
    base,
    filter: '(objectClass=*)',
    attributes: groupAttributesForMembers,
    controls: ['extendedDn'],
  });
}

function textOf(value: string | Buffer, dn: string): string {
  if (typeof value === 'string') return value;
  throw new Failure('contract', `members of ${dn}: a DN is no UTF-8 text`);
}
