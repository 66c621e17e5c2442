// SPDX-License-Identifier: Apache-2.0
import type { NormalisedRecord } from '../../src/inventory/kinds.ts';
import { parseDn, parseExtendedDn } from './distinguished-name.ts';
import { isSid } from './sid.ts';
import type { MemberRow } from './wire.ts';

/** The container of placeholders, named by the SIDs of what they stand for. */
const foreignPlace = 'foreignsecurityprincipals';

/** What a member of a group is known by. */
export interface MemberId {
  /** The objectGUID; of an account of another domain, for which a placeholder stands here, its SID. */
  readonly id: string;
  readonly foreign: boolean;
}

/** Undefined when the directory gave no id with the DN. */
export function memberIdOf(member: string): MemberId | undefined {
  const { dn, guid } = parseExtendedDn(member);
  const [own, place] = parseDn(dn) ?? [];
  if (own !== undefined && isSid(own.value) && place?.value.toLowerCase() === foreignPlace)
    return { id: own.value, foreign: true };
  return guid === undefined ? undefined : { id: guid, foreign: false };
}

/** `group/member`; undefined when an end cannot be read. */
export function membershipId(raw: unknown): string | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined;
  const group: unknown = Reflect.get(raw, 'group');
  const member: unknown = Reflect.get(raw, 'member');
  if (typeof group !== 'string' || typeof member !== 'string') return undefined;
  const id = memberIdOf(member)?.id;
  return id === undefined ? undefined : `${group}/${id}`;
}

export function toMembership(row: MemberRow): NormalisedRecord<'Membership'> {
  const member = memberIdOf(row.member);
  if (member === undefined) throw new Error('member is a DN without an id');
  return {
    externalId: `${row.group}/${member.id}`,
    columns: {
      groupId: row.group,
      memberId: member.id,
      ...(row.kind === undefined ? {} : { memberKind: row.kind }),
    },
    attributes: {
      ...(row.primary === true ? { primaryGroup: true } : {}),
      ...(member.foreign ? { foreignSecurityPrincipal: true } : {}),
    },
  };
}
