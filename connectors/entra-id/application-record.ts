// SPDX-License-Identifier: Apache-2.0
import type { AttributeMap, NormalisedRecord } from '../../src/inventory/kinds.ts';
import type { ApplicationRow, KeyCredential } from './rows.ts';
import { certificatesOf, isSigningUntold, signingCertificateOf } from './signing-certificate.ts';
import { attributesOf, flagOf, idOf, present, textOf, timeOf } from './values.ts';

type Columns = NormalisedRecord<'SsoApplication'>['columns'];
type Mode = NonNullable<Columns['mode']>;

/** Null on most applications that sign in by OpenID Connect, so it does not mean that there is none. Pure. */
export function modeOf(mode: string | null | undefined): Mode {
  switch (mode) {
    case 'saml':
    case 'oidc':
    case 'password':
      return mode;
    case 'notSupported':
      return 'none';
    default:
      return 'unknown';
  }
}

/** Tenants in which Microsoft's own applications are registered (product documentation of first-party applications). */
const microsoftTenants: ReadonlySet<string> = new Set([
  'f8cdef31-a31e-4b4a-93e4-5f571e91255a',
  '72f988bf-86f1-41af-91ab-2d7cd011db47',
]);

export function isMicrosoftOwned(ownerTenant: unknown): boolean {
  return typeof ownerTenant === 'string' && microsoftTenants.has(ownerTenant.toLowerCase());
}

/** Pure. Of secrets and keys only their times are kept. */
export function toApplication(row: ApplicationRow): NormalisedRecord<'SsoApplication'> {
  const certificates = certificatesOf(row);
  const signing = signingCertificateOf(row);
  const secrets = secretsOf(row);
  const isUntold = isSigningUntold(row);
  const columns = present<Columns>({
    name: textOf(row.displayName),
    applicationId: idOf(row.appId),
    mode: modeOf(row.preferredSingleSignOnMode),
    modeLabel: textOf(row.preferredSingleSignOnMode),
    active: flagOf(row.accountEnabled),
    assignmentRequired: flagOf(row.appRoleAssignmentRequired),
    loginUrl: textOf(row.loginUrl, 2048),
    homepage: textOf(row.homepage, 2048),
    certificateThumbprint: isUntold
      ? undefined
      : textOf(row.preferredTokenSigningKeyThumbprint?.toUpperCase()),
    certificateStartsAt: timeOf(signing?.startDateTime),
    certificateExpiresAt: timeOf(signing?.endDateTime),
    certificateCount: certificates.length,
    secretExpiresAt: latest(secrets.map(({ endDateTime }) => timeOf(endDateTime))),
    secretCount: secrets.length,
    ownerTenantId: idOf(row.appOwnerOrganizationId),
    sourceCreatedAt: timeOf(row.createdDateTime),
  });
  return {
    externalId: row.id.toLowerCase(),
    columns,
    // Together: a new thumbprint would make the end of the certificate before its own.
    ...(isUntold ? { untold: ['certificateThumbprint', 'certificateStartsAt', 'certificateExpiresAt'] } : {}),
    attributes: {
      ...attributesOf(row, columns, {
        ...{
          keyCredentials: true,
          passwordCredentials: true,
          displayName: 'name',
          appId: 'applicationId',
        },
        ...{ preferredSingleSignOnMode: 'modeLabel', accountEnabled: 'active', loginUrl: 'loginUrl' },
        ...{ appRoleAssignmentRequired: 'assignmentRequired', homepage: 'homepage' },
        ...{ appOwnerOrganizationId: 'ownerTenantId', createdDateTime: 'sourceCreatedAt' },
        preferredTokenSigningKeyThumbprint: true,
      }),
      ...(certificates.length === 0
        ? {}
        : { certificates: certificates.map((one) => periodOf(one, one === signing)) }),
    },
  };
}

function periodOf(certificate: KeyCredential, signs: boolean): AttributeMap {
  const startsAt = timeOf(certificate.startDateTime);
  const expiresAt = timeOf(certificate.endDateTime);
  const keyId = textOf(certificate.keyId);
  return {
    ...(keyId === undefined ? {} : { keyId }),
    ...(startsAt === undefined ? {} : { startsAt }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(signs ? { signs } : {}),
  };
}

/** Without those that only protect the private half of a certificate, whose identifier or key id they have (client). */
function secretsOf({ passwordCredentials, keyCredentials }: ApplicationRow) {
  const named = (text: string | null | undefined) => (text === null || text === '' ? undefined : text);
  const ofCertificates = new Set(
    (keyCredentials ?? []).flatMap((one) => [named(one.customKeyIdentifier), named(one.keyId)]),
  );
  ofCertificates.delete(undefined);
  return (passwordCredentials ?? []).filter(
    (one) => !ofCertificates.has(named(one.customKeyIdentifier)) && !ofCertificates.has(named(one.keyId)),
  );
}

function latest(times: readonly (string | undefined)[]): string | undefined {
  return times
    .filter((time) => time !== undefined)
    .toSorted()
    .at(-1);
}
