// SPDX-License-Identifier: Apache-2.0
import { constants, verify, X509Certificate } from 'node:crypto';

/** What is wrong with a client assertion: the vendor's code and its words; undefined when nothing is. */
export type Wrong = readonly [code: number, message: string] | undefined;

interface Claims {
  readonly [claim: string]: unknown;
}

/** Checks a client assertion as the token endpoint does: form, key, signature, audience, issuer, times. */
export function checkAssertion(
  assertion: string,
  wanted: {
    readonly clientId: string;
    readonly audiences: readonly string[];
    /** PEM. */
    readonly certificates: readonly string[];
    readonly now: Date;
  },
): Wrong {
  const parts = assertion.split('.');
  const [header, claims] = parts.slice(0, 2).map(decoded);
  if (parts.length !== 3 || header === undefined || claims === undefined) {
    return [50027, 'JWT token is invalid or malformed.'];
  }
  if (header['typ'] !== 'JWT')
    return [50027, `JWT token is invalid or malformed: typ '${String(header['typ'])}'.`];
  const certificate = wanted.certificates
    .map((pem) => new X509Certificate(pem))
    .find((one) => isNamed(one, header));
  if (certificate === undefined) {
    return [
      700027,
      'The certificate with identifier used to sign the client assertion is not registered on application.',
    ];
  }
  if (!isSigned(parts, String(header['alg']), certificate))
    return [700027, 'Client assertion failed signature validation.'];
  if (!wanted.audiences.includes(String(claims['aud'])))
    return [50027, `JWT token is invalid or malformed: audience '${String(claims['aud'])}'.`];
  if (claims['iss'] !== wanted.clientId || claims['sub'] !== wanted.clientId) {
    return [700021, 'Client assertion application identifier does not match the client_id parameter.'];
  }
  if (typeof claims['jti'] !== 'string' || claims['jti'] === '')
    return [50027, 'JWT token is invalid or malformed: no jti.'];
  const seconds = wanted.now.getTime() / 1000;
  const { exp, nbf } = claims;
  // Five minutes of difference between clocks are allowed.
  if (typeof exp !== 'number' || exp < seconds - 300 || (typeof nbf === 'number' && nbf > seconds + 300)) {
    return [700024, 'Client assertion is not within its valid time range.'];
  }
  return undefined;
}

function decoded(part: string): Claims | undefined {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString()) as Claims;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** By the raw bytes of the thumbprint, never by its hex text. */
function isNamed(certificate: X509Certificate, header: Claims): boolean {
  const thumbprint = (hex: string) => Buffer.from(hex.replaceAll(':', ''), 'hex').toString('base64url');
  if (header['x5t#S256'] !== undefined) return header['x5t#S256'] === thumbprint(certificate.fingerprint256);
  return header['x5t'] === thumbprint(certificate.fingerprint);
}

function isSigned(
  [header, claims, signature]: readonly string[],
  algorithm: string,
  certificate: X509Certificate,
): boolean {
  const data = Buffer.from(`${header}.${claims}`);
  const given = Buffer.from(signature ?? '', 'base64url');
  const key = certificate.publicKey;
  if (key.asymmetricKeyType !== 'rsa') return false;
  switch (algorithm) {
    case 'PS256':
      return verify('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, given);
    case 'RS256':
      return verify('sha256', data, { key, padding: constants.RSA_PKCS1_PADDING }, given);
    default:
      return false;
  }
}
