// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from 'typebox';

/** Fields that can lead the status of a configuration item. */
export const statusFields = [
  'install_status',
  'operational_status',
  'hardware_status',
  'life_cycle_stage',
] as const;
export type StatusField = (typeof statusFields)[number];

/** `spec.connector.serviceNowCmdb`. It becomes part of the CRD, so it holds no defaults: absent switches are off. */
export const Config = Type.Object(
  {
    url: Type.String({
      minLength: 10,
      maxLength: 512,
      pattern: '^https?://[A-Za-z0-9.\\-\\[\\]:]+(/[A-Za-z0-9._~/-]*)?$',
      description:
        'Base address of the instance, such as https://example.service-now.com. No credentials, no query.',
    }),
    classes: Type.Array(
      Type.String({
        minLength: 1,
        maxLength: 80,
        pattern: '^[a-z][a-z0-9_]{0,79}$',
        description: 'Name of a CMDB class (table), such as cmdb_ci_server.',
      }),
      {
        minItems: 1,
        maxItems: 32,
        description:
          'CMDB classes to read, their subclasses included. A class below another listed class is read once.',
        'x-kubernetes-list-type': 'set',
      },
    ),
    relationships: Type.Optional(
      Type.Boolean({
        description: 'True reads the relations between configuration items (cmdb_rel_ci). Default false.',
      }),
    ),
    users: Type.Optional(Type.Boolean({ description: 'True reads users (sys_user). Default false.' })),
    groups: Type.Optional(
      Type.Boolean({
        description:
          'True reads groups (sys_user_group) and their members (sys_user_grmember). Default false.',
      }),
    ),
    query: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1024,
        pattern: '^[^\\x00-\\x1f]+$',
        description:
          'Encoded query that narrows the configuration items, such as duplicate_ofISEMPTY. Default none. Records that stop matching are marked as gone by the next full pass; records that a changed query leaves out are withdrawn.',
      }),
    ),
    statusField: Type.Optional(
      Type.Enum(statusFields, {
        description:
          'Field that alone decides the status of a configuration item. When absent, operational status 6 or install status 7 or 100 means retired, and otherwise the first known of install, operational and hardware status counts, then the stage of the life cycle.',
      }),
    ),
  },
  { additionalProperties: false, description: 'ServiceNow CMDB, read by the Table API.' },
);
export type Config = Static<typeof Config>;
