// SPDX-License-Identifier: Apache-2.0
import type { NormalisedRecord } from '../../src/inventory/kinds.ts';
import type { GroupRow, MemberRow } from './rows.ts';
import { attributesOf, present, textOf, timeOf } from './values.ts';

type Columns = NormalisedRecord<'Group'>['columns'];
type MemberKind = NonNullable<NormalisedRecord<'Membership'>['columns']['memberKind']>;

/** The kind of a group, by four properties (product documentation of groups); undefined for none of these. Pure. */
export function groupType({
  groupTypes,
  mailEnabled,
  securityEnabled,
}: Pick<GroupRow, 'groupTypes' | 'mailEnabled' | 'securityEnabled'>): string | undefined {
  if (groupTypes?.includes('Unified') === true) return 'Microsoft 365';
  if (securityEnabled === true) return mailEnabled === true ? 'Mail-enabled security' : 'Security';
  return mailEnabled === true ? 'Distribution' : undefined;
}

/** Pure. */
export function toGroup(row: GroupRow): NormalisedRecord<'Group'> {
  const columns = present<Columns>({
    name: textOf(row.displayName),
    groupDescription: textOf(row.description, 4096),
    type: groupType(row),
    email: textOf(row.mail, 320),
    sourceCreatedAt: timeOf(row.createdDateTime),
  });
  return {
    externalId: row.id.toLowerCase(),
    columns,
    attributes: attributesOf(row, columns, {
      ...{ displayName: 'name', description: 'groupDescription', mail: 'email' },
      createdDateTime: 'sourceCreatedAt',
    }),
  };
}

const memberKinds: Readonly<Record<string, MemberKind>> = {
  '#microsoft.graph.user': 'User',
  '#microsoft.graph.group': 'Group',
  '#microsoft.graph.device': 'Device',
  '#microsoft.graph.servicePrincipal': 'ServicePrincipal',
  '#microsoft.graph.orgContact': 'Contact',
};

/** The kind that an `@odata.type` tells; undefined for one that is not known. Pure. */
export function memberKindOf(type: string | undefined): MemberKind | undefined {
  return type !== undefined && Object.hasOwn(memberKinds, type) ? memberKinds[type] : undefined;
}

/** A membership is named by its two ends. Pure. */
export function toMembership({ groupId, member }: MemberRow): NormalisedRecord<'Membership'> {
  const [group, one] = [groupId.toLowerCase(), member.id.toLowerCase()];
  const type = member['@odata.type'];
  const memberKind = memberKindOf(type);
  return {
    externalId: `${group}/${one}`,
    columns: { groupId: group, memberId: one, ...(memberKind === undefined ? {} : { memberKind }) },
    attributes: memberKind !== undefined || type === undefined ? {} : { memberType: type },
  };
}
