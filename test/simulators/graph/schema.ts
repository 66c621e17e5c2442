// SPDX-License-Identifier: Apache-2.0

/** What Graph v1.0 knows of a type: names from the published schema (CSDL). */
export interface TypeFacts {
  readonly properties: ReadonlySet<string>;
  /** Given without $select; all properties when absent. */
  readonly defaults?: readonly string[];
  readonly collections: ReadonlySet<string>;
  /** Kept outside the directory: not on a collection (501), not in a delta. */
  readonly singleOnly: ReadonlySet<string>;
  readonly relations: ReadonlySet<string>;
}

const words = (text: string) => text.split(/\s+/u).filter((word) => word !== '');

/** A name with [] is a collection. */
function facts(
  properties: string,
  more: { readonly defaults?: string; readonly singleOnly?: string; readonly relations?: string } = {},
): TypeFacts {
  const named = words(`id ${properties}`);
  return {
    properties: new Set(named.map((name) => name.replace('[]', ''))),
    ...(more.defaults === undefined ? {} : { defaults: words(more.defaults) }),
    collections: new Set(named.filter((name) => name.endsWith('[]')).map((name) => name.slice(0, -2))),
    singleOnly: new Set(words(more.singleOnly ?? '')),
    relations: new Set(words(more.relations ?? '')),
  };
}

const schedule =
  'principalId roleDefinitionId directoryScopeId appScopeId startDateTime endDateTime memberType';
const outsideDirectory =
  'aboutMe birthday hireDate interests mySite pastProjects preferredName responsibilities schools skills mailboxSettings';

export const schema = {
  organization: facts(
    `businessPhones[] city country countryLetterCode createdDateTime deletedDateTime displayName onPremisesLastSyncDateTime
     onPremisesSyncEnabled postalCode preferredLanguage state street technicalNotificationMails[] tenantType verifiedDomains[]`,
  ),
  user: facts(
    `accountEnabled ageGroup assignedLicenses[] assignedPlans[] businessPhones[] city companyName country createdDateTime
     creationType deletedDateTime department displayName employeeHireDate employeeId employeeLeaveDateTime employeeOrgData
     employeeType externalUserState externalUserStateChangeDateTime faxNumber givenName identities[] imAddresses[]
     isResourceAccount jobTitle lastPasswordChangeDateTime legalAgeGroupClassification licenseAssignmentStates[] mail
     mailNickname mobilePhone officeLocation onPremisesDistinguishedName onPremisesDomainName onPremisesExtensionAttributes
     onPremisesImmutableId onPremisesLastSyncDateTime onPremisesProvisioningErrors[] onPremisesSamAccountName
     onPremisesSecurityIdentifier onPremisesSyncEnabled onPremisesUserPrincipalName otherMails[] passwordPolicies
     passwordProfile postalCode preferredDataLocation preferredLanguage provisionedPlans[] proxyAddresses[]
     securityIdentifier showInAddressList signInActivity signInSessionsValidFromDateTime state streetAddress surname
     usageLocation userPrincipalName userType ${outsideDirectory}`,
    {
      defaults: `businessPhones displayName givenName jobTitle mail mobilePhone officeLocation preferredLanguage surname
                 userPrincipalName id`,
      singleOnly: outsideDirectory,
      relations: 'manager directReports memberOf transitiveMemberOf ownedDevices registeredDevices',
    },
  ),
  group: facts(
    `assignedLabels[] assignedLicenses[] classification createdDateTime deletedDateTime description displayName
     expirationDateTime groupTypes[] isAssignableToRole isManagementRestricted mail mailEnabled mailNickname membershipRule
     membershipRuleProcessingState onPremisesDomainName onPremisesLastSyncDateTime onPremisesNetBiosName
     onPremisesProvisioningErrors[] onPremisesSamAccountName onPremisesSecurityIdentifier onPremisesSyncEnabled
     preferredDataLocation preferredLanguage proxyAddresses[] renewedDateTime resourceBehaviorOptions[]
     resourceProvisioningOptions[] securityEnabled securityIdentifier theme uniqueName visibility allowExternalSenders
     autoSubscribeNewMembers hideFromAddressLists hideFromOutlookClients isSubscribedByMail unseenCount`,
    {
      singleOnly:
        'allowExternalSenders autoSubscribeNewMembers hideFromAddressLists hideFromOutlookClients isSubscribedByMail unseenCount',
      relations: 'members owners memberOf transitiveMembers transitiveMemberOf',
    },
  ),
  device: facts(
    `accountEnabled alternativeSecurityIds[] approximateLastSignInDateTime complianceExpirationDateTime deletedDateTime
     deviceCategory deviceId deviceMetadata deviceOwnership deviceVersion displayName enrollmentProfileName enrollmentType
     isCompliant isManaged isManagementRestricted isRooted managementType manufacturer mdmAppId model
     onPremisesLastSyncDateTime onPremisesSecurityIdentifier onPremisesSyncEnabled operatingSystem operatingSystemVersion
     physicalIds[] profileType registrationDateTime systemLabels[] trustType`,
    { relations: 'memberOf registeredOwners registeredUsers transitiveMemberOf' },
  ),
  // `createdDateTime` is not in the published schema; recorded answers have it.
  servicePrincipal: facts(
    `accountEnabled addIns[] alternativeNames[] appDescription appDisplayName appId applicationTemplateId
     appOwnerOrganizationId appRoleAssignmentRequired appRoles[] createdByAppId createdDateTime deletedDateTime description
     disabledByMicrosoftStatus displayName homepage info isDisabled keyCredentials[] loginUrl logoutUrl notes
     notificationEmailAddresses[] oauth2PermissionScopes[] passwordCredentials[] preferredSingleSignOnMode
     preferredTokenSigningKeyThumbprint replyUrls[] resourceSpecificApplicationPermissions[] samlSingleSignOnSettings
     servicePrincipalNames[] servicePrincipalType signInAudience tags[] tokenEncryptionKeyId verifiedPublisher`,
    { relations: 'appRoleAssignedTo appRoleAssignments memberOf owners transitiveMemberOf' },
  ),
  orgContact: facts(
    `companyName deletedDateTime department displayName givenName jobTitle mail mailNickname onPremisesSyncEnabled
     proxyAddresses[] surname`,
  ),
  managedDevice: facts(
    `activationLockBypassCode androidSecurityPatchLevel azureADDeviceId azureADRegistered
     complianceGracePeriodExpirationDateTime complianceState deviceCategoryDisplayName deviceEnrollmentType deviceName
     deviceRegistrationState easActivated easActivationDateTime easDeviceId emailAddress enrolledDateTime
     enrollmentProfileName ethernetMacAddress exchangeAccessState exchangeAccessStateReason
     exchangeLastSuccessfulSyncDateTime freeStorageSpaceInBytes iccid imei isEncrypted isSupervised jailBroken
     lastSyncDateTime managedDeviceName managedDeviceOwnerType managementAgent managementCertificateExpirationDate
     managementState manufacturer meid model notes operatingSystem osVersion partnerReportedThreatState phoneNumber
     physicalMemoryInBytes remoteAssistanceSessionUrl requireUserEnrollmentApproval serialNumber subscriberCarrier
     totalStorageSpaceInBytes udid userDisplayName userId userPrincipalName wiFiMacAddress`,
    { relations: 'deviceCompliancePolicyStates users' },
  ),
  unifiedRoleDefinition: facts(
    'description displayName isBuiltIn isEnabled resourceScopes[] rolePermissions[] templateId version',
  ),
  unifiedRoleAssignment: facts(
    'appScopeId condition directoryScopeId principalId principalOrganizationId roleDefinitionId',
    {
      defaults: 'id principalId directoryScopeId roleDefinitionId',
      relations: 'principal roleDefinition',
    },
  ),
  unifiedRoleEligibilityScheduleInstance: facts(`${schedule} roleEligibilityScheduleId`, {
    relations: 'principal roleDefinition',
  }),
  unifiedRoleAssignmentScheduleInstance: facts(
    `${schedule} assignmentType roleAssignmentOriginId roleAssignmentScheduleId`,
    { relations: 'principal roleDefinition' },
  ),
  appRoleAssignment: facts(
    'appRoleId createdDateTime deletedDateTime principalDisplayName principalId principalType resourceDisplayName resourceId',
  ),
  directoryRole: facts('deletedDateTime description displayName roleTemplateId', { relations: 'members' }),
  subscribedSku: facts(
    `accountId accountName appliesTo capabilityStatus consumedUnits prepaidUnits servicePlans[] skuId skuPartNumber
     subscriptionIds[]`,
  ),
} as const satisfies Readonly<Record<string, TypeFacts>>;

export type TypeName = keyof typeof schema;

export function factsOf(type: TypeName): TypeFacts {
  return schema[type];
}
