// SPDX-License-Identifier: Apache-2.0
import { Failure } from './failure.ts';
import type { HttpRequest, RawAnswer } from './http.ts';
import { vendorWords, type Redact } from './vendor-words.ts';

const maxRedirects = 3;

/** The URL of a request: below the base, or an absolute link of the same origin. Throws a contract Failure. */
export function resolveUrl(base: URL, request: HttpRequest, redact: Redact): URL {
  const root = base.href.endsWith('/') ? base.href : `${base.href}/`;
  const url = /^[a-z][a-z0-9+.-]*:/iu.test(request.path)
    ? URL.parse(request.path)
    : URL.parse(request.path.replace(/^\/+/u, ''), root);
  if (url === null) {
    const said = vendorWords(request.path, redact);
    throw new Failure('contract', `${request.subject}: the answer leads to "${said}", which is no URL`);
  }
  if (url.origin !== base.origin) {
    const origin = vendorWords(url.origin, redact);
    const message = `${request.subject}: the answer leads to ${origin}, another origin than ${base.origin}; credentials stay at home`;
    throw new Failure('contract', message);
  }
  for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, value);
  return url;
}

/** Where an answer sends its request, if anywhere. */
export function redirection(answer: RawAnswer): string | undefined {
  return answer.status >= 300 && answer.status < 400 ? answer.headers.get('location') : undefined;
}

export interface Hop {
  readonly what: string;
  /** 1 for the first redirect. */
  readonly hop: number;
  readonly redact: Redact;
  /** Field of the spec that holds the URL, for messages. */
  readonly urlField: string;
}

/** The URL of the next hop, of the same origin only: credentials stay at home. Throws a configuration Failure. */
export function followed(
  location: string,
  from: URL,
  request: HttpRequest,
  { what, hop, redact, urlField }: Hop,
): URL {
  const next = URL.parse(location, from.href);
  if (next === null) {
    const said = vendorWords(location, redact);
    throw new Failure(
      'configuration',
      `${what}: redirected to "${said}", which is no URL; check ${urlField}`,
    );
  }
  if (next.origin !== from.origin) {
    const origin = vendorWords(next.origin, redact);
    const message = `${what}: redirected to ${origin}, another origin; nothing is sent there. Check ${urlField}`;
    throw new Failure('configuration', message);
  }
  if (hop > maxRedirects || (request.method ?? 'GET') !== 'GET') {
    throw new Failure('configuration', `${what}: redirected ${hop} times; check ${urlField}`);
  }
  return next;
}
