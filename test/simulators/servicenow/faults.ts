// SPDX-License-Identifier: Apache-2.0
import { htmlPage, plain, resetMidBody as reset, type Answer, type Asked as AskedOfAny } from '../faults.ts';

export interface Asked extends AskedOfAny {
  /** Empty when the request is not for a table. */
  readonly table: string;
}

export function refuse(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return plain(status, JSON.stringify({ error: { message, detail: '' }, status: 'failure' }), {
    'content-type': 'application/json;charset=UTF-8',
    ...headers,
  });
}

/** A request for rows of a table. */
export function isForRows({ table }: Asked): boolean {
  return table !== '';
}

/** 429 as a rate rule makes it, or without Retry-After as a full queue does. */
export function tooManyRequests(retryAfterSeconds?: number): Answer {
  const headers =
    retryAfterSeconds === undefined
      ? {}
      : { 'retry-after': String(retryAfterSeconds), 'x-ratelimit-rule': 'rule' };
  return refuse(429, 'Rate limit exceeded', headers);
}

/** 200 whose list stops in the middle and carries an error: a transaction that was cancelled while it streamed. */
export function cancelledTransaction(): Answer {
  return plain(
    200,
    '{"result":[{"sys_id":"a"},{"error":{"message":"Transaction cancelled: maximum execution time exceeded"},"status":"failure"}',
  );
}

export function loginPage(): Answer {
  return htmlPage('Your instance is hibernating');
}

/** Headers and a few bytes, then a broken connection. */
export function resetMidBody(): Answer {
  return reset('{"result":[');
}
