// SPDX-License-Identifier: Apache-2.0
import type { NormalisedRecord } from '../../src/inventory/kinds.ts';
import type { UserRow } from './rows.ts';
import { attributesOf, flagOf, present, relatedIds, textOf, timeOf } from './values.ts';

type Columns = NormalisedRecord<'User'>['columns'];

/** Pure. A login name is no mail address, so that none is made of it. */
export function toUser(row: UserRow): NormalisedRecord<'User'> {
  const columns = present<Columns>({
    name: textOf(row.displayName),
    userName: textOf(row.userPrincipalName),
    email: textOf(row.mail, 320) ?? textOf(row.otherMails?.[0], 320),
    employeeNumber: textOf(row.employeeId),
    title: textOf(row.jobTitle),
    department: textOf(row.department),
    company: textOf(row.companyName),
    location: textOf(row.officeLocation),
    manager: relatedIds(row.manager, 'user')[0],
    phone: textOf(row.businessPhones?.[0]) ?? textOf(row.mobilePhone),
    active: flagOf(row.accountEnabled),
    lastLoginAt: lastLoginOf(row.signInActivity),
    sourceCreatedAt: timeOf(row.createdDateTime),
  });
  return {
    externalId: row.id.toLowerCase(),
    columns,
    // Null says that there was none; without the property nobody could tell.
    ...(row.signInActivity === undefined ? { untold: ['lastLoginAt'] } : {}),
    attributes: attributesOf(row, columns, {
      ...{ manager: true, signInActivity: true },
      ...{ displayName: 'name', userPrincipalName: 'userName', mail: 'email', employeeId: 'employeeNumber' },
      ...{ jobTitle: 'title', department: 'department', companyName: 'company', officeLocation: 'location' },
      ...{ mobilePhone: 'phone', accountEnabled: 'active', createdDateTime: 'sourceCreatedAt' },
    }),
  };
}

/** A success says more than an attempt, and a person's sign-in more than that of a program in their name. */
function lastLoginOf(activity: UserRow['signInActivity']): string | undefined {
  return (
    timeOf(activity?.lastSuccessfulSignInDateTime) ??
    timeOf(activity?.lastSignInDateTime) ??
    timeOf(activity?.lastNonInteractiveSignInDateTime)
  );
}
