// SPDX-License-Identifier: Apache-2.0
import { Type, type Static, type TObject } from 'typebox';

/**
 * The record kinds. One schema each; tables, validation, hashing and docs come from it.
 * A column that upstream leaves empty is absent here and NULL in the database.
 */
const text = (description: string, maxLength = 1024) =>
  Type.Optional(Type.String({ minLength: 1, maxLength, description }));
const time = (description: string) =>
  Type.Optional(
    Type.String({
      pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,3})?Z$',
      maxLength: 24,
      'x-column': 'time',
      description: `${description} UTC, RFC 3339.`,
    }),
  );
const date = (description: string) =>
  Type.Optional(
    Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', maxLength: 10, 'x-column': 'date', description }),
  );
const whole = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 0, maximum: 9_007_199_254_740_991, description }));
const flag = (description: string) => Type.Optional(Type.Boolean({ description }));
const closed = { additionalProperties: false } as const;

/** Where an asset stands in its life, whatever words the source uses. */
export const assetStatuses = [
  'planned',
  'ordered',
  'in_stock',
  'pending',
  'active',
  'maintenance',
  'inactive',
  'retired',
  'missing',
  'unknown',
] as const;
export type AssetStatus = (typeof assetStatuses)[number];

export const assetTypes = [
  'server',
  'computer',
  'virtual_machine',
  'cluster',
  'network_device',
  'storage',
  'printer',
  'mobile_device',
  'database',
  'application',
  'service',
  'cloud_resource',
  'other',
] as const;
export type AssetType = (typeof assetTypes)[number];

export const Asset = Type.Object(
  {
    name: text('Name that people use.'),
    type: Type.Optional(Type.Enum(assetTypes, { description: 'Normalised type.' })),
    class: text("The source's own class, as a code."),
    classLabel: text("The source's own class, in words."),
    status: Type.Optional(Type.Enum(assetStatuses, { description: 'Normalised status.' })),
    statusLabel: text("The source's own status, in words."),
    serialNumber: text('Serial number.'),
    assetTag: text('Asset tag.'),
    manufacturer: text('Manufacturer, in words.'),
    model: text('Model, in words.'),
    ownedBy: text('Owner, in words.'),
    assignedTo: text('User it is assigned to, in words.'),
    managedBy: text('Who runs it, in words.'),
    supportGroup: text('Group that supports it, in words.'),
    location: text('Location, in words.'),
    department: text('Department, in words.'),
    company: text('Company, in words.'),
    environment: text('Environment, such as production.'),
    operatingSystem: text('Operating system.'),
    operatingSystemVersion: text('Version of the operating system.'),
    ipAddress: text('Main IP address.'),
    macAddress: text('Main MAC address.'),
    fqdn: text('Fully qualified domain name.'),
    hostName: text('Host name.'),
    cpuCount: whole('Processors.'),
    memoryMb: whole('Memory, MB.'),
    diskGb: whole('Disk space, GB.'),
    virtual: flag('True for a virtual machine.'),
    duplicateOf: text('External id of the record that this one duplicates.'),
    discoverySource: text('What found it.'),
    firstDiscoveredAt: time('First found by discovery.'),
    lastDiscoveredAt: time('Last found by discovery.'),
    purchaseDate: date('Day of purchase.'),
    warrantyExpiration: date('Last day of the warranty.'),
    sourceCreatedAt: time('Created at the source.'),
    sourceUpdatedAt: time('Last edited at the source.'),
  },
  { ...closed, description: 'A thing the company has: hardware, software, service.' },
);

export const User = Type.Object(
  {
    name: text('Name that people use.'),
    userName: text('Login name.'),
    email: text('Mail address.', 320),
    employeeNumber: text('Number in the personnel system.'),
    title: text('Job title.'),
    department: text('Department, in words.'),
    company: text('Company, in words.'),
    location: text('Location, in words.'),
    manager: text('External id of the manager.'),
    phone: text('Telephone number.'),
    active: flag('False when the account is switched off.'),
    locked: flag('True when the account is locked out.'),
    lastLoginAt: time('Last login.'),
    sourceCreatedAt: time('Created at the source.'),
    sourceUpdatedAt: time('Last edited at the source.'),
  },
  { ...closed, description: 'A person or account.' },
);

export const Group = Type.Object(
  {
    name: text('Name that people use.'),
    groupDescription: text('What it is for.', 4096),
    type: text("The source's type of group."),
    email: text('Mail address.', 320),
    manager: text('External id of the manager.'),
    parent: text('External id of the parent group.'),
    active: flag('False when it is switched off.'),
    sourceCreatedAt: time('Created at the source.'),
    sourceUpdatedAt: time('Last edited at the source.'),
  },
  { ...closed, description: 'A group of users.' },
);

export const Membership = Type.Object(
  {
    name: text('Not used by most sources.'),
    groupId: Type.String({ minLength: 1, maxLength: 512, description: 'External id of the group.' }),
    memberId: Type.String({ minLength: 1, maxLength: 512, description: 'External id of the member.' }),
    memberKind: Type.Optional(
      Type.Enum(['User', 'Group', 'Device'], {
        description: 'Kind of the member.',
      }),
    ),
    sourceCreatedAt: time('Created at the source.'),
    sourceUpdatedAt: time('Last edited at the source.'),
  },
  { ...closed, description: 'That a user, group or device belongs to a group.' },
);

export const Relationship = Type.Object(
  {
    name: text('The relation in words.'),
    type: text('Kind of relation, as the source names it.'),
    typeId: text("The source's id of the kind of relation."),
    parentId: Type.String({ minLength: 1, maxLength: 512, description: 'External id of the parent.' }),
    childId: Type.String({ minLength: 1, maxLength: 512, description: 'External id of the child.' }),
    sourceCreatedAt: time('Created at the source.'),
    sourceUpdatedAt: time('Last edited at the source.'),
  },
  {
    ...closed,
    description: 'That one asset stands in a relation to another. Kept even when an end is missing.',
  },
);

export const kinds = { Asset, User, Group, Membership, Relationship } as const satisfies Record<
  string,
  TObject
>;
export type RecordKind = keyof typeof kinds;
export const recordKinds = Object.keys(kinds) as readonly RecordKind[];

/** What a source's own field may hold once it is normalised. */
export type AttributeValue = string | number | boolean | null | readonly AttributeValue[] | AttributeMap;
export interface AttributeMap {
  readonly [name: string]: AttributeValue;
}

/** One normalised row: the columns of its kind, and in `attributes` whatever has no column of ours. */
export interface NormalisedRecord<Kind extends RecordKind = RecordKind> {
  readonly externalId: string;
  readonly columns: Static<(typeof kinds)[Kind]>;
  readonly attributes: AttributeMap;
}
