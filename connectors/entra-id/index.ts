// SPDX-License-Identifier: Apache-2.0
import { defineConnector } from '../../src/connector/define.ts';
import { certificateCheck, permissionsCheck, tenantCheck } from './checks.ts';
import { graphBase, requireBothAddresses } from './clouds.ts';
import { Config, configProblems } from './config.ts';
import { devices } from './devices.ts';
import { groups } from './groups.ts';
import { managedDevices } from './managed-devices.ts';
import { memberships } from './memberships.ts';
import { roleAssignments } from './role-assignments.ts';
import { openSession } from './session.ts';
import { ssoApplications } from './sso-applications.ts';
import { users } from './users.ts';

export const entraId = defineConnector({
  id: 'entraId',
  category: 'identity',
  title: 'Microsoft Entra ID and Intune',
  version: 1,
  config: Config,
  auth: ['OAuth2', 'Certificate'],
  moreKeys: {
    Certificate: { clientId: { required: true, description: 'the application (client) id' } },
  },
  folder: 'entra-id',
  streams: [users, groups, memberships, devices, managedDevices, ssoApplications, roleAssignments],
  roleSources: ['group', 'directoryRole'],
  checks: [tenantCheck, permissionsCheck, certificateCheck],
  origin(config) {
    requireBothAddresses(config);
    return graphBase(config);
  },
  problems: configProblems,
  open: openSession,
});
