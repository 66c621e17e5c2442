// SPDX-License-Identifier: Apache-2.0
import { defineStream } from '../../src/connector/define-stream.ts';
import { isAskedFor } from './config.ts';
import { toMembership } from './group-record.ts';
import { propertyOf } from './raw-row.ts';
import { MemberRow } from './rows.ts';
import { readMemberships, testMemberships } from './membership-reading.ts';
import { replicationLagMs } from './reading.ts';
import type { Session } from './session.ts';
import { idOf } from './values.ts';
import { Checkpoint, Cursor } from './wire.ts';

export const memberships = defineStream({
  name: 'memberships',
  record: 'Membership',
  needs: ['GroupMember.Read.All', 'Member.Read.Hidden for groups that hide their members'],
  row: MemberRow,
  cursor: Cursor,
  checkpoint: Checkpoint,
  enabled: (session: Session) => isAskedFor(session.config, 'memberships'),
  read: readMemberships,
  idOf: membershipId,
  toRecord: toMembership,
  replicationLagMs,
  test: testMemberships,
});

/** `group/member`; undefined when one end cannot be read: it could be any membership. */
export function membershipId(raw: unknown): string | undefined {
  const group = idOf(propertyOf(raw, 'groupId'));
  const member = idOf(propertyOf(propertyOf(raw, 'member'), 'id'));
  return group === undefined || member === undefined ? undefined : `${group}/${member}`;
}
