// SPDX-License-Identifier: Apache-2.0
import { collectionStream } from './directory-stream.ts';
import { UserRow } from './rows.ts';
import { toUser } from './user-record.ts';

export const users = collectionStream({
  name: 'users',
  record: 'User',
  needs: ['User.Read.All', 'AuditLog.Read.All for the last sign-in'],
  row: UserRow,
  toRecord: toUser,
  restorable: 'user',
  reading: ({ config }) => ({
    resource: 'users',
    expand: 'manager',
    tracksExpanded: true,
    ...(config.signInActivity === false ? {} : { optional: 'signInActivity' }),
  }),
});
