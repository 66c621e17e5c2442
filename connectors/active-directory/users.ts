// SPDX-License-Identifier: Apache-2.0
import { defineStream } from '../../src/connector/contract.ts';
import { mappableRow } from './mappable-row.ts';
import { objectId, readObjects, testBases, type ObjectKind } from './object-stream.ts';
import { objectProbe } from './probe.ts';
import { toUser, userAttributes } from './records.ts';
import { isSecretAttribute } from './secret-attributes.ts';
import type { Session } from './session.ts';
import { Checkpoint, Cursor, ObjectRow } from './wire.ts';

/** By class alone computers would be users too, and by category contacts. */
export const userKind: ObjectKind = {
  stream: 'users',
  member: 'User',
  filter: '(&(objectCategory=person)(objectClass=user))',
  otherFilter: '(sAMAccountType=805306368)',
  deleted: 'user',
  attributes: userAttributes,
};

export const users = defineStream({
  name: 'users',
  record: 'User',
  needs: ['read users (as Authenticated Users have)', 'list and read deleted objects (optional)'],
  row: ObjectRow,
  secretField: isSecretAttribute,
  cursor: Cursor,
  checkpoint: Checkpoint,
  enabled: (_session: Session) => true,
  read: (session, request) => readObjects(session, userKind, request),
  idOf: objectId,
  toRecord: (row, session) => toUser(row, session.domain.dnsName),
  mappable: mappableRow,
  probe: objectProbe(userKind),
  test: (session) => testBases(session, session.bases.users, { what: 'users', filter: userKind.filter }),
});
