// SPDX-License-Identifier: Apache-2.0
import type { PlacedRoleMapping } from '../../src/api/role-mappings.ts';
import { defineStream } from '../../src/connector/define-stream.ts';
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
import type { Named } from '../../src/connector/nested-groups.ts';
import { isAskedFor } from './config.ts';
import { findGroup, isEmptyByCount, shownMembersOf } from './mapped-group.ts';
import { RoleHolders } from './role-holders.ts';
import type { Session } from './session.ts';

/** Who has which role by `spec.roleMappings`: everybody in a group, and everybody who holds a role of the directory. */
export const roleAssignments = defineStream({
  name: 'roleAssignments',
  record: 'RoleAssignment',
  needs: [
    'GroupMember.Read.All',
    'User.Read.All for the names of users',
    'Member.Read.Hidden for groups that hide their members',
    'RoleManagement.Read.Directory where a directoryRole is mapped',
  ],
  row: RoleRow,
  cursor: RoleCursor,
  checkpoint: RoleCheckpoint,
  enabled: (session: Session) =>
    session.roleMappings.length > 0 && isAskedFor(session.config, 'roleAssignments'),
  read: (session, request) => readRoles(readingOf(session), request),
  idOf: roleRowId,
  disjointScopes: true,
  toRecord: (row) => toRoleAssignment(row),
  test: (session) => testRoles(readingOf(session)),
});

function readingOf(session: Session): RoleReading {
  const holders = new RoleHolders(session);
  return {
    mappings: session.roleMappings,
    partsOf: async (mapping) =>
      mapping.source === 'directoryRole'
        ? holders.partsOf(mapping)
        : [partOf(session, mapping, await findGroup(session, mapping))],
  };
}

function partOf(session: Session, mapping: PlacedRoleMapping, source: Named): RolePart {
  const membersOf = (group: Named) => shownMembersOf(session, group);
  return groupPart(source, mapping, membersOf, async (rows) =>
    rows === 0 && (await isEmptyByCount(session, [source])) ? { counted: 0, emptyTwice: true } : {},
  );
}
