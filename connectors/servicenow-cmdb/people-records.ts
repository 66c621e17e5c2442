// SPDX-License-Identifier: Apache-2.0
import type { NormalisedRecord } from '../../src/inventory/kinds.ts';
import { attributesOf, columnsOf, valueOf, type RuleFor } from './fields.ts';
import type { Row } from './wire.ts';

type UserColumns = NormalisedRecord<'User'>['columns'];
type GroupColumns = NormalisedRecord<'Group'>['columns'];
type MembershipColumns = NormalisedRecord<'Membership'>['columns'];

/** What is read of a user: an allow-list, since a whole row holds a password hash and private data. */
export const userFields = [
  'sys_id',
  'user_name',
  'name',
  'first_name',
  'last_name',
  'email',
  'employee_number',
  'title',
  'department',
  'company',
  'cost_center',
  'location',
  'manager',
  'phone',
  'mobile_phone',
  'active',
  'locked_out',
  'last_login_time',
  'source',
  'sys_domain',
  'sys_created_on',
  'sys_updated_on',
] as const;

export const groupFields = [
  'sys_id',
  'name',
  'description',
  'type',
  'email',
  'manager',
  'parent',
  'active',
  'default_assignee',
  'cost_center',
  'source',
  'sys_domain',
  'sys_created_on',
  'sys_updated_on',
] as const;

export const membershipFields = ['sys_id', 'group', 'user', 'sys_created_on', 'sys_updated_on'] as const;

const userRules: readonly RuleFor<UserColumns>[] = [
  { column: 'name', field: 'name', form: 'text' },
  { column: 'userName', field: 'user_name', form: 'text' },
  { column: 'email', field: 'email', form: 'text', maxLength: 320 },
  { column: 'employeeNumber', field: 'employee_number', form: 'text' },
  { column: 'title', field: 'title', form: 'text' },
  { column: 'department', field: 'department', form: 'words' },
  { column: 'company', field: 'company', form: 'words' },
  { column: 'location', field: 'location', form: 'words' },
  { column: 'manager', field: 'manager', form: 'text' },
  { column: 'phone', field: 'phone', form: 'text' },
  { column: 'active', field: 'active', form: 'flag' },
  { column: 'locked', field: 'locked_out', form: 'flag' },
  { column: 'lastLoginAt', field: 'last_login_time', form: 'time' },
  { column: 'sourceCreatedAt', field: 'sys_created_on', form: 'time' },
  { column: 'sourceUpdatedAt', field: 'sys_updated_on', form: 'time' },
];

const groupRules: readonly RuleFor<GroupColumns>[] = [
  { column: 'name', field: 'name', form: 'text' },
  { column: 'groupDescription', field: 'description', form: 'text', maxLength: 4096 },
  { column: 'type', field: 'type', form: 'words' },
  { column: 'email', field: 'email', form: 'text', maxLength: 320 },
  { column: 'manager', field: 'manager', form: 'text' },
  { column: 'parent', field: 'parent', form: 'text' },
  { column: 'active', field: 'active', form: 'flag' },
  { column: 'sourceCreatedAt', field: 'sys_created_on', form: 'time' },
  { column: 'sourceUpdatedAt', field: 'sys_updated_on', form: 'time' },
];

const membershipRules: readonly RuleFor<MembershipColumns>[] = [
  { column: 'groupId', field: 'group', form: 'text', maxLength: 512 },
  { column: 'memberId', field: 'user', form: 'text', maxLength: 512 },
  { column: 'sourceCreatedAt', field: 'sys_created_on', form: 'time' },
  { column: 'sourceUpdatedAt', field: 'sys_updated_on', form: 'time' },
];

const heldId: ReadonlySet<string> = new Set(['sys_id']);
const nothingHeld: ReadonlySet<string> = new Set();

/** Only fields of the allow-list, whatever a server sends. */
function allowed(row: Row, fields: readonly string[]): Row {
  const kept: Row = {};
  for (const field of fields) {
    const cell = Object.hasOwn(row, field) ? row[field] : undefined;
    if (cell !== undefined) kept[field] = cell;
  }
  return kept;
}

export function toUser(whole: Row): NormalisedRecord<'User'> {
  const row = allowed(whole, userFields);
  const columns = columnsOf<UserColumns>(row, userRules);
  return {
    externalId: required(row, 'sys_id'),
    columns,
    attributes: attributesOf(row, userRules, columns, heldId),
  };
}

export function toGroup(whole: Row): NormalisedRecord<'Group'> {
  const row = allowed(whole, groupFields);
  const columns = columnsOf<GroupColumns>(row, groupRules);
  return {
    externalId: required(row, 'sys_id'),
    columns,
    attributes: attributesOf(row, groupRules, columns, heldId),
  };
}

/** A membership is named by its two ends: two rows that join the same pair are one membership. */
export function toMembership(whole: Row): NormalisedRecord<'Membership'> {
  const row = allowed(whole, membershipFields);
  const groupId = required(row, 'group');
  const memberId = required(row, 'user');
  const columns: MembershipColumns = {
    ...columnsOf<MembershipColumns>(row, membershipRules),
    groupId,
    memberId,
    memberKind: 'User',
  };
  return {
    externalId: `${groupId}/${memberId}`,
    columns,
    attributes: attributesOf(row, membershipRules, columns, nothingHeld),
  };
}

export function required(row: Row, field: string): string {
  const value = valueOf(row, field);
  if (value === undefined) throw new Error(`${field} is empty`);
  return value;
}
