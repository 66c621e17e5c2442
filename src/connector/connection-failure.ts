// SPDX-License-Identifier: Apache-2.0
import { failureFacts } from '../api/failure.ts';
import { Failure } from './failure.ts';
import { OutOfTries } from './retry.ts';
import { vendorWords } from './vendor-words.ts';

/** OpenSSL's verdicts on a certificate (X509_V_ERR_*), as Node names them, and Node's own on its names. */
const untrusted =
  /^(?!ERR_SSL_).*(?:CERT|SELF_SIGNED|ISSUER|LEAF_SIGNATURE|ALTNAME|HOSTNAME_MISMATCH|CRL|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH)/u;

/** What went wrong below HTTP or LDAP, in words that say where to look. */
export function connectionFailure(
  error: unknown,
  url: URL,
  { what, urlField }: { readonly what: string; readonly urlField: string },
): Failure {
  if (error instanceof Failure) return error;
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Failure) return cause;
  const code = codeOf(error);
  if (!untrusted.test(code))
    return new Failure('unavailable', `${what}: ${trouble(code, url, urlField)}`, { cause: error });
  // The vendor may renew it any day, so slots go on; within a run it stays as it is, and a person must look at it.
  const message = `${what}: ${distrust(error, code, url, urlField)}`;
  return new OutOfTries('unavailable', message, {
    cause: error,
    audience: failureFacts.configuration.audience,
  });
}

function distrust(error: unknown, code: string, url: URL, urlField: string): string {
  if (code !== 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `the certificate of ${url.host} is not trusted (${code}); check ${urlField}, or give its certificate authority (ca.crt in the Secret, or spec.tls.ca)`;
  const names = namesOf(error);
  return `the certificate of ${url.host} is not for that name${names === '' ? '' : ` but for ${names}`} (${code}); use a name of the certificate in ${urlField}, or give the server a certificate for this one`;
}

/** Whom a certificate is for, as Node's error carries it; it is public. */
function namesOf(error: unknown): string {
  const { cert } = error as { cert?: { subjectaltname?: unknown; subject?: { CN?: unknown } } };
  const names = cert?.subjectaltname ?? cert?.subject?.CN;
  return typeof names === 'string' ? vendorWords(names, (text) => text) : '';
}

function trouble(code: string, url: URL, urlField: string): string {
  if (code === 'ENOTFOUND')
    return `there is no host ${url.hostname}; check ${urlField} and the cluster's DNS`;
  if (code === 'EAI_AGAIN')
    return `the host ${url.hostname} cannot be looked up; check the cluster's DNS, and ${urlField}`;
  if (code === 'ECONNREFUSED')
    return `${url.host} refuses connections; check ${urlField}, or wait until it is up`;
  if (/^ERR_(?:SSL|TLS)_|^EPROTO$/u.test(code))
    return `TLS with ${url.host} did not come about (${code}); check ${urlField} and its port`;
  if (/^Z_|^ERR__ERROR_|^ERR_BROTLI/u.test(code))
    return `the compressed answer is cut off or broken (${code})`;
  return `the connection broke (${code})`;
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'unknown';
  const { code, name } = error as { code?: unknown; name?: unknown };
  if (typeof code === 'string') return code;
  return typeof name === 'string' ? name : 'unknown';
}
