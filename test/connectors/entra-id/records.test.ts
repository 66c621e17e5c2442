// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import {
  complianceOf,
  ownershipOf,
  serialOf,
  toDevice,
  toManagedDevice,
} from '../../../connectors/entra-id/device-record.ts';
import { groupType, memberKindOf, toGroup, toMembership } from '../../../connectors/entra-id/group-record.ts';
import { toUser } from '../../../connectors/entra-id/user-record.ts';
import { idOf, timeOf } from '../../../connectors/entra-id/values.ts';

const zero = '00000000-0000-0000-0000-000000000000';
const never = '0001-01-01T00:00:00Z';

describe('values', () => {
  test.each([
    ['2026-03-02T06:30:00Z', '2026-03-02T06:30:00Z'],
    ['2026-03-02T06:30:00.1234567Z', '2026-03-02T06:30:00.123Z'],
    ['2026-03-02T06:30:00.0000000Z', '2026-03-02T06:30:00Z'],
    [never, undefined],
    ['0001-01-01T00:00:00.0000000Z', undefined],
    ['2026-02-31T00:00:00Z', undefined],
    ['2026-03-02', undefined],
    ['', undefined],
    [null, undefined],
    [7, undefined],
  ])('the time %j is %j', (value, time) => {
    expect(timeOf(value)).toBe(time);
  });

  test.each([
    ['7D3C0F6E-0000-4000-8000-000000000001', '7d3c0f6e-0000-4000-8000-000000000001'],
    [zero, undefined],
    ['', undefined],
    [null, undefined],
  ])('the id %j is %j', (value, id) => {
    expect(idOf(value)).toBe(id);
  });
});

describe('a user', () => {
  test('has columns, and the rest under the names of Graph', () => {
    const row = {
      id: 'ABC',
      userPrincipalName: 'ana@example.com',
      displayName: 'Ana Lim',
      givenName: 'Ana',
      mail: 'ana.lim@example.com',
      otherMails: [],
      accountEnabled: false,
      department: 'Facilities',
      businessPhones: ['+47 1'],
      mobilePhone: '+47 2',
      userType: 'Member',
      createdDateTime: '2023-05-04T08:09:10Z',
      onPremisesSecurityIdentifier: 'S-1-5-21-1',
      onPremisesSyncEnabled: null,
      manager: { '@odata.type': '#microsoft.graph.user', id: 'DEF' },
      // As a mapping may ask for.
      employeeOrgData: { '@odata.type': '#x', division: 'North', costCenter: null },
    };
    expect(toUser(row)).toEqual({
      externalId: 'abc',
      // Nobody was asked for the last sign-in.
      untold: ['lastLoginAt'],
      columns: {
        name: 'Ana Lim',
        userName: 'ana@example.com',
        email: 'ana.lim@example.com',
        department: 'Facilities',
        manager: 'def',
        phone: '+47 1',
        active: false,
        sourceCreatedAt: '2023-05-04T08:09:10Z',
      },
      attributes: {
        givenName: 'Ana',
        userType: 'Member',
        onPremisesSecurityIdentifier: 'S-1-5-21-1',
        businessPhones: ['+47 1'],
        mobilePhone: '+47 2',
        employeeOrgData: { division: 'North' },
      },
    });
  });

  test.each([
    [{ mail: 'a@example.com', otherMails: ['b@example.com'] }, 'a@example.com'],
    [{ mail: null, otherMails: ['b@example.com'] }, 'b@example.com'],
    [{ mail: null, otherMails: [], userPrincipalName: 'c@example.com' }, undefined],
  ])('of %j has the mail %j: a login name is none', (row, email) => {
    expect(toUser({ id: 'a', ...row }).columns.email).toBe(email);
  });

  const [success, attempt, program] = [
    '2026-01-03T00:00:00Z',
    '2026-01-02T00:00:00Z',
    '2026-01-01T00:00:00Z',
  ];
  test.each([
    [
      {
        lastSuccessfulSignInDateTime: success,
        lastSignInDateTime: attempt,
        lastNonInteractiveSignInDateTime: program,
      },
      success,
    ],
    [{ lastSignInDateTime: attempt, lastNonInteractiveSignInDateTime: program }, attempt],
    [{ lastSuccessfulSignInDateTime: null, lastNonInteractiveSignInDateTime: program }, program],
    [{ lastSuccessfulSignInDateTime: never }, undefined],
    [null, undefined],
  ])('of %j logged in last at %j', (signInActivity, time) => {
    expect(toUser({ id: 'a', signInActivity }).columns.lastLoginAt).toBe(time);
  });

  test('of a manager that is no user has none', () => {
    const manager = { '@odata.type': '#microsoft.graph.orgContact', id: 'c' };
    expect(toUser({ id: 'a', manager }).columns.manager).toBeUndefined();
    expect(toUser({ id: 'a', manager: null }).columns.manager).toBeUndefined();
  });
});

describe('a group', () => {
  test.each([
    [['Unified'], true, false, 'Microsoft 365'],
    [['Unified', 'DynamicMembership'], true, true, 'Microsoft 365'],
    [[], false, true, 'Security'],
    [['DynamicMembership'], false, true, 'Security'],
    [[], true, true, 'Mail-enabled security'],
    [[], true, false, 'Distribution'],
    [[], false, false, undefined],
    [null, null, null, undefined],
  ])('%j, mail %j, security %j is %j', (groupTypes, mailEnabled, securityEnabled, type) => {
    expect(groupType({ groupTypes, mailEnabled, securityEnabled })).toBe(type);
  });

  test('keeps what has no column', () => {
    const { columns, attributes } = toGroup({
      id: 'G',
      displayName: 'Facilities',
      groupTypes: ['DynamicMembership'],
      securityEnabled: true,
      mailEnabled: false,
      isAssignableToRole: true,
      membershipRule: 'x',
    });
    expect(columns).toEqual({ name: 'Facilities', type: 'Security' });
    expect(attributes).toEqual({
      groupTypes: ['DynamicMembership'],
      securityEnabled: true,
      mailEnabled: false,
      isAssignableToRole: true,
      membershipRule: 'x',
    });
  });

  test.each([
    ['user', 'User'],
    ['group', 'Group'],
    ['device', 'Device'],
    ['servicePrincipal', 'ServicePrincipal'],
    ['orgContact', 'Contact'],
    ['newThing', undefined],
  ])('a member of type %s is of kind %j', (type, kind) => {
    expect(memberKindOf(`#microsoft.graph.${type}`)).toBe(kind);
  });

  test('a membership is named by both ends, in lower case, and keeps a type that is not known', () => {
    expect(
      toMembership({ groupId: 'G', member: { '@odata.type': '#microsoft.graph.newThing', id: 'M' } }),
    ).toEqual({
      externalId: 'g/m',
      columns: { groupId: 'g', memberId: 'm' },
      attributes: { memberType: '#microsoft.graph.newThing' },
    });
  });
});

describe('a device', () => {
  test.each([
    ['compliant', 'compliant'],
    ['noncompliant', 'non_compliant'],
    ['conflict', 'non_compliant'],
    ['error', 'non_compliant'],
    ['inGracePeriod', 'in_grace'],
    ['configManager', 'unknown'],
    ['unknown', 'unknown'],
    ['unknownFutureValue', 'unknown'],
    ['', undefined],
    [null, undefined],
  ])('that Intune calls %j is %j', (state, compliance) => {
    expect(complianceOf(state)).toBe(compliance);
  });

  test.each([
    ['Company', 'company'],
    ['personal', 'personal'],
    ['Unknown', 'unknown'],
    ['newOwner', 'unknown'],
    [null, undefined],
  ])('that belongs to %j is %j', (owner, ownership) => {
    expect(ownershipOf(owner)).toBe(ownership);
  });

  test.each([
    ['PF3X0Z9Q', 'PF3X0Z9Q'],
    [' PF3X0Z9Q ', 'PF3X0Z9Q'],
    ['', undefined],
    ['0', undefined],
    ['0000000', undefined],
    ['Default string', undefined],
    ['System Serial Number', undefined],
    ['To be filled by O.E.M.', undefined],
    [null, undefined],
  ])('with the serial number %j has %j', (serial, kept) => {
    expect(serialOf(serial)).toBe(kept);
  });

  test('of the directory has its owner, its own id, and what was judged', () => {
    const user = { '@odata.type': '#microsoft.graph.user', id: 'U1' };
    const { columns, attributes } = toDevice({
      id: 'D',
      deviceId: 'DEV-1',
      displayName: 'FAC-1',
      isCompliant: false,
      isManaged: true,
      trustType: 'AzureAd',
      registeredOwners: [
        { '@odata.type': '#microsoft.graph.servicePrincipal', id: 'S' },
        user,
        { ...user, id: 'U2' },
      ],
      approximateLastSignInDateTime: '2026-03-01T00:00:00Z',
    });
    expect(columns).toEqual({
      name: 'FAC-1',
      userId: 'u1',
      directoryId: 'dev-1',
      managed: true,
      compliance: 'non_compliant',
      complianceJudgedBy: 'Entra ID',
      trustType: 'AzureAd',
      lastContactAt: '2026-03-01T00:00:00Z',
    });
    expect(attributes).toEqual({ registeredOwners: ['u1', 'u2'] });
  });

  test('that nobody judged is neither compliant nor not', () => {
    const { columns } = toDevice({ id: 'd', isCompliant: null });
    expect([columns.compliance, columns.complianceJudgedBy]).toEqual([undefined, undefined]);
  });

  test('of Intune tells when it was judged, and by whom', () => {
    const { columns, attributes } = toManagedDevice({
      id: 'M',
      deviceName: 'FAC-1',
      serialNumber: 'Default string',
      azureADDeviceId: zero,
      complianceState: 'inGracePeriod',
      complianceGracePeriodExpirationDateTime: never,
      lastSyncDateTime: '2026-03-02T06:30:00Z',
      enrolledDateTime: never,
      userId: '',
      managementState: 'retirePending',
      jailBroken: 'Unknown',
      isEncrypted: true,
      wiFiMacAddress: '02AA',
      ethernetMacAddress: '',
      totalStorageSpaceInBytes: 256,
    });
    expect(columns).toEqual({
      name: 'FAC-1',
      macAddress: '02AA',
      managed: true,
      encrypted: true,
      compliance: 'in_grace',
      complianceLabel: 'inGracePeriod',
      complianceJudgedAt: '2026-03-02T06:30:00Z',
      complianceJudgedBy: 'Intune',
      lastContactAt: '2026-03-02T06:30:00Z',
    });
    expect(attributes).toEqual({
      serialNumber: 'Default string',
      managementState: 'retirePending',
      jailBroken: 'Unknown',
      totalStorageSpaceInBytes: 256,
    });
  });

  test('that Configuration Manager judges is said to be', () => {
    const { columns } = toManagedDevice({
      id: 'm',
      complianceState: 'configManager',
      managementState: 'discovered',
    });
    expect(columns).toMatchObject({
      compliance: 'unknown',
      complianceJudgedBy: 'Configuration Manager',
      managed: false,
    });
  });
});
