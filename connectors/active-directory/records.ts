// SPDX-License-Identifier: Apache-2.0
import type { NormalisedRecord } from '../../src/inventory/kinds.ts';
import { computedFlags, controlFlags, isDomainController, isEnabled } from './account-control.ts';
import {
  attributesOf,
  filled,
  numberOf,
  referenceOf,
  required,
  short,
  timeOf,
  valueOf,
  type ValueForm,
} from './fields.ts';
import { groupTypeWords } from './group-type.ts';
import type { ObjectRow } from './wire.ts';

type Columns<Kind extends 'User' | 'Group' | 'Device'> = NormalisedRecord<Kind>['columns'];
type Kept = Readonly<Record<string, ValueForm>>;

/** Of every object: its names and its place, which are no ids, since they change. */
const common = {
  distinguishedName: 'dn',
  objectSid: 'text',
  sAMAccountName: 'text',
  cn: 'text',
  description: 'text',
} as const satisfies Kept;
const stamps = ['objectGUID', 'whenCreated', 'whenChanged'] as const;

const keptOfUsers = {
  ...common,
  givenName: 'text',
  sn: 'text',
  l: 'text',
  c: 'text',
  mobile: 'text',
  employeeNumber: 'text',
  employeeType: 'text',
  userAccountControl: 'int',
  primaryGroupID: 'int',
  pwdLastSet: 'fileTime',
  accountExpires: 'fileTime',
  lockoutTime: 'fileTime',
} as const satisfies Kept;

/** What is asked of a user. An allow-list: an account may see more than anyone needs. */
export const userAttributes: readonly string[] = [
  ...stamps,
  ...Object.keys(keptOfUsers),
  'userPrincipalName',
  'displayName',
  'mail',
  'employeeID',
  'title',
  'department',
  'company',
  'physicalDeliveryOfficeName',
  'manager',
  'telephoneNumber',
  'lastLogonTimestamp',
  'msDS-User-Account-Control-Computed',
];

/** What every user has, and the columns are made of: of an object that does not show it, it is hidden from the account. */
export const essentialOfUsers = ['userAccountControl'] as const;

const keptOfGroups = {
  ...common,
  displayName: 'text',
  groupType: 'int',
  isCriticalSystemObject: 'flag',
} as const satisfies Kept;
export const groupAttributes: readonly string[] = [
  ...stamps,
  ...Object.keys(keptOfGroups),
  'mail',
  'managedBy',
];

export const essentialOfGroups = ['groupType'] as const;

const keptOfComputers = {
  ...common,
  location: 'text',
  operatingSystemServicePack: 'text',
  userAccountControl: 'int',
  primaryGroupID: 'int',
  pwdLastSet: 'fileTime',
  managedBy: 'reference',
} as const satisfies Kept;
export const computerAttributes: readonly string[] = [
  ...stamps,
  ...Object.keys(keptOfComputers),
  'dNSHostName',
  'operatingSystem',
  'operatingSystemVersion',
  'lastLogonTimestamp',
];

export const essentialOfComputers = ['userAccountControl'] as const;

/** `dnsDomain`: of the domain, for the accounts without a userPrincipalName, who log in with an implied one. */
export function toUser(row: ObjectRow, dnsDomain: string): NormalisedRecord<'User'> {
  const control = numberOf(row, 'userAccountControl');
  const computed = numberOf(row, 'msDS-User-Account-Control-Computed');
  const account = valueOf(row, 'sAMAccountName');
  const implied = account === undefined ? undefined : `${account}@${dnsDomain}`;
  const columns = filled<Columns<'User'>>({
    name: short(valueOf(row, 'displayName') ?? valueOf(row, 'cn')),
    userName: short(valueOf(row, 'userPrincipalName') ?? implied),
    email: short(valueOf(row, 'mail'), 320),
    employeeNumber: short(valueOf(row, 'employeeID') ?? valueOf(row, 'employeeNumber')),
    title: short(valueOf(row, 'title')),
    department: short(valueOf(row, 'department')),
    company: short(valueOf(row, 'company')),
    location: short(valueOf(row, 'physicalDeliveryOfficeName') ?? valueOf(row, 'l')),
    manager: referenceOf(row, 'manager'),
    phone: short(valueOf(row, 'telephoneNumber')),
    active: control === undefined ? undefined : isEnabled(control),
    locked: computed === undefined ? undefined : computedFlags(computed).locked,
    lastLoginAt: timeOf(row, 'lastLogonTimestamp'),
    sourceCreatedAt: timeOf(row, 'whenCreated'),
    sourceUpdatedAt: timeOf(row, 'whenChanged'),
  });
  return {
    externalId: required(row, 'objectGUID'),
    columns,
    ...untold({ active: control, locked: computed }),
    attributes: {
      ...attributesOf(row, keptOfUsers, columns),
      ...flagsOf(control),
      ...(computed === undefined ? {} : { passwordExpired: computedFlags(computed).passwordExpired }),
    },
  };
}

export function toGroup(row: ObjectRow): NormalisedRecord<'Group'> {
  const groupType = numberOf(row, 'groupType');
  const columns = filled<Columns<'Group'>>({
    name: short(valueOf(row, 'sAMAccountName') ?? valueOf(row, 'cn')),
    groupDescription: short(valueOf(row, 'description'), 4096),
    type: groupType === undefined ? undefined : groupTypeWords(groupType),
    email: short(valueOf(row, 'mail'), 320),
    manager: referenceOf(row, 'managedBy'),
    parent: undefined,
    active: undefined,
    sourceCreatedAt: timeOf(row, 'whenCreated'),
    sourceUpdatedAt: timeOf(row, 'whenChanged'),
  });
  return {
    externalId: required(row, 'objectGUID'),
    columns,
    ...untold({ type: groupType }),
    attributes: attributesOf(row, keptOfGroups, columns),
  };
}

/** A domain knows no serial number, no model and nothing of rules that a device keeps. */
export function toDevice(row: ObjectRow): NormalisedRecord<'Device'> {
  const control = numberOf(row, 'userAccountControl');
  const columns = filled<Partial<Columns<'Device'>>>({
    name: short(valueOf(row, 'dNSHostName') ?? valueOf(row, 'cn')),
    hostName: short(valueOf(row, 'cn')),
    fqdn: short(valueOf(row, 'dNSHostName')),
    operatingSystem: short(valueOf(row, 'operatingSystem')),
    operatingSystemVersion: short(valueOf(row, 'operatingSystemVersion')),
    securityId: valueOf(row, 'objectSid'),
    active: control === undefined ? undefined : isEnabled(control),
    compliance: 'unknown',
    trustType: control === undefined ? undefined : trustOf(control),
    lastContactAt: timeOf(row, 'lastLogonTimestamp') ?? timeOf(row, 'pwdLastSet'),
    sourceCreatedAt: timeOf(row, 'whenCreated'),
    sourceUpdatedAt: timeOf(row, 'whenChanged'),
  });
  return {
    externalId: required(row, 'objectGUID'),
    columns,
    ...untold({ active: control, trustType: control }),
    attributes: { ...attributesOf(row, keptOfComputers, columns), ...flagsOf(control) },
  };
}

/** Columns whose attribute every object of the kind has: where it did not come it is hidden, and what stands stays. */
function untold(told: Readonly<Record<string, number | undefined>>): { readonly untold?: readonly string[] } {
  const lacking = Object.keys(told).filter((column) => told[column] === undefined);
  return lacking.length === 0 ? {} : { untold: lacking };
}

function trustOf(control: number): string {
  return isDomainController(control) ? 'SERVER_TRUST_ACCOUNT' : 'WORKSTATION_TRUST_ACCOUNT';
}

function flagsOf(control: number | undefined) {
  return control === undefined ? {} : { userAccountControlFlags: [...controlFlags(control)] };
}
