// SPDX-License-Identifier: Apache-2.0
import { Compile } from 'typebox/compile';
import { isMicrosoftOwned, toApplication } from './application-record.ts';
import { collectionStream } from './directory-stream.ts';
import { idIn, isObject, isSafeId, keptOf, propertyOf } from './raw-row.ts';
import { ApplicationRow, KeyCredential, propertiesOf } from './rows.ts';
import type { Session } from './session.ts';
import { needsCertificates, thumbprintOf } from './signing-certificate.ts';

const rowCheck = Compile(ApplicationRow);

export const ssoApplications = collectionStream({
  name: 'ssoApplications',
  record: 'SsoApplication',
  needs: ['Application.Read.All'],
  row: ApplicationRow,
  toRecord: toApplication,
  restorable: 'servicePrincipal',
  reading: (session) => ({
    resource: 'servicePrincipals',
    keeps: (raw) => isApplication(raw, session.config.microsoftApplications === true),
    leavesOut: `${session.config.microsoftApplications === true ? '' : "Microsoft's own and "}those of machines`,
    complete: (rows) => withThumbprints(session, rows),
  }),
});

/** What people sign in to: no identities of machines, and of Microsoft's own only where they are asked for. */
export function isApplication(raw: unknown, microsoftToo: boolean): boolean {
  const type = propertyOf(raw, 'servicePrincipalType');
  if (type === 'ManagedIdentity' || type === 'SocialIdp') return false;
  return microsoftToo || !isMicrosoftOwned(propertyOf(raw, 'appOwnerOrganizationId'));
}

/**
 * Rows with the thumbprints of their certificates where nothing else says which one signs: only a single read gives the certificates
 * themselves, so they are asked for there alone. Nothing of a key is kept, see `toApplication` and `isSecretName`.
 */
async function withThumbprints(session: Session, rows: readonly unknown[]): Promise<readonly unknown[]> {
  const open = rows.flatMap((row) =>
    rowCheck.Check(row) && isSafeId(row.id) && needsCertificates(row) ? [row.id.toLowerCase()] : [],
  );
  if (open.length === 0) return rows;
  const subject = 'ssoApplications (needs Application.Read.All)';
  const items = open.map((id) => ({ id, url: `/servicePrincipals/${id}?$select=id,keyCredentials` }));
  const answers = await session.graph.batch(subject, items);
  return rows.map((row) => {
    const answered = answers.get(idIn(row) ?? '');
    return answered?.status === 200 && isObject(row)
      ? { ...row, keyCredentials: listOf(propertyOf(answered.body, 'keyCredentials')).map(withThumbprint) }
      : row;
  });
}

function withThumbprint(credential: unknown): unknown {
  const thumbprint = thumbprintOf(propertyOf(credential, 'key'));
  const bare = keptOf(credential, new Set(propertiesOf(KeyCredential)));
  return isObject(bare) && thumbprint !== undefined ? { ...bare, thumbprint } : bare;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
