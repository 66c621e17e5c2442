// SPDX-License-Identifier: Apache-2.0
import { defineConnector } from '../../src/connector/define.ts';
import { cis } from './cis.ts';
import { Config } from './config.ts';
import { groups } from './groups.ts';
import { memberships } from './memberships.ts';
import { relationships } from './relationships.ts';
import { baseUrl, openSession } from './session.ts';
import { timeZoneCheck } from './time-zone.ts';
import { users } from './users.ts';

export const serviceNowCmdb = defineConnector({
  id: 'serviceNowCmdb',
  category: 'cmdb',
  title: 'ServiceNow CMDB',
  version: 1,
  config: Config,
  auth: ['Basic', 'OAuth2'],
  moreKeys: {
    OAuth2: {
      username: {
        required: false,
        description: 'the user to read as, with password: the password grant instead of client credentials',
      },
      password: { required: false, description: 'of that user' },
    },
  },
  folder: 'servicenow-cmdb',
  streams: [cis, relationships, users, groups, memberships],
  checks: [timeZoneCheck],
  origin: baseUrl,
  open: openSession,
});
