// SPDX-License-Identifier: Apache-2.0
import { isWebPage } from './body-text.ts';
import { Failure } from './failure.ts';
import type { BodyCheck, HttpAnswer, HttpRequest, RawAnswer } from './http.ts';
import { retryAfter } from './retry-after.ts';
import { vendorWords, type Redact } from './vendor-words.ts';

/** What a request was, for messages: never its query, which may hold what nobody should read. */
export function describe(request: HttpRequest, url: URL): string {
  return `${request.subject} (${request.method ?? 'GET'} ${url.origin}${url.pathname})`;
}

/** What the reading of an answer needs besides the answer. */
export interface Reading {
  readonly what: string;
  readonly now: Date;
  readonly redact: Redact;
  /** Field of the spec that holds the URL, for messages. */
  readonly urlField: string;
}

/** The general reading of a status; the table of design section 6. Undefined for an answer that is good so far. */
export function failureOfStatus(
  answer: RawAnswer,
  { what, now, redact, urlField }: Reading,
): Failure | undefined {
  const { status } = answer;
  if (status >= 200 && status < 300) return undefined;
  const said = vendorMessage(answer, redact);
  const detail = `${what}: ${status}${said === '' ? '' : `, "${said}"`}`;
  const retryAfterMs = retryAfter(answer.headers.get('retry-after'), now);
  const asked = retryAfterMs === undefined ? {} : { retryAfterMs };
  if (status === 401) return new Failure('credentials', `${detail}; check the account and the Secret`);
  if (status === 403) return new Failure('permission', `${detail}; grant the account the right to read it`);
  if (status === 404)
    return new Failure(
      'configuration',
      `${detail}; it does not exist, or the account may not see it; check ${urlField} too`,
    );
  if (status === 429) return new Failure('throttled', `${detail}; the vendor's limit is reached`, asked);
  // 408 and 425 say nothing about the request: it came too slowly, or too early.
  if (status >= 500 || status === 408 || status === 425) return new Failure('unavailable', detail, asked);
  if (status >= 300 && status < 400) {
    return new Failure('configuration', `${detail}; it answers with a redirect, check ${urlField}`);
  }
  return new Failure(
    'configuration',
    `${detail}; the request was refused, check the connector's configuration`,
  );
}

/** The first words of the vendor's own error message, or of that field, when the body is JSON of a common form; else empty. */
export function vendorMessage(answer: RawAnswer, redact: Redact, field = 'error'): string {
  try {
    const body: unknown = JSON.parse(answer.text);
    const error = property(body, field) ?? (field === 'error' ? body : undefined);
    const message = property(error, 'message') ?? property(error, 'detail') ?? error;
    return typeof message === 'string' ? vendorWords(message, redact) : '';
  } catch {
    // Not JSON: an HTML page says nothing that helps here.
    return '';
  }
}

function property(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

/** A good answer's body as JSON that fits its schema. */
export function parseBody<T>(
  answer: RawAnswer,
  { what, redact, urlField }: Reading,
  check: BodyCheck<T>,
): HttpAnswer<T> {
  if (isWebPage(answer.headers.get('content-type'), answer.text)) {
    throw new Failure(
      'unavailable',
      `${what}: ${answer.status} with an HTML page instead of JSON; a login, maintenance or sleeping page; check ${urlField}`,
    );
  }
  let body: unknown;
  try {
    body = JSON.parse(answer.text);
  } catch {
    throw new Failure(
      'unavailable',
      `${what}: the JSON of the answer is cut off or broken (${answer.bytes} bytes)`,
    );
  }
  if (!check.Check(body)) {
    const [first] = check.Errors(body);
    // The path may lead through names that the vendor chose.
    const where = `answer${vendorWords(first?.instancePath ?? '', redact)}`;
    const problem = `${where} ${first?.message ?? 'does not fit its schema'}`;
    throw new Failure('contract', `${what}: ${problem}; the vendor's answer is not of the form that is read`);
  }
  return { status: answer.status, headers: answer.headers, body, bytes: answer.bytes };
}
