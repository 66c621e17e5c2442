// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import type { HttpFault } from '../contract/connectors/http-faults.ts';
import {
  endless,
  give,
  parsedBody,
  type Dialect,
  type ProxiedAnswer,
  type ProxiedRequest,
} from './faulty-proxy.ts';

/** A request that is to be answered wrongly, and what there is to do it with. */
export interface Exchange {
  readonly request: ProxiedRequest;
  readonly response: ServerResponse;
  readonly dialect: Dialect;
  /** The answer that came before from the same path. */
  readonly before: ProxiedAnswer | undefined;
  /** Asks the system for the right answer, once. */
  readonly answer: () => Promise<ProxiedAnswer>;
  /** How often this fault has been made before. */
  readonly hit: number;
  /** Origin of another server. */
  readonly elsewhere: string;
  /** What a refusal says besides. */
  readonly quoted: string;
  readonly onDrip: () => void;
}

/** Above the largest answer that is read. */
const hugeBytes = 72 * 1024 * 1024;
const json = { 'content-type': 'application/json' };

type Wrong = (exchange: Exchange) => Promise<boolean> | boolean;

/** Makes the fault; false when there is no place for it in this answer, which is to be given as it is then. */
export function answerWrongly(kind: HttpFault, exchange: Exchange): Promise<boolean> | boolean {
  return faults[kind](exchange);
}

const faults: Readonly<Record<HttpFault, Wrong>> = {
  'status 401': status(401),
  'status 403': status(403),
  'status 429': status(429),
  'status 429 with Retry-After': status(429, { 'retry-after': '7' }),
  'status 500': status(500),
  'status 503 with Retry-After': status(503, { 'retry-after': '7' }),
  reset({ response }) {
    (response.socket as { resetAndDestroy?(): void } | null)?.resetAndDestroy?.();
    return true;
  },
  async 'cut off in the body'({ response, answer }) {
    const { status: code, headers, body } = await answer();
    response.writeHead(code, { ...headers, 'content-length': String(Buffer.byteLength(body)) });
    response.write(body.slice(0, Math.ceil(body.length / 2)), () => response.destroy());
    return true;
  },
  async 'half a body'({ response, answer }) {
    const whole = await answer();
    give(response, { ...whole, body: whole.body.slice(0, Math.ceil(whole.body.length / 2)) });
    return true;
  },
  'an HTML page with 200'({ response, quoted }) {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(`<!DOCTYPE html><html><title>Maintenance</title><body>Sorry${quoted}</body></html>`);
    return true;
  },
  'an empty body'({ response }) {
    response.writeHead(200, json).end();
    return true;
  },
  async 'a slow drip'({ response, answer, onDrip }) {
    const { status: code, headers, body } = await answer();
    response.writeHead(code, headers);
    for (const byte of body.slice(0, 3)) {
      response.write(byte);
      await turn();
    }
    onDrip();
    return true;
  },
  async 'a huge page'({ response, answer, dialect }) {
    const { status: code, headers, body } = await answer();
    const rows = dialect.rowsOf(parsedBody(body));
    if (rows === undefined || rows.length === 0) return false;
    response.writeHead(code, headers);
    // The client goes away in the midst: its end is waited for once, not anew with every part.
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    // JSON may begin with any amount of white space.
    const filling = Buffer.alloc(1024 * 1024, ' ');
    for (let sent = 0; sent < hugeBytes && !response.destroyed; sent += filling.length) {
      if (!response.write(filling)) await drained(response, gone.signal);
    }
    response.end(body);
    return true;
  },
  'garbage rows': changed(({ dialect }, body) => {
    const rows = dialect.rowsOf(body);
    return rows === undefined || rows.length === 0
      ? undefined
      : dialect.withRows(body, [null, 42, 'text', {}, [], { id: {} }, misshapen(rows[0]), ...rows]);
  }),
  'the page before again'({ response, before, dialect }) {
    const rows = before === undefined ? undefined : dialect.rowsOf(parsedBody(before.body));
    if (before === undefined || rows === undefined || rows.length === 0) return false;
    give(response, before);
    return true;
  },
  'the same link again': changed(({ dialect, request }, body) => withLink(dialect, body, request.url.href)),
  async 'pages without end'(exchange) {
    const { request, dialect, hit } = exchange;
    const next = new URL(request.url);
    next.searchParams.set(endless, String(hit));
    // Where answers hold no links, whatever is asked for, the same page comes.
    if (dialect.withLink === undefined) return faults['the page before again'](exchange);
    return changed((_, body) => withLink(dialect, body, next.href))(exchange);
  },
  'a link to another host': changed(({ dialect, elsewhere }, body) =>
    withLink(dialect, body, `${elsewhere}/next?page=2`),
  ),
};

/** Waits until a response takes more, or until it is gone. */
async function drained(response: ServerResponse, gone: AbortSignal): Promise<void> {
  try {
    await once(response, 'drain', { signal: gone });
  } catch (error) {
    if (!gone.aborted) throw error;
  }
}

/** A row whose ids can be read and nothing else. */
function misshapen(row: unknown): unknown {
  return Object.fromEntries(
    Object.entries(row as object).map(([field, value]) => [
      field,
      /id$/iu.test(field) ? value : { odd: [value] },
    ]),
  );
}

function status(code: number, headers: Readonly<Record<string, string>> = {}): Wrong {
  return ({ request, response, dialect, quoted }) => {
    response.writeHead(code, { ...json, ...headers });
    response.end(JSON.stringify(dialect.refusal(`refused by the test${quoted}`, request)));
    return true;
  };
}

/** The right answer with a changed body; `change` answers undefined when the body has no place for it. */
function changed(change: (exchange: Exchange, body: unknown) => unknown): Wrong {
  return async (exchange) => {
    const right = await exchange.answer();
    const body = change(exchange, parsedBody(right.body));
    if (body === undefined) return false;
    give(exchange.response, { ...right, body: JSON.stringify(body) });
    return true;
  };
}

/** A link only where there is a list to go on with. */
function withLink(dialect: Dialect, body: unknown, link: string): unknown {
  return dialect.rowsOf(body) === undefined ? undefined : dialect.withLink?.(body, link);
}
