// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from 'typebox';

/** What of the external system can stand for a role of ours. */
export const roleSources = ['group', 'directoryRole'] as const;
export type RoleSource = (typeof roleSources)[number];

const externalName = (description: string) =>
  Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 512,
      pattern: '^[^\\x00-\\x1f]+$',
      description,
    }),
  );

export const RoleMappingSchema = Type.Object(
  {
    role: Type.String({
      minLength: 1,
      maxLength: 128,
      pattern: '^[A-Za-z0-9]([A-Za-z0-9._:/ -]*[A-Za-z0-9])?$',
      description: 'Name of the role that those have who are in the group or hold the directory role.',
    }),
    group: externalName(
      'The group of the external system, by its id, or by a name that only one group has; the connector says which names it takes. Members of groups within it count.',
    ),
    directoryRole: externalName(
      'The directory role of the external system, by its id or its name. Members of groups that hold it count.',
    ),
  },
  {
    additionalProperties: false,
    description: 'One group or directory role, and the role it stands for.',
    'x-kubernetes-validations': [
      {
        rule: 'has(self.group) || has(self.directoryRole)',
        message: 'gives no group and no directoryRole; give one of them',
      },
      {
        rule: '!has(self.group) || !has(self.directoryRole)',
        message: 'gives group and directoryRole; give one of them alone',
      },
    ],
  },
);

export const RoleMappingsSchema = Type.Array(RoleMappingSchema, {
  minItems: 1,
  maxItems: 64,
  description:
    'Which groups and directory roles of the external system stand for which roles. Each gives RoleAssignment records of everybody who has the role by it, with the path that grants it.',
  'x-kubernetes-list-type': 'atomic',
});
export type RoleMapping = Readonly<Static<typeof RoleMappingSchema>>;

/** A mapping with its place in the spec. */
export interface PlacedRoleMapping {
  readonly role: string;
  readonly source: RoleSource;
  /** Id or name, as the owner wrote it. */
  readonly named: string;
  /** `spec.roleMappings[0].group`, for messages. */
  readonly field: string;
}

/** The mappings of a spec whose problems are none. Pure. */
export function placedRoleMappings(mappings: readonly RoleMapping[] = []): readonly PlacedRoleMapping[] {
  return mappings.flatMap((mapping, index) =>
    roleSources.flatMap((source) => {
      const named = mapping[source];
      return named === undefined
        ? []
        : [{ role: mapping.role, source, named, field: `spec.roleMappings[${index}].${source}` }];
    }),
  );
}
