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
/** An external id that the record cannot do without. */
const id = (description: string) => Type.String({ minLength: 1, maxLength: 512, description });
const optionalId = (description: string) => text(description, 512);

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
    groupId: id('External id of the group.'),
    memberId: id('External id of the member.'),
    memberKind: Type.Optional(
      Type.Enum(['User', 'Group', 'Device', 'ServicePrincipal', 'Contact'], {
        description: 'Kind of the member.',
      }),
    ),
    sourceCreatedAt: time('Created at the source.'),
    sourceUpdatedAt: time('Last edited at the source.'),
  },
  { ...closed, description: 'That a user, group, device or other principal belongs to a group.' },
);

export const Relationship = Type.Object(
  {
    name: text('The relation in words.'),
    type: text('Kind of relation, as the source names it.'),
    typeId: text("The source's id of the kind of relation."),
    parentId: id('External id of the parent.'),
    childId: id('External id of the child.'),
    sourceCreatedAt: time('Created at the source.'),
    sourceUpdatedAt: time('Last edited at the source.'),
  },
  {
    ...closed,
    description: 'That one asset stands in a relation to another. Kept even when an end is missing.',
  },
);

/** What was judged of a device, whatever words the source uses. */
export const complianceStates = ['compliant', 'non_compliant', 'in_grace', 'unknown'] as const;
export type Compliance = (typeof complianceStates)[number];

export const deviceOwnerships = ['company', 'personal', 'unknown'] as const;
export type DeviceOwnership = (typeof deviceOwnerships)[number];

export const Device = Type.Object(
  {
    name: text('Name that people use.'),
    serialNumber: text('Serial number.'),
    manufacturer: text('Manufacturer, in words.'),
    model: text('Model, in words.'),
    operatingSystem: text('Operating system.'),
    operatingSystemVersion: text('Version of the operating system.'),
    hostName: text('Host name, without a domain.'),
    fqdn: text('Fully qualified domain name.'),
    macAddress: text('Main MAC address.'),
    imei: text('Number of a mobile device (IMEI).'),
    ownership: Type.Optional(Type.Enum(deviceOwnerships, { description: 'Whose it is.' })),
    userId: optionalId('External id of its user, in the same system.'),
    userName: text('Login name of its user.'),
    directoryId: optionalId(
      'Id that the device itself uses in the directory (Entra: deviceId, Intune: azureADDeviceId), not that of its object there.',
    ),
    securityId: optionalId('Security identifier (SID) of its account in the domain.'),
    active: flag('False when its account is switched off.'),
    managed: flag('True when a device management has it in hand.'),
    encrypted: flag('True when its disk is encrypted.'),
    compliance: Type.Optional(
      Type.Enum(complianceStates, {
        description:
          'Whether it keeps the rules, as judged at the source; `in_grace`: not yet, and its time for it runs.',
      }),
    ),
    complianceLabel: text("The source's own word for its compliance."),
    complianceJudgedAt: time('When its compliance was last judged.'),
    complianceJudgedBy: text('Which system judged its compliance.'),
    trustType: text('How it belongs to the directory, as the source names it.'),
    enrolledAt: time('Enrolled or registered.'),
    lastContactAt: time('Last sign of life at the source: sign-in, or contact with the device management.'),
    sourceCreatedAt: time('Created at the source.'),
    sourceUpdatedAt: time('Last edited at the source.'),
  },
  { ...closed, description: 'A computer or mobile device, as a directory or a device management knows it.' },
);

export const RoleAssignment = Type.Object(
  {
    name: text('The grant in words.'),
    role: Type.String({
      minLength: 1,
      maxLength: 1024,
      description: 'Name of the role of ours that is granted.',
    }),
    principalId: id('External id of who has the role.'),
    principalKind: Type.Optional(
      Type.Enum(['User', 'Group', 'Device', 'ServicePrincipal'], {
        description: 'Kind of who has the role.',
      }),
    ),
    principalName: text('Name of who has the role.'),
    sourceKind: Type.Optional(
      Type.Enum(['group', 'directory_role', 'app_role'], {
        description: 'What the role of ours is mapped from.',
      }),
    ),
    sourceId: id('External id of the group or role that is mapped.'),
    sourceName: text('Name of the group or role that is mapped.'),
    scope: text('Part of the directory in which the role holds, such as `/` for all of it.'),
    direct: flag('False when it is granted through nested groups.'),
    path: text(
      'How it is granted: names from the mapped group or role to who has it, joined by ` > `.',
      4096,
    ),
    pathIds: text('The same path by external ids, joined by ` > `.', 4096),
    assignment: Type.Optional(
      Type.Enum(['active', 'eligible'], {
        description: '`eligible`: the role may be activated, and is not yet.',
      }),
    ),
    startsAt: time('From when it holds.'),
    endsAt: time('Until when it holds.'),
  },
  {
    ...closed,
    description: 'That someone has a role of ours, and which group or role of the source grants it.',
  },
);

export const SsoApplication = Type.Object(
  {
    name: text('Name that people use.'),
    applicationId: optionalId('Id of the application (appId), the same wherever it is installed.'),
    mode: Type.Optional(
      Type.Enum(['saml', 'oidc', 'password', 'linked', 'none', 'unknown'], {
        description: 'How people sign in to it.',
      }),
    ),
    modeLabel: text("The source's own word for the mode."),
    active: flag('False when nobody can sign in to it.'),
    assignmentRequired: flag('True when only those can sign in who were assigned to it.'),
    loginUrl: text('Where a sign-in starts.', 2048),
    homepage: text('Its home page.', 2048),
    certificateThumbprint: text('Thumbprint of the certificate that signs.'),
    certificateStartsAt: time('From when the certificate that signs is valid.'),
    certificateExpiresAt: time('Until when the certificate that signs is valid.'),
    certificateCount: whole('Certificates that could sign, expired ones too.'),
    secretExpiresAt: time('Until when the secret that lasts longest is valid.'),
    secretCount: whole('Secrets, expired ones too.'),
    ownerTenantId: optionalId('Tenant that published it.'),
    sourceCreatedAt: time('Created at the source.'),
  },
  { ...closed, description: 'An application that people sign in to through the directory.' },
);

export const kinds = {
  ...{ Asset, User, Group, Membership, Relationship },
  ...{ Device, RoleAssignment, SsoApplication },
} as const satisfies Record<string, TObject>;
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
  /** Columns that this reading could not tell, as for a right that is missing today: what stands in them stays. */
  readonly untold?: readonly string[];
  /** Columns whose values are makeshifts, as ids in the place of names that were not told: what stands in them stays, while another column is the same. */
  readonly makeshift?: { readonly columns: readonly string[]; readonly whileSame: string };
}
