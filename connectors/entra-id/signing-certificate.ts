// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import type { ApplicationRow, KeyCredential } from './rows.ts';

const sha1Hex = /^[0-9A-F]{40}$/u;

/**
 * Whether a certificate is the one that a thumbprint names: hexadecimal SHA-1 of the certificate. A credential does not hold that; its
 * `customKeyIdentifier` (base64) is, by the way it was made, the bytes of the thumbprint, its text, or the SHA-256 of its text (client). Where
 * none fits, the thumbprint is worked out of the certificate itself, by the reader. Pure.
 */
export function hasThumbprint(credential: KeyCredential, thumbprint: string): boolean {
  const wanted = thumbprint.toUpperCase();
  if (credential.thumbprint?.toUpperCase() === wanted) return true;
  const { customKeyIdentifier: identifier } = credential;
  if (identifier === null || identifier === undefined || identifier === '') return false;
  const bytes = Buffer.from(identifier, 'base64');
  return (
    bytes.toString('hex').toUpperCase() === wanted ||
    bytes.toString('latin1').toUpperCase() === wanted ||
    [wanted, wanted.toLowerCase()].some((text) => hash('sha256', text, 'base64') === identifier)
  );
}

/**
 * Certificates come as a pair of a private and a public half; the public one stands for both. An identifier tells which belong together; of
 * halves without one, a private and a public of the same name and times do. Pure.
 */
export function certificatesOf({
  keyCredentials,
}: Pick<ApplicationRow, 'keyCredentials'>): readonly KeyCredential[] {
  const byIdentifier = new Map<string, KeyCredential>();
  const bare = new Map<string, KeyCredential[]>();
  for (const credential of keyCredentials ?? []) {
    const { customKeyIdentifier: identifier, startDateTime, endDateTime, displayName } = credential;
    if (identifier !== null && identifier !== undefined && identifier !== '') {
      if (!byIdentifier.has(identifier) || credential.usage === 'Verify')
        byIdentifier.set(identifier, credential);
      continue;
    }
    const likeness = JSON.stringify([startDateTime, endDateTime, displayName ?? null]);
    const alike = bare.get(likeness);
    if (alike === undefined) bare.set(likeness, [credential]);
    else alike.push(credential);
  }
  return [...byIdentifier.values(), ...[...bare.values()].flatMap(withoutPrivateHalves)];
}

/** Of as many private halves as there are public ones nothing is left; what has no other half stands for itself. */
function withoutPrivateHalves(alike: readonly KeyCredential[]): readonly KeyCredential[] {
  const ofPublic = alike.filter(({ usage }) => usage === 'Verify');
  const ofPrivate = alike.filter(({ usage }) => usage === 'Sign');
  const others = alike.filter(({ usage }) => usage !== 'Verify' && usage !== 'Sign');
  return [...ofPublic, ...ofPrivate.slice(ofPublic.length), ...others];
}

/**
 * The certificate by which an application's tokens are signed: the one that its thumbprint names. Without a thumbprint the only one there
 * is, but for those that encrypt; of several nobody can say. Pure.
 */
export function signingCertificateOf(
  row: Pick<
    ApplicationRow,
    'keyCredentials' | 'preferredTokenSigningKeyThumbprint' | 'preferredSingleSignOnMode'
  >,
): KeyCredential | undefined {
  const certificates = certificatesOf(row);
  const thumbprint = row.preferredTokenSigningKeyThumbprint ?? '';
  if (thumbprint !== '') return certificates.find((one) => hasThumbprint(one, thumbprint));
  if (row.preferredSingleSignOnMode !== 'saml') return undefined;
  const signing = certificates.filter(({ usage }) => usage !== 'Encrypt');
  return signing.length === 1 ? signing[0] : undefined;
}

/** Whether the certificate must be looked up in full, to say which one signs. Pure. */
export function needsCertificates(row: ApplicationRow): boolean {
  const thumbprint = row.preferredTokenSigningKeyThumbprint ?? '';
  return (
    sha1Hex.test(thumbprint.toUpperCase()) &&
    certificatesOf(row).length > 0 &&
    signingCertificateOf(row) === undefined
  );
}

/** Whether it could not be told which certificate signs: it must be looked up, and not all of them were. Pure. */
export function isSigningUntold(row: ApplicationRow): boolean {
  return needsCertificates(row) && certificatesOf(row).some(({ thumbprint }) => thumbprint === undefined);
}

/** Hexadecimal SHA-1 of a certificate in DER form, given in base64; undefined for an empty one. Pure. */
export function thumbprintOf(key: unknown): string | undefined {
  if (typeof key !== 'string' || key === '') return undefined;
  return hash('sha1', Buffer.from(key, 'base64'), 'hex').toUpperCase();
}
