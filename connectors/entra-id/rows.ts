// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from 'typebox';

/** Rows as Graph gives them: only the properties that are read by name, each of which may be null. What a mapping asks for comes beside. */
const Text = Type.Optional(Type.Union([Type.String(), Type.Null()]));
const Flag = Type.Optional(Type.Union([Type.Boolean(), Type.Null()]));
const Texts = Type.Optional(Type.Union([Type.Array(Type.String()), Type.Null()]));
const id = Type.String({ minLength: 1, maxLength: 128 });
const open = { additionalProperties: Type.Unknown() } as const;

const Reference = Type.Object(
  { '@odata.type': Type.Optional(Type.String()), id: Type.String({ minLength: 1 }) },
  open,
);

export const UserRow = Type.Object(
  {
    id,
    ...{
      userPrincipalName: Text,
      displayName: Text,
      givenName: Text,
      surname: Text,
      mail: Text,
      otherMails: Texts,
    },
    ...{ accountEnabled: Flag, department: Text, jobTitle: Text, companyName: Text, employeeId: Text },
    ...{
      officeLocation: Text,
      businessPhones: Texts,
      mobilePhone: Text,
      userType: Text,
      createdDateTime: Text,
    },
    ...{ onPremisesImmutableId: Text, onPremisesSamAccountName: Text, onPremisesDomainName: Text },
    ...{ onPremisesSyncEnabled: Flag, onPremisesSecurityIdentifier: Text },
    manager: Type.Optional(Type.Union([Reference, Type.Null()])),
    signInActivity: Type.Optional(
      Type.Union([
        Type.Object(
          {
            lastSignInDateTime: Text,
            lastNonInteractiveSignInDateTime: Text,
            lastSuccessfulSignInDateTime: Text,
          },
          open,
        ),
        Type.Null(),
      ]),
    ),
  },
  open,
);
export type UserRow = Static<typeof UserRow>;

export const GroupRow = Type.Object(
  {
    id,
    ...{ displayName: Text, description: Text, mail: Text, mailNickname: Text, visibility: Text },
    ...{ mailEnabled: Flag, securityEnabled: Flag, groupTypes: Texts, isAssignableToRole: Flag },
    ...{ membershipRule: Text, membershipRuleProcessingState: Text, securityIdentifier: Text },
    ...{ onPremisesSamAccountName: Text, onPremisesSecurityIdentifier: Text, onPremisesSyncEnabled: Flag },
    createdDateTime: Text,
  },
  open,
);
export type GroupRow = Static<typeof GroupRow>;

/** Made by the reader of memberships from what a delta says of a group. */
export const MemberRow = Type.Object({
  groupId: id,
  member: Type.Object({ '@odata.type': Type.Optional(Type.String()), id }),
});
export type MemberRow = Static<typeof MemberRow>;

export const DeviceRow = Type.Object(
  {
    id,
    ...{ deviceId: Text, displayName: Text, operatingSystem: Text, operatingSystemVersion: Text },
    ...{ trustType: Text, profileType: Text, accountEnabled: Flag, isCompliant: Flag, isManaged: Flag },
    ...{ manufacturer: Text, model: Text, mdmAppId: Text, managementType: Text, deviceOwnership: Text },
    ...{ enrollmentType: Text, enrollmentProfileName: Text, registrationDateTime: Text },
    ...{ approximateLastSignInDateTime: Text, complianceExpirationDateTime: Text },
    ...{ onPremisesSyncEnabled: Flag, onPremisesLastSyncDateTime: Text, onPremisesSecurityIdentifier: Text },
    physicalIds: Texts,
    registeredOwners: Type.Optional(Type.Union([Type.Array(Reference), Type.Null()])),
  },
  open,
);
export type DeviceRow = Static<typeof DeviceRow>;

const Size = Type.Optional(Type.Union([Type.Number(), Type.Null()]));

export const ManagedDeviceRow = Type.Object(
  {
    id,
    ...{ deviceName: Text, serialNumber: Text, azureADDeviceId: Text, azureADRegistered: Flag },
    ...{ complianceState: Text, complianceGracePeriodExpirationDateTime: Text, enrolledDateTime: Text },
    ...{ lastSyncDateTime: Text, managedDeviceOwnerType: Text, managementAgent: Text, managementState: Text },
    ...{ deviceEnrollmentType: Text, deviceRegistrationState: Text, enrollmentProfileName: Text },
    ...{ operatingSystem: Text, osVersion: Text, manufacturer: Text, model: Text, isEncrypted: Flag },
    ...{ isSupervised: Flag, jailBroken: Text, imei: Text, meid: Text, wiFiMacAddress: Text },
    ...{ ethernetMacAddress: Text, udid: Text, partnerReportedThreatState: Text, userId: Text },
    ...{ totalStorageSpaceInBytes: Size, freeStorageSpaceInBytes: Size, userPrincipalName: Text },
    ...{ userDisplayName: Text, emailAddress: Text, androidSecurityPatchLevel: Text },
  },
  open,
);
export type ManagedDeviceRow = Static<typeof ManagedDeviceRow>;

/** A certificate of an application. `key` is taken out before it is a row; `thumbprint` is then put in, where it was worked out. */
export const KeyCredential = Type.Object(
  {
    ...{ keyId: Text, displayName: Text, type: Text, usage: Text, startDateTime: Text, endDateTime: Text },
    ...{ customKeyIdentifier: Text, thumbprint: Text },
  },
  open,
);
export type KeyCredential = Static<typeof KeyCredential>;

export const PasswordCredential = Type.Object(
  { keyId: Text, startDateTime: Text, endDateTime: Text, customKeyIdentifier: Text },
  open,
);
export type PasswordCredential = Static<typeof PasswordCredential>;

export const ApplicationRow = Type.Object(
  {
    id,
    ...{
      appId: Text,
      displayName: Text,
      appDisplayName: Text,
      servicePrincipalType: Text,
      accountEnabled: Flag,
    },
    ...{ appOwnerOrganizationId: Text, appRoleAssignmentRequired: Flag, preferredSingleSignOnMode: Text },
    ...{ loginUrl: Text, logoutUrl: Text, homepage: Text, replyUrls: Texts, servicePrincipalNames: Texts },
    ...{ notificationEmailAddresses: Texts, preferredTokenSigningKeyThumbprint: Text, tags: Texts },
    ...{ signInAudience: Text, createdDateTime: Text },
    keyCredentials: Type.Optional(Type.Union([Type.Array(KeyCredential), Type.Null()])),
    passwordCredentials: Type.Optional(Type.Union([Type.Array(PasswordCredential), Type.Null()])),
  },
  open,
);
export type ApplicationRow = Static<typeof ApplicationRow>;

/** The properties of a row's schema: what is asked for by `$select`. */
export function propertiesOf(
  schema: { readonly properties: Readonly<Record<string, unknown>> },
  without: readonly string[] = [],
): readonly string[] {
  return Object.keys(schema.properties).filter((name) => !without.includes(name));
}
