// SPDX-License-Identifier: Apache-2.0
import { objectStream } from './object-stream.ts';
import { essentialOfComputers, computerAttributes, toDevice } from './records.ts';

/** By class managed service accounts would be computers too. */
export const computers = objectStream(
  {
    stream: 'computers',
    member: 'Device',
    filter: '(objectCategory=computer)',
    otherFilter:
      '(&(objectClass=computer)(!(objectClass=msDS-ManagedServiceAccount))(!(objectClass=msDS-GroupManagedServiceAccount)))',
    deleted: 'computer',
    attributes: computerAttributes,
    essential: essentialOfComputers,
  },
  'Device',
  toDevice,
);
