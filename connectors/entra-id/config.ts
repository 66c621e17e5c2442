// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from 'typebox';
import type { RoleMapping } from '../../src/api/role-mappings.ts';
import type { Problem } from '../../src/api/schema-problems.ts';
import { clouds } from './clouds.ts';

const url = (description: string) =>
  Type.Optional(
    Type.String({
      minLength: 10,
      maxLength: 512,
      pattern: '^https?://[A-Za-z0-9.\\-\\[\\]:]+(/[A-Za-z0-9._~/-]*)?$',
      description,
    }),
  );

const part = (description: string) => Type.Optional(Type.Boolean({ description }));

/** A dot is demanded of a domain, so that `common`, `organizations` and `consumers`, which are no tenants, do not pass. */
const tenantPattern =
  '^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)+[A-Za-z]{2,63})$';
const tenantMessage =
  'is no tenant; use its id (a GUID) or one of its verified domains, such as example.com; common and organizations are none';

const parts = {
  users: part('False leaves out users.'),
  groups: part('False leaves out groups.'),
  memberships: part('False leaves out the members of groups.'),
  devices: part('False leaves out the devices of the directory.'),
  managedDevices: part(
    'False leaves out the devices that Intune manages, with their compliance. Set it where the tenant has no Intune.',
  ),
  ssoApplications: part('False leaves out the applications that people sign in to.'),
  roleAssignments: part('False leaves out who has which role by spec.roleMappings.'),
};

const nothingToRead =
  'leaves nothing to read; read a part at least, or map roles by spec.roleMappings (to stop the runs use spec.suspend: true)';

/** `spec.connector.entraId`. It becomes part of the CRD, so it holds no defaults: parts that are not switched off are read. */
export const Config = Type.Object(
  {
    tenantId: Type.String({
      minLength: 4,
      maxLength: 253,
      pattern: tenantPattern,
      'x-kubernetes-validations': [{ rule: `self.matches(r'${tenantPattern}')`, message: tenantMessage }],
      description:
        'The tenant: its id (a GUID, best), or one of its verified domains, such as example.com. Not common or organizations: an application of its own logs in to one tenant.',
    }),
    cloud: Type.Optional(
      Type.Enum(cloudNames(), {
        description:
          'The cloud in which the tenant lives: Global (also US GCC), USGovernment (GCC High), USGovernmentDoD or China (21Vianet). Default Global.',
      }),
    ),
    graphUrl: url(
      'Base address of Microsoft Graph, where the cloud is none of those, such as https://graph.example.com. No credentials, no query. Default that of the cloud.',
    ),
    loginUrl: url(
      'Base address of the login, where the cloud is none of those, such as https://login.example.com. No credentials, no query. Default that of the cloud.',
    ),
    streams: Type.Optional(
      Type.Object(parts, {
        additionalProperties: false,
        description: 'Parts that are not to be read. Default: everything is read. One must be left.',
        // Whether roles are mapped stands outside of this block: see `configProblems`.
        'x-kubernetes-validations': [
          { rule: Object.keys(parts).map(isRead).join(' || '), message: nothingToRead },
        ],
      }),
    ),
    signInActivity: Type.Optional(
      Type.Boolean({
        description:
          'False does not ask for the last sign-in of users, which needs AuditLog.Read.All and a Premium licence. Default true; a tenant that refuses it has its users read without.',
      }),
    ),
    eligibleRoles: Type.Optional(
      Type.Boolean({
        description:
          'False does not ask who may activate a mapped directory role (PIM), nor when active assignments end, which needs a Premium P2 licence, and withdraws what was read of the former. Default true; a tenant without the licence has its roles read without, and keeps what was read before.',
      }),
    ),
    microsoftApplications: Type.Optional(
      Type.Boolean({
        description:
          "True also reads Microsoft's own applications, of which each tenant has some hundred. Default false.",
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'Microsoft Entra ID and Intune, read by Microsoft Graph.',
    'x-kubernetes-validations': [
      {
        rule: 'has(self.graphUrl) == has(self.loginUrl)',
        message: 'graphUrl and loginUrl go together, set both or neither',
      },
    ],
  },
);
export type Config = Static<typeof Config>;

export type StreamName = keyof NonNullable<Config['streams']>;

export function isAskedFor({ streams }: Config, name: StreamName): boolean {
  return streams?.[name] !== false;
}

/** One that reads nothing would succeed for ever and say nothing. Roles are read only where some are mapped. Pure. */
export function configProblems(config: Config, roleMappings: readonly RoleMapping[]): readonly Problem[] {
  const names = Object.keys(parts) as StreamName[];
  const reads = (name: StreamName) =>
    isAskedFor(config, name) && (name !== 'roleAssignments' || roleMappings.length > 0);
  return names.some(reads) ? [] : [{ path: '.streams', message: nothingToRead }];
}

function isRead(name: string): string {
  return `!has(self.${name}) || self.${name}`;
}

function cloudNames() {
  return Object.keys(clouds) as (keyof typeof clouds)[];
}
