// SPDX-License-Identifier: Apache-2.0
import { tableOf, type Column } from './columns.ts';
import type { RecordKind } from './kinds.ts';

type Ends = Partial<Record<RecordKind, string>>;

/** Kinds whose records are edges that hang on a parent, and the property that names it. */
const parentProperties: Ends = {
  Membership: 'groupId',
  Relationship: 'parentId',
  RoleAssignment: 'sourceId',
};

/** Kinds whose edges are looked up by the other end too: each needs an index for that, which every load pays for. */
const memberProperties: Ends = { Membership: 'memberId' };

export const edgeKinds = Object.keys(parentProperties) as readonly RecordKind[];
export const memberKinds = Object.keys(memberProperties) as readonly RecordKind[];

/** The column that holds the external id of the parent; undefined for kinds whose records are no edges. */
export function parentColumnOf(kind: RecordKind): Column | undefined {
  return columnOf(kind, parentProperties[kind]);
}

/** The column that holds the external id of the member that an edge leads to; undefined for kinds that are not looked up by it. */
export function memberColumnOf(kind: RecordKind): Column | undefined {
  return columnOf(kind, memberProperties[kind]);
}

function columnOf(kind: RecordKind, property: string | undefined): Column | undefined {
  return property === undefined
    ? undefined
    : tableOf(kind).columns.find((column) => column.property === property);
}
