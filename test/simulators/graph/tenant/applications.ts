// SPDX-License-Identifier: Apache-2.0
import type { Directory } from '../directory.ts';
import { signingCertificates, type Certificate } from './certificates.ts';
import { daysFrom, guid, pick } from './seed.ts';

/** Tenants in which Microsoft's own applications are at home. */
const microsoftTenants = ['f8cdef31-a31e-4b4a-93e4-5f571e91255a', '72f988bf-86f1-41af-91ab-2d7cd011db47'];
const modes = ['saml', 'oidc', 'saml', null, 'password', 'notSupported'] as const;

/** Every third is Microsoft's own; the others have SAML, OIDC, other or no single sign-on. */
export function addServicePrincipals(
  directory: Directory,
  seed: number,
  count: number,
  tenantId: string,
): string[] {
  return Array.from({ length: count }, (_, index) => {
    const id = guid(seed, 'servicePrincipal', index);
    directory.add('servicePrincipal', { id, ...servicePrincipal(seed, index, tenantId) });
    return id;
  });
}

export function isMicrosofts(index: number): boolean {
  return index % 3 === 2;
}

function servicePrincipal(seed: number, index: number, tenantId: string): Record<string, unknown> {
  const common = {
    ...servicePrincipalOf(seed, index, `app-${index}`),
    accountEnabled: index % 17 !== 16,
    servicePrincipalType: index % 12 === 7 ? 'ManagedIdentity' : 'Application',
    createdDateTime: daysFrom(-1000 + (index % 900)),
  };
  if (isMicrosofts(index)) {
    const displayName = `Office Service ${index}`;
    const appOwnerOrganizationId = pick(microsoftTenants, index);
    return {
      ...common,
      displayName,
      appDisplayName: displayName,
      appOwnerOrganizationId,
      appRoles: [],
      tags: [],
    };
  }
  // Two of three in turn are left: counted on their own, so that every mode comes.
  const own = index - Math.floor(index / 3);
  const mode = pick(modes, own);
  return {
    ...common,
    ...businessApplication(seed, index, { displayName: `Business App ${index}`, host: `app-${index}`, mode }),
    appOwnerOrganizationId: tenantId,
    ...(mode === 'saml' ? signingCertificates(seed, own, generations(own)) : {}),
  };
}

function servicePrincipalOf(seed: number, index: number, host: string): Record<string, unknown> {
  const appId = guid(seed, 'appId', index);
  return {
    appId,
    servicePrincipalNames: [appId, `https://${host}.example.com`],
    signInAudience: 'AzureADMyOrg',
    keyCredentials: [],
    passwordCredentials: [],
  };
}

/** An application of the tenant's own with SAML, which signs with the certificates that are handed in. */
export function samlApplication(
  seed: number,
  index: number,
  of: {
    readonly displayName: string;
    readonly host: string;
    readonly tenantId: string;
    readonly certificates: readonly Certificate[];
  },
): Record<string, unknown> {
  return {
    ...servicePrincipalOf(seed, index, of.host),
    accountEnabled: true,
    servicePrincipalType: 'Application',
    createdDateTime: daysFrom(-400),
    ...businessApplication(seed, index, { ...of, mode: 'saml' }),
    appOwnerOrganizationId: of.tenantId,
    ...signingCertificates(seed, index, of.certificates),
  };
}

/** What an application of the tenant's own has besides what all service principals have. */
function businessApplication(
  seed: number,
  index: number,
  { displayName, host, mode }: BusinessApplication,
): Record<string, unknown> {
  return {
    displayName,
    appDisplayName: displayName,
    appRoleAssignmentRequired: index % 2 === 0,
    appRoles: [role(seed, index, 'Reader'), role(seed, index, 'Approver')],
    homepage: `https://${host}.example.com`,
    loginUrl: mode === 'saml' ? `https://${host}.example.com/sso` : null,
    notificationEmailAddresses: mode === 'saml' ? ['identity@contoso.example'] : [],
    preferredSingleSignOnMode: mode,
    replyUrls: mode === 'oidc' || mode === 'saml' ? [`https://${host}.example.com/callback`] : [],
    samlSingleSignOnSettings: mode === 'saml' ? { relayState: null } : null,
    tags: ['WindowsAzureActiveDirectoryIntegratedApp'],
  };
}

interface BusinessApplication {
  readonly displayName: string;
  readonly host: string;
  readonly mode: (typeof modes)[number];
}

function role(seed: number, index: number, value: string): Record<string, unknown> {
  const allowedMemberTypes = ['User'];
  return {
    id: guid(seed, `appRole-${value}`, index),
    displayName: value,
    value,
    isEnabled: true,
    allowedMemberTypes,
  };
}

/** An expired certificate, then the one in use, then sometimes its successor. */
function generations(index: number): Certificate[] {
  const years = index % 4 === 0 ? [-3, 0] : [-3, 0, 1];
  return years.map((year) => ({
    label: String(year),
    startDateTime: daysFrom((year - 3) * 365),
    endDateTime: daysFrom(year * 365 + (index % 12) * 30 - 20),
    active: year === 0,
  }));
}
