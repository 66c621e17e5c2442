// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import type { Credentials } from './contract.ts';
import { Failure } from './failure.ts';

/**
 * Certificate authorities that are trusted beside the machine's own, PEM: of the key `ca.crt` of the Secret and of spec.tls.ca. Throws a
 * Failure for a text that holds none, since a connection would only say that the certificate is not trusted.
 */
export function authoritiesOf(
  credentials: Pick<Credentials, 'optional' | 'source'>,
  specCa: string | undefined,
): string[] {
  const remedy = 'give certificates in PEM form, from BEGIN CERTIFICATE to END CERTIFICATE';
  const ofSecret = credentials.optional('ca.crt');
  return [
    ...(ofSecret === undefined
      ? []
      : certificatesIn(
          ofSecret,
          (why) => new Failure('credentials', `${credentials.source}: key ca.crt ${why}; ${remedy}`),
        )),
    ...(specCa === undefined
      ? []
      : certificatesIn(specCa, (why) => new Failure('configuration', `spec.tls.ca ${why}; ${remedy}`))),
  ];
}

function certificatesIn(pem: string, failure: (why: string) => Failure): string[] {
  const found = pem.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gsu) ?? [];
  if (found.length === 0) throw failure('holds no certificate');
  for (const [index, one] of found.entries()) {
    if (!isCertificate(one)) throw failure(`: certificate ${index + 1} of ${found.length} cannot be read`);
  }
  return found;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

/** Made once for a run: reading the machine's authorities for each connection would cost more than the connection. */
export function trusting(authorities: readonly string[]): SecureContext {
  return authorities.length === 0
    ? createSecureContext()
    : createSecureContext({ ca: [...getCACertificates('default'), ...authorities] });
}
