// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http';

/** What an emulator was asked, as far as faults look at it. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly params: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Answers in the place of the emulator. */
export type Answer = (response: ServerResponse) => void;

export interface Fault<What extends Asked = Asked, How = Answer> {
  readonly when: (asked: What) => boolean;
  /** How often; for ever when absent. */
  readonly times?: number;
  readonly answer: How;
}

/** Faults on demand: the first that fits and is not used up answers. */
export class Faults<What extends Asked = Asked, How = Answer> {
  private readonly list: { fault: Fault<What, How>; left: number }[] = [];

  add(fault: Fault<What, How>): void {
    this.list.push({ fault, left: fault.times ?? Infinity });
  }

  clear(): void {
    this.list.length = 0;
  }

  for(asked: What): How | undefined {
    const found = this.list.find(({ fault, left }) => left > 0 && fault.when(asked));
    if (found === undefined) return undefined;
    found.left -= 1;
    return found.fault.answer;
  }
}

/** A page for people with status 200, as a gateway or a hibernating instance gives it. */
export function htmlPage(says: string): Answer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(`<!DOCTYPE html><html><body>${says}</body></html>`);
  };
}

/** Any status with any body, or none. */
export function plain(status: number, body = '', headers: Readonly<Record<string, string>> = {}): Answer {
  return (response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
}

/** A broken connection without a byte of an answer. */
export function resetAtOnce(): Answer {
  return (response) => response.socket?.resetAndDestroy();
}

/** Headers and a few bytes, then a broken connection. */
export function resetMidBody(beginning: string): Answer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100000' });
    response.write(beginning, () => response.socket?.resetAndDestroy());
  };
}

/** A body that is shorter than its content-length: the connection is closed in good order before the end. */
export function truncated(beginning: string): Answer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100000' });
    response.write(beginning, () => response.socket?.end());
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
