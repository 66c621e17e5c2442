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

/** Certificates come as a pair of a private and a public half; the public one stands for both. Pure. */
export function certificatesOf({
  keyCredentials,
}: Pick<ApplicationRow, 'keyCredentials'>): readonly KeyCredential[] {
  const byCertificate = new Map<string, KeyCredential>();
  for (const credential of keyCredentials ?? []) {
    const { customKeyIdentifier, keyId, usage } = credential;
    const key = customKeyIdentifier ?? keyId ?? JSON.stringify(credential);
    if (!byCertificate.has(key) || usage === 'Verify') byCertificate.set(key, credential);
  }
  return [...byCertificate.values()];
}

/**
 * The certificate by which an application's tokens are signed: the one that its thumbprint names. Without a thumbprint the only one there
 * is; of several nobody can say. Pure.
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
  return row.preferredSingleSignOnMode === 'saml' && certificates.length === 1 ? certificates[0] : undefined;
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

/** Hexadecimal SHA-1 of a certificate in DER form, given in base64; undefined for an empty one. Pure. */
export function thumbprintOf(key: unknown): string | undefined {
  if (typeof key !== 'string' || key === '') return undefined;
  return hash('sha1', Buffer.from(key, 'base64'), 'hex').toUpperCase();
}
