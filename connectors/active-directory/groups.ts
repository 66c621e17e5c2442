// SPDX-License-Identifier: Apache-2.0
import { objectStream, type ObjectKind } from './object-stream.ts';
import { essentialOfGroups, groupAttributes, toGroup } from './records.ts';

export const groupKind: ObjectKind = {
  stream: 'groups',
  member: 'Group',
  filter: '(objectCategory=group)',
  otherFilter: '(objectClass=group)',
  deleted: 'group',
  attributes: groupAttributes,
  essential: essentialOfGroups,
};

export const groups = objectStream(groupKind, 'Group', toGroup);
