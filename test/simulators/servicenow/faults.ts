// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http';

export interface Asked {
  readonly method: string;
  /** Empty when the request is not for a table. */
  readonly table: string;
  readonly path: string;
  readonly params: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Answers in the place of the instance. */
export type Answer = (response: ServerResponse) => void;

export interface Fault {
  readonly when: (asked: Asked) => boolean;
  /** How often; for ever when absent. */
  readonly times?: number;
  readonly answer: Answer;
}

/** Faults on demand: the first that fits and is not used up answers. */
export class Faults {
  private readonly list: { fault: Fault; left: number }[] = [];

  add(fault: Fault): void {
    this.list.push({ fault, left: fault.times ?? Infinity });
  }

  clear(): void {
    this.list.length = 0;
  }

  for(asked: Asked): Answer | undefined {
    const found = this.list.find(({ fault, left }) => left > 0 && fault.when(asked));
    if (found === undefined) return undefined;
    found.left -= 1;
    return found.fault.answer;
  }
}

export function refuse(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json;charset=UTF-8', ...headers });
    response.end(JSON.stringify({ error: { message, detail: '' }, status: 'failure' }));
  };
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
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(
      '{"result":[{"sys_id":"a"},{"error":{"message":"Transaction cancelled: maximum execution time exceeded"},"status":"failure"}',
    );
  };
}

export function loginPage(): Answer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end('<!DOCTYPE html><html><body>Your instance is hibernating</body></html>');
  };
}

/** Headers and a few bytes, then a broken connection. */
export function resetMidBody(): Answer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100000' });
    response.write('{"result":[', () => response.socket?.resetAndDestroy());
  };
}

/** One byte at a time, for ever. */
export function slowDrip(intervalMs: number): Answer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const timer = setInterval(() => response.write(' '), intervalMs);
    response.once('close', () => clearInterval(timer));
  };
}

/** Never answers. */
export function silence(): Answer {
  return () => undefined;
}

/** A body of so many megabytes, written as fast as it is read. */
export function hugePage(megabytes: number): Answer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const block = Buffer.alloc(1024 * 1024, 0x20);
    let left = megabytes;
    const write = () => {
      while (left > 0 && !response.destroyed) {
        left -= 1;
        if (!response.write(block)) return;
      }
      response.end();
    };
    response.on('drain', write);
    write();
  };
}

export function redirect(location: string): Answer {
  return (response) => response.writeHead(302, { location }).end();
}
