// SPDX-License-Identifier: Apache-2.0
import {
  constants,
  createPrivateKey,
  hash,
  randomUUID,
  sign,
  X509Certificate,
  type KeyObject,
} from 'node:crypto';
import type { Credentials } from './contract.ts';
import { Failure } from './failure.ts';

const minModulusBits = 2048;
/** How long an assertion may be used: enough for a slow answer, short for whoever finds one. */
const assertionSeconds = 600;

/** A certificate with its private key, from the keys `tls.crt` and `tls.key` of a Secret, as checked. */
export interface SigningCertificate {
  readonly validFrom: Date;
  readonly validTo: Date;
  /** SHA-256 of the DER form, base64url: the JWT header `x5t#S256`. */
  readonly thumbprint: string;
  readonly key: KeyObject;
  /** Secret and key, for messages. */
  readonly source: string;
}

/**
 * Reads and checks the pair before anything is sent. The first certificate of `tls.crt` counts.
 * @throws a credentials Failure that names the key of the Secret; no value is quoted
 */
export function signingCertificate(credentials: Credentials, now: Date): SigningCertificate {
  const { source } = credentials;
  const refuse = (what: string, cause?: unknown) =>
    new Failure('credentials', `${source}: ${what}`, cause === undefined ? {} : { cause });
  const [pem, secret] = [credentials.value('tls.crt'), credentials.value('tls.key')];
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch (error) {
    throw refuse(
      'tls.crt holds no certificate in PEM form; put the whole file in, with its BEGIN line',
      error,
    );
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(secret);
  } catch {
    // The error may quote the key.
    throw refuse('tls.key holds no private key in PEM form without a passphrase; put the whole file in');
  }
  if (key.asymmetricKeyType !== 'rsa')
    throw refuse(
      `tls.key is a key of type ${key.asymmetricKeyType ?? 'unknown'}; make an RSA key of 2048 bits or more`,
    );
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < minModulusBits)
    throw refuse(`tls.key has ${bits} bits; make an RSA key of ${minModulusBits} bits or more`);
  if (!certificate.checkPrivateKey(key))
    throw refuse(
      'tls.key is not the key of the first certificate in tls.crt; put in the two files that belong together',
    );
  const pair: SigningCertificate = {
    validFrom: certificate.validFromDate,
    validTo: certificate.validToDate,
    thumbprint: hash('sha256', certificate.raw, 'base64url'),
    key,
    source,
  };
  checkPeriod(pair, now);
  return pair;
}

function checkPeriod({ validFrom, validTo, source }: SigningCertificate, now: Date): void {
  const day = (time: Date) => time.toISOString().slice(0, 10);
  if (now > validTo) {
    const message = `${source}: the certificate in tls.crt expired on ${day(validTo)}; make a new one, add it to the application, and put it into the Secret`;
    throw new Failure('credentials', message);
  }
  if (now < validFrom) {
    const message = `${source}: the certificate in tls.crt is valid from ${day(validFrom)} on only; use one that is valid now, or mend this machine's clock`;
    throw new Failure('credentials', message);
  }
}

/**
 * A JWT by which a client proves who it is (RFC 7523), signed with PS256. Throws a credentials Failure once the certificate
 * has expired.
 */
export function clientAssertion(
  certificate: SigningCertificate,
  { clientId, audience, now }: { readonly clientId: string; readonly audience: string; readonly now: Date },
): string {
  checkPeriod(certificate, now);
  const seconds = Math.floor(now.getTime() / 1000);
  const header = { alg: 'PS256', typ: 'JWT', 'x5t#S256': certificate.thumbprint };
  const claims = {
    aud: audience,
    iss: clientId,
    sub: clientId,
    jti: randomUUID(),
    nbf: seconds,
    iat: seconds,
    exp: seconds + assertionSeconds,
  };
  const signed = `${encoded(header)}.${encoded(claims)}`;
  const { key } = certificate;
  const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_DIGEST: saltLength } = constants;
  const signature = sign('sha256', Buffer.from(signed), { key, padding, saltLength });
  return `${signed}.${signature.toString('base64url')}`;
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
