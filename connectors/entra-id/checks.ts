// SPDX-License-Identifier: Apache-2.0
import type { ConnectionCheck } from '../../src/connector/contract.ts';
import { daysLeft } from '../../src/inventory/expiry.ts';
import { cloudOf } from './clouds.ts';
import { isAskedFor, type StreamName } from './config.ts';
import type { Session } from './session.ts';
import { isGranted } from './token-roles.ts';

/** Early enough for whoever must ask others for a new one. */
const warnDays = 30;

/** What each part needs, in the order in which it is told. */
const permissions: readonly (readonly [StreamName, string])[] = [
  ['users', 'User.Read.All'],
  ['groups', 'GroupMember.Read.All'],
  ['memberships', 'GroupMember.Read.All'],
  ['memberships', 'Member.Read.Hidden'],
  ['devices', 'Device.Read.All'],
  ['managedDevices', 'DeviceManagementManagedDevices.Read.All'],
  ['ssoApplications', 'Application.Read.All'],
];

export const tenantCheck: ConnectionCheck<[session: Session]> = {
  name: 'tenant',
  run({ tenant, config }) {
    const where = `${tenant.id}, cloud ${cloudOf(config)}`;
    return Promise.resolve(
      tenant.name === undefined
        ? { result: 'Warning', message: `tenant ${where}; its name needs Organization.Read.All` }
        : { result: 'Passed', message: `${tenant.name}, ${where}` },
    );
  },
};

/** No more than a hint: each stream is asked for itself, and its answer counts. */
export const permissionsCheck: ConnectionCheck<[session: Session]> = {
  name: 'permissions',
  run({ roles, config, roleMappings }) {
    if (roles === undefined)
      return Promise.resolve({ result: 'Warning', message: 'the token does not say what was granted' });
    const mappings = isAskedFor(config, 'roleAssignments') ? roleMappings : [];
    const wanted = [
      ...permissions.filter(([stream]) => isAskedFor(config, stream)).map(([, permission]) => permission),
      ...mappings.flatMap(({ source }) => [
        source === 'group' ? 'GroupMember.Read.All' : 'RoleManagement.Read.Directory',
        // Without it members come as ids.
        'User.Read.All',
      ]),
      ...(isAskedFor(config, 'users') && config.signInActivity !== false ? ['AuditLog.Read.All'] : []),
    ];
    const lacking = [...new Set(wanted)].filter((permission) => !isGranted(roles, permission));
    return Promise.resolve(
      lacking.length === 0
        ? { result: 'Passed', message: 'everything that is read was granted' }
        : {
            result: 'Warning',
            message: `not granted: ${lacking.join(', ')}; grant it, or leave out what needs it`,
          },
    );
  },
};

export const certificateCheck: ConnectionCheck<[session: Session]> = {
  name: 'certificate',
  run({ certificate, now }) {
    if (certificate === undefined)
      return Promise.resolve({
        result: 'Passed',
        message: 'none: the login is by secret, whose end Graph does not tell',
      });
    const days = daysLeft(certificate.validTo, now());
    const until = `valid until ${certificate.validTo.toISOString().slice(0, 10)}, ${days} days`;
    return Promise.resolve(
      days < warnDays
        ? {
            result: 'Warning',
            message: `${until}; add a new one to the application, then put it into the Secret`,
          }
        : { result: 'Passed', message: until },
    );
  },
};
