// SPDX-License-Identifier: Apache-2.0
import type { Directory } from '../directory.ts';
import type { Row } from '../rows.ts';
import { guid } from './seed.ts';

export interface Certificate {
  /** Tells it from others of the application. */
  readonly label: string;
  readonly startDateTime: string;
  readonly endDateTime: string;
  /** Whether it signs. */
  readonly active: boolean;
}

/** The certificates of an application as the directory keeps them: each a pair of keys and a password, and which one signs. */
export function signingCertificates(
  seed: number,
  index: number,
  certificates: readonly Certificate[],
): Record<string, unknown> {
  const marked = certificates.map((one) => {
    const digest = guid(seed, `certificate-${one.label}`, index).replaceAll('-', '').slice(0, 20);
    return { ...one, thumbprint: Buffer.from(digest, 'latin1').toString('hex').toUpperCase().slice(0, 40) };
  });
  const active = marked.find((one) => one.active);
  const shared = marked.map(({ thumbprint, startDateTime, endDateTime }) => ({
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

/** Changes when the certificate that signs for an application ends. Throws where none signs. */
export function endCertificate(directory: Directory, application: string, endDateTime: string): void {
  const entity = directory.find(application)?.entity;
  const thumbprint = entity?.['preferredTokenSigningKeyThumbprint'];
  if (entity === undefined || typeof thumbprint !== 'string')
    throw new Error(`the emulator has no certificate that signs for ${application}`);
  const identifier = Buffer.from(thumbprint, 'hex').toString('base64');
  const ended = (credentials: unknown) =>
    (credentials as readonly Row[]).map((one) =>
      one['customKeyIdentifier'] === identifier ? { ...one, endDateTime } : one,
    );
  directory.update(application, {
    keyCredentials: ended(entity['keyCredentials']),
    passwordCredentials: ended(entity['passwordCredentials']),
  });
}
