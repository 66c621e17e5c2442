// SPDX-License-Identifier: Apache-2.0
import { Failure } from './failure.ts';
import type { BodyCheck, HttpAnswer, HttpRequest, RawAnswer } from './http.ts';
import { firstProblem } from './problem.ts';

/** What a request was, for messages: never its query, which may hold what nobody should read. */
export function describe(request: HttpRequest, url: URL): string {
  return `${request.subject} (${request.method ?? 'GET'} ${url.origin}${url.pathname})`;
}

/** The general reading of a status; the table of design section 6. Undefined for an answer that is good so far. */
export function failureOfStatus(answer: RawAnswer, what: string, now: Date): Failure | undefined {
  const { status } = answer;
  if (status >= 200 && status < 300) return undefined;
  const said = vendorMessage(answer);
  const detail = `${what}: ${status}${said === '' ? '' : `, "${said}"`}`;
  if (status === 401) return new Failure('credentials', `${detail}; check the account and the Secret`);
  if (status === 403) return new Failure('permission', `${detail}; grant the account the right to read it`);
  if (status === 404)
    return new Failure('configuration', `${detail}; it does not exist, or the account may not see it`);
  if (status === 429) {
    const retryAfterMs = retryAfter(answer.headers.get('retry-after'), now);
    return new Failure(
      'throttled',
      `${detail}; the vendor's limit is reached`,
      retryAfterMs === undefined ? {} : { retryAfterMs },
    );
  }
  if (status >= 500) {
    const retryAfterMs = retryAfter(answer.headers.get('retry-after'), now);
    return new Failure('unavailable', detail, retryAfterMs === undefined ? {} : { retryAfterMs });
  }
  if (status >= 300 && status < 400) {
    return new Failure('configuration', `${detail}; it answers with a redirect, check the URL`);
  }
  return new Failure(
    'configuration',
    `${detail}; the request was refused, check the connector's configuration`,
  );
}

/** Milliseconds of a Retry-After header: seconds or a date. Anything else counts as absent. */
export function retryAfter(value: string | undefined, now: Date): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d+(\.\d+)?$/u.test(value.trim())) return Number(value) * 1000;
  const until = Date.parse(value);
  return Number.isNaN(until) ? undefined : Math.max(0, until - now.getTime());
}

/** The first words of the vendor's own error message, when the body is JSON of a common form. */
function vendorMessage(answer: RawAnswer): string {
  try {
    const body: unknown = JSON.parse(answer.text);
    const error = property(body, 'error') ?? body;
    const message = property(error, 'message') ?? property(error, 'detail') ?? error;
    if (typeof message !== 'string') return '';
    return message.replaceAll(/[^\p{L}\p{N}\p{P}\p{Zs}\p{S}]/gu, ' ').slice(0, 120);
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
export function parseBody<T>(answer: RawAnswer, what: string, check: BodyCheck<T>): HttpAnswer<T> {
  const type = answer.headers.get('content-type') ?? '';
  if (/html/iu.test(type) || /^\s*<(!doctype|html)/iu.test(answer.text.slice(0, 64))) {
    throw new Failure(
      'unavailable',
      `${what}: ${answer.status} with an HTML page instead of JSON; a login, maintenance or sleeping page`,
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
    const { reason } = firstProblem(check.Errors(body), 'answer');
    throw new Failure('contract', `${what}: ${reason}; the vendor's answer is not of the form that is read`);
  }
  return { status: answer.status, headers: answer.headers, body, bytes: answer.bytes };
}
