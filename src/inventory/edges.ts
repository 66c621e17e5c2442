// SPDX-License-Identifier: Apache-2.0
import { tableOf, type Column } from './columns.ts';
import type { RecordKind } from './kinds.ts';

/** Kinds whose records are edges that hang on a parent, and the property that names it. */
const parentProperties: Partial<Record<RecordKind, string>> = {
  Membership: 'groupId',
  Relationship: 'parentId',
  RoleAssignment: 'sourceId',
};

export const edgeKinds = Object.keys(parentProperties) as readonly RecordKind[];

/** The column that holds the external id of the parent; undefined for kinds whose records are no edges. */
export function parentColumnOf(kind: RecordKind): Column | undefined {
  const property = parentProperties[kind];
  return property === undefined
    ? undefined
    : tableOf(kind).columns.find((column) => column.property === property);
}
