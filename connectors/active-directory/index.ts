// SPDX-License-Identifier: Apache-2.0
import { defineConnector } from '../../src/connector/define.ts';
import { controllerCheck, deletedObjectsCheck } from './checks.ts';
import { computers } from './computers.ts';
import { Config, firstUrl } from './config.ts';
import { groups } from './groups.ts';
import { memberships } from './memberships.ts';
import { roleAssignments } from './role-assignments.ts';
import { openSession } from './session.ts';
import { users } from './users.ts';

/** Memberships come last: by then the run knows what kind of object most members are. */
export const activeDirectory = defineConnector({
  id: 'activeDirectory',
  category: 'identity',
  title: 'Active Directory',
  version: 1,
  config: Config,
  auth: ['Basic'],
  moreKeys: {
    Basic: { 'ca.crt': { required: false, description: 'certificate authority of the controllers, PEM' } },
  },
  folder: 'active-directory',
  streams: [users, groups, computers, memberships, roleAssignments],
  roleSources: ['group'],
  checks: [controllerCheck, deletedObjectsCheck],
  origin: firstUrl,
  open: openSession,
});
