// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { isSecretName, mappableRow, mappedProperties } from '../../../connectors/entra-id/mappable-row.ts';
import { isGranted, rolesOf } from '../../../connectors/entra-id/token-roles.ts';

describe('a path of the mapping', () => {
  const row = {
    employeeType: 'Contractor',
    empty: '',
    nothing: null,
    employeeOrgData: { division: 'North' },
    otherMails: ['a@example.com', 'b@example.com'],
    accountEnabled: false,
    hours: 0,
  };
  test.each([
    ['employeeType', 'Contractor'],
    ['employeeOrgData.division', 'North'],
    ['otherMails.1', 'b@example.com'],
    ['otherMails.7', undefined],
    ['accountEnabled', 'false'],
    ['hours', '0'],
    ['empty', undefined],
    ['nothing', undefined],
    ['employeeOrgData', undefined],
    ['toString', undefined],
  ])('%s gives %j', (path, text) => {
    expect(mappableRow.valueAt(row, path)).toBe(text);
  });

  test.each([
    ['employeeType', undefined],
    ['extension_0123_costCentre', undefined],
    ['onPremisesExtensionAttributes.extensionAttribute1', undefined],
    ['passwordPolicies', undefined],
    ['lastPasswordChangeDateTime', undefined],
    ['keyCredentials', /secret/u],
    ['passwordCredentials.0.hint', /secret/u],
    ['passwordProfile.password', /secret/u],
    ['activationLockBypassCode', /secret/u],
    ['aboutMe', /cannot be listed/u],
    ['mailboxSettings.timeZone', /cannot be listed/u],
    ['manager.id', /read already, into manager/u],
    ['signInActivity.lastSignInDateTime', /read already, into lastLoginAt/u],
    ['a b', /no property/u],
    ['$select', /no property/u],
    ['a,b', /no property/u],
    ['', /no property/u],
  ])('%j is refused: %s', (path, problem) => {
    const said = mappableRow.pathProblem(path);
    if (problem === undefined) expect(said).toBeUndefined();
    else expect(said).toMatch(problem);
  });

  test('asks for the property in which it begins, once', () => {
    const paths = ['b.c', 'a', 'b.d'].map((path) => ({ path, field: 'x' }));
    expect(mappedProperties(paths)).toEqual(['a', 'b']);
  });

  test.each([
    ['secretText', true],
    ['password', true],
    ['key', true],
    ['secretary', false],
    ['displayName', false],
  ])('a field named %s is a secret: %j', (name, isSecret) => {
    expect(isSecretName(name)).toBe(isSecret);
  });
});

describe('what a token says was granted', () => {
  const token = (claims: unknown) =>
    `Bearer x.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.y`;
  test('is read for people to see, and an opaque one says nothing', () => {
    expect(rolesOf(token({ roles: ['User.Read.All'] }))).toEqual(new Set(['User.Read.All']));
    for (const opaque of ['Bearer opaque', 'Bearer a.b.c', token({}), token(null), token({ roles: 'x' }), ''])
      expect(rolesOf(opaque)).toBeUndefined();
  });

  test.each([
    ['User.Read.All', ['User.Read.All'], true],
    ['User.Read.All', ['User.ReadWrite.All'], true],
    ['User.Read.All', ['Directory.Read.All'], true],
    ['GroupMember.Read.All', ['Group.Read.All'], true],
    ['Member.Read.Hidden', ['Directory.Read.All'], false],
    ['AuditLog.Read.All', ['Directory.Read.All'], false],
    ['DeviceManagementManagedDevices.Read.All', ['Directory.ReadWrite.All'], false],
    ['User.Read.All', ['Device.Read.All'], false],
  ])('%s by %j: %j', (permission, roles, granted) => {
    expect(isGranted(new Set(roles), permission)).toBe(granted);
  });
});
