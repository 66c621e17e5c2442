// SPDX-License-Identifier: Apache-2.0
import { objectStream } from './object-stream.ts';
import { essentialOfUsers, toUser, userAttributes } from './records.ts';

/** By class alone computers would be users too, and by category contacts. */
export const users = objectStream(
  {
    stream: 'users',
    member: 'User',
    filter: '(&(objectCategory=person)(objectClass=user))',
    otherFilter: '(sAMAccountType=805306368)',
    deleted: 'user',
    attributes: userAttributes,
    essential: essentialOfUsers,
  },
  'User',
  (row, { domain }) => toUser(row, domain.dnsName),
);
