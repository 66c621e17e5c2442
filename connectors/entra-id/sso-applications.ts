// SPDX-License-Identifier: Apache-2.0
import { isMicrosoftOwned, toApplication } from './application-record.ts';
import { collectionStream } from './directory-stream.ts';
import { propertyOf } from './raw-row.ts';
import { ApplicationRow } from './rows.ts';
import { CertificateLookups } from './certificate-lookups.ts';

export const ssoApplications = collectionStream({
  name: 'ssoApplications',
  record: 'SsoApplication',
  needs: ['Application.Read.All'],
  row: ApplicationRow,
  toRecord: toApplication,
  restorable: 'servicePrincipal',
  reading(session) {
    const lookups = new CertificateLookups(session.graph);
    return {
      resource: 'servicePrincipals',
      keeps: (raw) => isApplication(raw, session.config.microsoftApplications === true),
      leavesOut: `${session.config.microsoftApplications === true ? '' : "Microsoft's own and "}those of machines`,
      complete: (rows) => lookups.complete(rows),
      untold: () => lookups.failure,
    };
  },
});

/** What people sign in to: no identities of machines, and of Microsoft's own only where they are asked for. */
export function isApplication(raw: unknown, microsoftToo: boolean): boolean {
  const type = propertyOf(raw, 'servicePrincipalType');
  if (type === 'ManagedIdentity' || type === 'SocialIdp') return false;
  return microsoftToo || !isMicrosoftOwned(propertyOf(raw, 'appOwnerOrganizationId'));
}
