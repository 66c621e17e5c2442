// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { AccountBudget, type BudgetClock } from '../../src/connector/budget.ts';
import type { HttpClientOptions, HttpRequest } from '../../src/connector/http.ts';
import type { LdapOptions } from '../../src/connector/ldap/client.ts';
import { openUpstream, type UpstreamOptions } from '../../src/connector/upstream.ts';
import { serve } from '../kit/serve.ts';
import { fastClock } from './clocks.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

const Body = Compile(Type.Object({ result: Type.Array(Type.String()) }));
export const good = JSON.stringify({ result: ['a'] });

/** A vendor on a real socket, which answers as it was told last and notes what it was asked. */
export async function vendor() {
  const asked: { readonly path: string; readonly headers: IncomingMessage['headers'] }[] = [];
  let answers: Handler = answer(200, good);
  const { url, stop } = await serve((request, response) => {
    asked.push({ path: request.url ?? '', headers: request.headers });
    answers(request, response, asked.length);
  });
  return {
    url,
    asked,
    answers(handler: Handler) {
      asked.length = 0;
      answers = handler;
    },
    [Symbol.asyncDispose]: stop,
  };
}

export function answer(status: number, body: string | Buffer, headers: Record<string, string> = {}): Handler {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  };
}

/** An answer first, and the good one from then on. */
export function onceThenGood(first: Handler): Handler {
  return (request, response, count) => {
    if (count === 1) first(request, response, count);
    else answer(200, good)(request, response, count);
  };
}

/** The budget of an account with nothing that matters to a test but what it says. */
export function accountOn(clock: BudgetClock, inFlight = 2, requestsPerSecond = 1000): AccountBudget {
  return new AccountBudget({ requestsPerSecond, inFlight }, clock);
}

/** The kit under test as one run of the operator opens it: two retries, 600 s left, waits that take no time. */
export function opened<Clock extends BudgetClock = ReturnType<typeof fastClock>>(
  url: string,
  given: Partial<UpstreamOptions> & { readonly clock?: Clock } = {},
) {
  const clock = given.clock ?? fastClock();
  const abort = new AbortController();
  const results: (number | string | undefined)[] = [];
  const upstream = openUpstream({
    correlationId: 'run-1',
    userAgent: 'external-system-operator/test',
    signal: abort.signal,
    remainingMs: () => 600_000,
    budget: accountOn(clock),
    maxRetries: 2,
    addresses: { allowHttp: true, allowLoopback: true, remedy: 'start with --allow-insecure-upstreams' },
    urlField: 'spec.connector.x.url',
    clock,
    now: () => new Date('2026-03-01T00:00:00Z'),
    random: () => 0.5,
    onRequest: ({ status }) => results.push(status),
    ...given,
  });
  return {
    clock: clock as Clock,
    abort,
    results,
    usage: upstream.usage,
    clockOf: upstream.clockOf,
    ldap: (options: LdapOptions) => upstream.ldap(options),
    get: (request: Partial<HttpRequest> = {}, client: Partial<HttpClientOptions> = {}) =>
      upstream
        .http({ baseUrl: new URL(url), ...client })
        .json({ subject: 'table x', path: '/rows', ...request }, Body),
    [Symbol.asyncDispose]: () => upstream.close(),
  };
}
