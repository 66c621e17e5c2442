// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { basicAuthorization } from '../../src/connector/credentials.ts';
import { Failure } from '../../src/connector/failure.ts';
import type { UpstreamOptions } from '../../src/connector/upstream.ts';
import { answer, good, onceThenGood, opened, vendor, type Handler } from './vendor.ts';

const canary = 'canary-of-the-kit-7731';

let server: Awaited<ReturnType<typeof vendor>>;

beforeEach(async () => {
  server = await vendor();
});
afterEach(() => server[Symbol.asyncDispose]());

const upstream = (given: Partial<Omit<UpstreamOptions, 'clock'>> = {}) => opened(server.url, given);

describe('a request', () => {
  it('carries correlation id, user agent, query and what the client adds', async () => {
    server.answers(answer(200, good));
    await using up = upstream();
    const { body } = await up.get(
      { query: { limit: '5', name: 'a b' } },
      { authorize: (headers) => void (headers['authorization'] = 'Basic x') },
    );
    expect(body).toEqual({ result: ['a'] });
    expect(server.asked[0]).toMatchObject({
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
    server.answers(answer(200, good));
    await using up = upstream();
    await expect(up.get({ path: 'https://evil.example.com/rows' })).rejects.toMatchObject({
      code: 'contract',
      message: expect.stringContaining('another origin'),
    });
    await expect(up.get({ path: '//evil.example.com/rows' })).resolves.toBeDefined();
    expect(server.asked.map(({ path }) => path)).toEqual(['/evil.example.com/rows']);
  });
});

describe('an answer', () => {
  it.each([
    ['gzip', gzipSync(good)],
    ['br', brotliCompressSync(good)],
  ])('in %s is read', async (encoding, body) => {
    server.answers((_request, response) =>
      response.writeHead(200, { 'content-encoding': encoding, 'content-type': 'application/json' }).end(body),
    );
    await using up = upstream();
    expect((await up.get()).body).toEqual({ result: ['a'] });
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
  ])('%s is final and says why', async (_what, given, code, said) => {
    server.answers(given);
    await using up = upstream();
    await expect(up.get()).rejects.toMatchObject({ code, message: expect.stringContaining(said) });
    expect(server.asked).toHaveLength(1);
    expect(up.clock.slept).toEqual([]);
  });

  it.each<[string, Handler]>([
    ['500', answer(500, '{}')],
    ['408', answer(408, '{}')],
    ['425', answer(425, '{}')],
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
    server.answers(onceThenGood(first));
    await using up = upstream();
    expect((await up.get()).body).toEqual({ result: ['a'] });
    expect(up.clock.slept).toEqual([500]);
  });

  it('that never comes good is tried as often as allowed, with growing waits', async () => {
    server.answers(answer(503, '{}'));
    await using up = upstream({ maxRetries: 3 });
    await expect(up.get()).rejects.toMatchObject({ code: 'unavailable' });
    expect(server.asked).toHaveLength(4);
    expect(up.clock.slept).toEqual([500, 1000, 2000]);
    expect(up.results).toEqual([503, 503, 503, 503]);
  });
});

describe('401', () => {
  it('is worth one more try when the credentials were renewed, never a third', async () => {
    server.answers(onceThenGood(answer(401, '{}')));
    await using up = upstream();
    let renewals = 0;
    const onUnauthorized = async () => (renewals += 1) > 0;
    expect((await up.get({}, { onUnauthorized })).body).toEqual({ result: ['a'] });
    expect(server.asked).toHaveLength(2);
    server.answers(answer(401, '{}'));
    await expect(up.get({}, { onUnauthorized })).rejects.toMatchObject({ code: 'credentials' });
    expect(server.asked).toHaveLength(2);
    expect(renewals).toBe(2);
  });
});

describe('a stopped run', () => {
  it('ends its request in hand, a wait, and a place in the queue', async () => {
    server.answers(() => undefined);
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
    server.answers(given);
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
