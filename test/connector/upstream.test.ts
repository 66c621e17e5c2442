// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AccountBudget } from '../../src/connector/budget.ts';
import { basicAuthorization } from '../../src/connector/credentials.ts';
import { Failure } from '../../src/connector/failure.ts';
import type { HttpClientOptions, HttpRequest } from '../../src/connector/http.ts';
import { openUpstream, type UpstreamOptions } from '../../src/connector/upstream.ts';
import { serve } from '../kit/serve.ts';

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

const Body = Compile(Type.Object({ result: Type.Array(Type.String()) }));
const good = JSON.stringify({ result: ['a'] });
const canary = 'canary-of-the-kit-7731';

let handler: Handler;
let asked: { readonly path: string; readonly headers: IncomingMessage['headers'] }[];
let url: string;
let stop: () => Promise<void>;

beforeEach(async () => {
  asked = [];
  ({ url, stop } = await serve((request, response) => {
    asked.push({ path: request.url ?? '', headers: request.headers });
    handler(request, response, asked.length);
  }));
});
afterEach(() => stop());

function answer(status: number, body: string, headers: Record<string, string> = {}): Handler {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  };
}

/** An answer first, and the good one from then on. */
function onceThenGood(first: Handler): Handler {
  return (request, response, count) => {
    if (count === 1) first(request, response, count);
    else answer(200, good)(request, response, count);
  };
}

/** A clock whose waiting takes no time, and is noted. */
function fastClock() {
  let timeMs = 0;
  const slept: number[] = [];
  return {
    slept,
    monotonicMs: () => timeMs,
    async sleep(ms: number, signal: AbortSignal) {
      signal.throwIfAborted();
      slept.push(ms);
      timeMs += ms;
    },
  };
}

function upstream(given: Partial<UpstreamOptions> = {}) {
  const clock = fastClock();
  const abort = new AbortController();
  const results: (number | undefined)[] = [];
  const opened = openUpstream({
    correlationId: 'run-1',
    userAgent: 'external-system-operator/test',
    signal: abort.signal,
    remainingMs: () => 600_000,
    budget: new AccountBudget({ requestsPerSecond: 1000, inFlight: 2 }, clock),
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
    clock,
    abort,
    results,
    usage: opened.usage,
    get: (request: Partial<HttpRequest> = {}, client: Partial<HttpClientOptions> = {}) =>
      opened
        .http({ baseUrl: new URL(url), ...client })
        .json({ subject: 'table x', path: '/rows', ...request }, Body),
    [Symbol.asyncDispose]: () => opened.close(),
  };
}

describe('a request', () => {
  it('carries correlation id, user agent, query and what the client adds', async () => {
    handler = answer(200, good);
    await using up = upstream();
    const { body } = await up.get(
      { query: { limit: '5', name: 'a b' } },
      { authorize: (headers) => void (headers['authorization'] = 'Basic x') },
    );
    expect(body).toEqual({ result: ['a'] });
    expect(asked[0]).toMatchObject({
      path: '/rows?limit=5&name=a+b',
      headers: {
        'x-correlation-id': 'run-1',
        'user-agent': 'external-system-operator/test',
        authorization: 'Basic x',
      },
    });
    expect(up.usage).toEqual({ requests: 1, bytes: good.length, throttledMs: 0 });
  });

  it('to another origin, as a next link may ask for, is not sent', async () => {
    handler = answer(200, good);
    await using up = upstream();
    await expect(up.get({ path: 'https://evil.example.com/rows' })).rejects.toMatchObject({
      code: 'contract',
      message: expect.stringContaining('another origin'),
    });
    await expect(up.get({ path: '//evil.example.com/rows' })).resolves.toBeDefined();
    expect(asked.map(({ path }) => path)).toEqual(['/evil.example.com/rows']);
  });
});

describe('an answer', () => {
  it.each([
    ['gzip', gzipSync(good)],
    ['deflate', deflateSync(good)],
    ['br', brotliCompressSync(good)],
  ])('in %s is read', async (encoding, body) => {
    handler = (_request, response) =>
      response.writeHead(200, { 'content-encoding': encoding, 'content-type': 'application/json' }).end(body);
    await using up = upstream();
    expect((await up.get()).body).toEqual({ result: ['a'] });
  });

  it('that unpacks to more than the bound is not read to its end', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    handler = (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    await using up = upstream();
    await expect(up.get({ maxBytes: 1_000_000 })).rejects.toMatchObject({
      code: 'contract',
      message: expect.stringContaining('larger than 1000000 bytes; lower spec.limits.pageSize'),
    });
    expect(up.usage.bytes).toBeLessThan(2_000_000);
    expect(asked).toHaveLength(1);
  });

  it.each<[string, Handler, string, string]>([
    [
      '401',
      answer(401, '{"error":{"message":"User Not Authenticated"}}'),
      'credentials',
      'User Not Authenticated',
    ],
    ['403', answer(403, '{"error":"no"}'), 'permission', 'grant the account the right'],
    ['404', answer(404, '{}'), 'configuration', 'does not exist'],
    ['400', answer(400, '{"detail":"bad"}'), 'configuration', 'bad'],
    ['of another form', answer(200, '{"rows":[]}'), 'contract', 'result'],
    [
      'that redirects elsewhere',
      answer(302, '', { location: 'https://evil.example.com/' }),
      'configuration',
      'another origin',
    ],
    [
      'that redirects for ever',
      answer(302, '', { location: '/rows' }),
      'configuration',
      'redirected 4 times',
    ],
  ])('%s is final and says why', async (_what, given, code, said) => {
    handler = given;
    await using up = upstream();
    await expect(up.get()).rejects.toMatchObject({ code, message: expect.stringContaining(said) });
    expect(asked.length).toBeLessThanOrEqual(4);
    expect(up.clock.slept).toEqual([]);
  });

  it('that redirects within the origin is followed', async () => {
    handler = onceThenGood(answer(307, '', { location: '/other' }));
    await using up = upstream();
    await up.get();
    expect(asked.map(({ path }) => path)).toEqual(['/rows', '/other']);
  });

  it.each<[string, Handler]>([
    ['500', answer(500, '{}')],
    ['502 of a proxy', answer(502, '<html></html>', { 'content-type': 'text/html' })],
    ['an HTML page with 200', answer(200, '<!doctype html><p>asleep', { 'content-type': 'text/html' })],
    ['HTML that calls itself JSON', answer(200, ' <html>')],
    ['JSON that is cut off', answer(200, '{"result":["a"')],
    ['nothing at all', answer(200, '')],
    ['a reset', (_request, response) => void response.socket?.resetAndDestroy()],
    [
      'a reset in the body',
      (_request, response) => {
        response.writeHead(200, { 'content-length': '1000' });
        response.write('{"result":[', () => response.socket?.resetAndDestroy());
      },
    ],
    ['broken gzip', answer(200, 'no gzip', { 'content-encoding': 'gzip' })],
  ])('%s is tried again', async (_what, first) => {
    handler = onceThenGood(first);
    await using up = upstream();
    expect((await up.get()).body).toEqual({ result: ['a'] });
    expect(up.clock.slept).toEqual([500]);
  });

  it('that never comes good is tried as often as allowed, with growing waits', async () => {
    handler = answer(503, '{}');
    await using up = upstream({ maxRetries: 3 });
    await expect(up.get()).rejects.toMatchObject({ code: 'unavailable' });
    expect(asked).toHaveLength(4);
    expect(up.clock.slept).toEqual([500, 1000, 2000]);
    expect(up.results).toEqual([503, 503, 503, 503]);
  });

  it('that stays away for too long, or drips, is given up and tried again', async () => {
    handler = onceThenGood((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const drip = setInterval(() => response.write(' '), 5);
      response.once('close', () => clearInterval(drip));
    });
    await using up = upstream({ answerTimeoutMs: 100 });
    expect((await up.get()).body).toEqual({ result: ['a'] });
    asked = [];
    handler = onceThenGood(() => undefined);
    await using silent = upstream({ idleTimeoutMs: 100 });
    expect((await silent.get()).body).toEqual({ result: ['a'] });
  });
});

describe('429', () => {
  it('with Retry-After holds back every request of the account, and the wait is counted', async () => {
    handler = onceThenGood(answer(429, '{}', { 'retry-after': '7' }));
    const clock = fastClock();
    const budget = new AccountBudget({ requestsPerSecond: 1000, inFlight: 1 }, clock);
    await using one = upstream({ budget, clock });
    await using other = upstream({ budget, clock });
    await one.get();
    await other.get();
    expect(clock.slept[0]).toBe(7000);
    expect(one.usage.throttledMs).toBe(7000);
    expect(other.usage.throttledMs).toBe(0);
  });

  it('with a date waits until then; without either it waits longer each time', async () => {
    handler = onceThenGood(answer(429, '{}', { 'retry-after': 'Sun, 01 Mar 2026 00:00:30 GMT' }));
    await using dated = upstream();
    await dated.get();
    expect(dated.clock.slept).toEqual([30_000]);
    asked = [];
    handler = answer(429, '{}');
    await using plain = upstream();
    await expect(plain.get()).rejects.toMatchObject({ code: 'throttled' });
    expect(plain.clock.slept.filter((ms) => ms > 10)).toEqual([500, 1000]);
  });

  it('that asks for more time than the run has ends at once and says so', async () => {
    handler = answer(429, '{}', { 'retry-after': '3600' });
    await using up = upstream({ remainingMs: () => 60_000 });
    await expect(up.get()).rejects.toMatchObject({
      code: 'throttled',
      message: expect.stringContaining('the next try is in 3600 s, later than this run may last'),
    });
    expect(asked).toHaveLength(1);
  });
});

describe('401', () => {
  it('is worth one more try when the credentials were renewed, never a third', async () => {
    handler = onceThenGood(answer(401, '{}'));
    await using up = upstream();
    let renewals = 0;
    const onUnauthorized = async () => (renewals += 1) > 0;
    expect((await up.get({}, { onUnauthorized })).body).toEqual({ result: ['a'] });
    handler = answer(401, '{}');
    await expect(up.get({}, { onUnauthorized })).rejects.toMatchObject({ code: 'credentials' });
    expect(asked).toHaveLength(4);
    expect(renewals).toBe(2);
  });
});

describe('a stopped run', () => {
  it('ends its request in hand, a wait, and a place in the queue', async () => {
    handler = () => undefined;
    await using up = upstream();
    const requests = [up.get(), up.get(), up.get()];
    const settled = Promise.allSettled(requests);
    const reached = once(up.abort.signal, 'abort');
    up.abort.abort(new Failure('cancelled', 'stopped by a person'));
    await reached;
    for (const result of await settled) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'cancelled' } });
    }
  });
});

describe('an address', () => {
  it.each([
    ['http://cmdb.example.com', 'is not https'],
    ['https://localhost:8443', 'loopback'],
    ['https://127.0.0.1', 'loopback'],
    ['https://[::1]', 'loopback'],
    ['https://[::ffff:127.0.0.1]', 'loopback'],
    ['https://169.254.169.254', 'loopback or link-local'],
    ['https://2130706433', 'loopback'],
    ['ftp://cmdb.example.com', 'is not https'],
  ])('%s is refused before anything is sent', async (address, said) => {
    await using up = upstream({
      addresses: { allowHttp: false, allowLoopback: false, remedy: 'use the flag' },
    });
    const refused = async () => up.get({}, { baseUrl: new URL(address) });
    await expect(refused()).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(new RegExp(`spec\\.connector\\.x\\.url: .*${said}.*use the flag`, 'u')),
    });
    expect(up.results).toEqual([]);
  });
});

describe('nothing that goes wrong shows a secret', () => {
  it.each<[string, Handler]>([
    ['401', answer(401, '{}')],
    ['a reset', (_request, response) => void response.socket?.resetAndDestroy()],
    ['a redirect', answer(302, '', { location: 'https://evil.example.com/' })],
    ['a foreign form', answer(200, '[]')],
  ])('%s', async (_what, given) => {
    handler = given;
    await using up = upstream({ maxRetries: 0 });
    const authorize = (headers: Record<string, string>) => {
      headers['authorization'] = basicAuthorization('reader', canary);
    };
    const failure = await up
      .get({ query: { token: canary } }, { authorize })
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Failure);
    const { message, stack } = failure as Failure;
    for (const text of [message, stack, JSON.stringify(failure)]) expect(text).not.toContain(canary);
    expect(message).toContain('table x');
  });
});
