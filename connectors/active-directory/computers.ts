// SPDX-License-Identifier: Apache-2.0
import { defineStream } from '../../src/connector/contract.ts';
import { mappableRow } from './mappable-row.ts';
import { objectId, readObjects, testBases, type ObjectKind } from './object-stream.ts';
import { objectProbe } from './probe.ts';
import { computerAttributes, toDevice } from './records.ts';
import { isSecretAttribute } from './secret-attributes.ts';
import type { Session } from './session.ts';
import { Checkpoint, Cursor, ObjectRow } from './wire.ts';

/** By class managed service accounts would be computers too. */
export const computerKind: ObjectKind = {
  stream: 'computers',
  member: 'Device',
  filter: '(objectCategory=computer)',
  otherFilter:
    '(&(objectClass=computer)(!(objectClass=msDS-ManagedServiceAccount))(!(objectClass=msDS-GroupManagedServiceAccount)))',
  deleted: 'computer',
  attributes: computerAttributes,
};

export const computers = defineStream({
  name: 'computers',
  record: 'Device',
  needs: ['read computers (as Authenticated Users have)', 'list and read deleted objects (optional)'],
  row: ObjectRow,
  secretField: isSecretAttribute,
  cursor: Cursor,
  checkpoint: Checkpoint,
  enabled: (_session: Session) => true,
  read: (session, request) => readObjects(session, computerKind, request),
  idOf: objectId,
  toRecord: (row) => toDevice(row),
  mappable: mappableRow,
  probe: objectProbe(computerKind),
  test: (session) =>
    testBases(session, session.bases.computers, { what: 'computers', filter: computerKind.filter }),
});
