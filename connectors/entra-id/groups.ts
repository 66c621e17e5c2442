// SPDX-License-Identifier: Apache-2.0
import { collectionStream } from './directory-stream.ts';
import { toGroup } from './group-record.ts';
import { GroupRow } from './rows.ts';

export const groups = collectionStream({
  name: 'groups',
  record: 'Group',
  needs: ['GroupMember.Read.All'],
  row: GroupRow,
  toRecord: toGroup,
  restorable: 'group',
  reading: () => ({ resource: 'groups' }),
});
