// SPDX-License-Identifier: Apache-2.0
import type { Directory, Entity } from '../directory.ts';
import { daysFrom, guid, hoursBefore, pick } from './seed.ts';

/** Tenants in which Microsoft's own applications are at home. */
const microsoftTenants = ['f8cdef31-a31e-4b4a-93e4-5f571e91255a', '72f988bf-86f1-41af-91ab-2d7cd011db47'];
const modes = ['saml', 'oidc', 'saml', null, 'password', 'notSupported'] as const;
const zeroRole = '00000000-0000-0000-0000-000000000000';

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
  const appId = guid(seed, 'appId', index);
  const common = {
    appId,
    accountEnabled: index % 17 !== 16,
    servicePrincipalType: index % 12 === 7 ? 'ManagedIdentity' : 'Application',
    servicePrincipalNames: [appId, `https://app-${index}.example.com`],
    signInAudience: 'AzureADMyOrg',
    createdDateTime: daysFrom(-1000 + (index % 900)),
    keyCredentials: [],
    passwordCredentials: [],
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
    displayName: `Business App ${index}`,
    appDisplayName: `Business App ${index}`,
    appOwnerOrganizationId: tenantId,
    appRoleAssignmentRequired: index % 2 === 0,
    appRoles: [role(seed, index, 'Reader'), role(seed, index, 'Approver')],
    homepage: `https://app-${index}.example.com`,
    loginUrl: mode === 'saml' ? `https://app-${index}.example.com/sso` : null,
    notificationEmailAddresses: mode === 'saml' ? ['identity@contoso.example'] : [],
    preferredSingleSignOnMode: mode,
    replyUrls: mode === 'oidc' || mode === 'saml' ? [`https://app-${index}.example.com/callback`] : [],
    samlSingleSignOnSettings: mode === 'saml' ? { relayState: null } : null,
    tags: ['WindowsAzureActiveDirectoryIntegratedApp'],
    ...(mode === 'saml' ? signing(seed, own) : {}),
  };
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

/** An expired certificate, then the one in use, then sometimes its successor: each a pair of keys and a password. */
function signing(seed: number, index: number): Record<string, unknown> {
  const years = index % 4 === 0 ? [-3, 0] : [-3, 0, 1];
  const certificates = years.map((year) => {
    const digest = guid(seed, `certificate-${year}`, index).replaceAll('-', '').slice(0, 20);
    const thumbprint = Buffer.from(digest, 'latin1').toString('hex').toUpperCase().slice(0, 40);
    const endDateTime = daysFrom(year * 365 + (index % 12) * 30 - 20);
    return { year, thumbprint, endDateTime, startDateTime: daysFrom((year - 3) * 365) };
  });
  const active = certificates.find(({ year }) => year === 0);
  const shared = certificates.map(({ thumbprint, startDateTime, endDateTime }) => ({
    customKeyIdentifier: Buffer.from(thumbprint, 'hex').toString('base64'),
    startDateTime,
    endDateTime,
  }));
  const keys = shared.flatMap((one, at) =>
    (['Sign', 'Verify'] as const).map((usage) => ({
      ...one,
      keyId: guid(seed, `key-${usage}-${at}`, index),
      displayName: 'CN=Microsoft Azure Federated SSO Certificate',
      type: usage === 'Sign' ? 'X509CertAndPassword' : 'AsymmetricX509Cert',
      usage,
      key: usage === 'Verify' ? Buffer.from(`certificate ${at} of ${index}`).toString('base64') : null,
    })),
  );
  const passwords = shared.map((one, at) => ({
    ...one,
    keyId: guid(seed, `key-Sign-${at}`, index),
    displayName: 'CN=Microsoft Azure Federated SSO Certificate',
    hint: null,
    secretText: null,
  }));
  return {
    preferredTokenSigningKeyThumbprint: active?.thumbprint,
    keyCredentials: keys,
    passwordCredentials: passwords,
  };
}

/** Who may use each application: some users, and a group. */
export function appRoleAssignments(
  directory: Directory,
  users: readonly string[],
  groups: readonly string[],
): Map<string, Entity[]> {
  const assigned = new Map<string, Entity[]>();
  let index = 0;
  for (const application of directory.objects.servicePrincipal) {
    index += 1;
    const roles = application['appRoles'] as readonly { readonly id: string }[];
    if (roles.length === 0) continue;
    const people =
      users.length === 0
        ? []
        : Array.from({ length: 3 + (index % 5) }, (_, at) => pick(users, index * 11 + at));
    const principals = [...new Set(people)].concat(groups.length === 0 ? [] : [pick(groups, index)]);
    assigned.set(
      application.id,
      principals.map((principalId, at) => {
        const principal = directory.find(principalId);
        return {
          id: Buffer.from(`${application.id}/${principalId}`).toString('base64url'),
          appRoleId: at % 3 === 0 ? zeroRole : (roles[at % 2]?.id ?? zeroRole),
          createdDateTime: hoursBefore(at * 100 + index),
          principalId,
          principalType: principal?.type === 'group' ? 'Group' : 'User',
          principalDisplayName: principal?.entity['displayName'],
          resourceId: application.id,
          resourceDisplayName: application['displayName'],
        };
      }),
    );
  }
  return assigned;
}
