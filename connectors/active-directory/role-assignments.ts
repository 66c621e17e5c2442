// SPDX-License-Identifier: Apache-2.0
import type { PlacedRoleMapping } from '../../src/api/role-mappings.ts';
import { defineStream } from '../../src/connector/define-stream.ts';
import type { Named } from '../../src/connector/nested-groups.ts';
import {
  groupPart,
  readRoles,
  RoleCheckpoint,
  RoleCursor,
  testRoles,
  type RolePart,
  type RoleReading,
} from '../../src/connector/role-reading.ts';
import { RoleRow, roleRowId, toRoleAssignment } from '../../src/connector/role-rows.ts';
import { findGroup } from './mapped-group.ts';
import { RoleMembers } from './role-members.ts';
import type { Session } from './session.ts';

/** Who has which role by `spec.roleMappings`: everybody in a group and in the groups within it, wherever in the domain. */
export const roleAssignments = defineStream({
  name: 'roleAssignments',
  record: 'RoleAssignment',
  needs: ['read groups, users and computers (as Authenticated Users have)'],
  row: RoleRow,
  cursor: RoleCursor,
  checkpoint: RoleCheckpoint,
  enabled: ({ roleMappings }: Session) => roleMappings.length > 0,
  read: (session, request) => readRoles(readingOf(session), request),
  idOf: roleRowId,
  disjointScopes: true,
  toRecord: (row) => toRoleAssignment(row),
  test: (session) => testRoles(readingOf(session)),
});

function readingOf(session: Session): RoleReading {
  return {
    mappings: session.roleMappings,
    partsOf: async (mapping) => [partOf(session, mapping, await findGroup(session, mapping))],
  };
}

function partOf(session: Session, mapping: PlacedRoleMapping, source: Named): RolePart {
  const members = new RoleMembers(session);
  return groupPart(
    source,
    mapping,
    (group) => members.of(group),
    (rows) => {
      members.check(mapping.field);
      // Each group without members was asked for a second time, by those who would be in it.
      return rows > 0 ? {} : { counted: 0, emptyTwice: true };
    },
  );
}
