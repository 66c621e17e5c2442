// SPDX-License-Identifier: Apache-2.0
import { defineStream } from '../../src/connector/contract.ts';
import { mappableRow } from './mappable-row.ts';
import { objectId, readObjects, testBases, type ObjectKind } from './object-stream.ts';
import { objectProbe } from './probe.ts';
import { groupAttributes, toGroup } from './records.ts';
import { isSecretAttribute } from './secret-attributes.ts';
import type { Session } from './session.ts';
import { Checkpoint, Cursor, ObjectRow } from './wire.ts';

export const groupKind: ObjectKind = {
  stream: 'groups',
  member: 'Group',
  filter: '(objectCategory=group)',
  otherFilter: '(objectClass=group)',
  deleted: 'group',
  attributes: groupAttributes,
};

export const groups = defineStream({
  name: 'groups',
  record: 'Group',
  needs: ['read groups (as Authenticated Users have)', 'list and read deleted objects (optional)'],
  row: ObjectRow,
  secretField: isSecretAttribute,
  cursor: Cursor,
  checkpoint: Checkpoint,
  enabled: (_session: Session) => true,
  read: (session, request) => readObjects(session, groupKind, request),
  idOf: objectId,
  toRecord: (row) => toGroup(row),
  mappable: mappableRow,
  probe: objectProbe(groupKind),
  test: (session) => testBases(session, session.bases.groups, { what: 'groups', filter: groupKind.filter }),
});
