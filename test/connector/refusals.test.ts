// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Failure } from '../../src/connector/failure.ts';
import { Redactor } from '../../src/telemetry/redactor.ts';
import { answer, opened, vendor, type Handler } from './vendor.ts';

let server: Awaited<ReturnType<typeof vendor>>;

beforeEach(async () => {
  server = await vendor();
});
afterEach(() => server[Symbol.asyncDispose]());

const gzip = { 'content-encoding': 'gzip' };

/** Answers whose body cannot be read, or is too much, whatever their status. */
const unreadable: [string, (status: number, headers: Record<string, string>) => Handler][] = [
  ['empty gzip', (status, headers) => answer(status, '', { ...headers, ...gzip })],
  ['text that calls itself gzip', (status, headers) => answer(status, 'no', { ...headers, ...gzip })],
  [
    'gzip that is cut off',
    (status, headers) => answer(status, gzipSync('x'.repeat(1000)).subarray(0, 15), { ...headers, ...gzip }),
  ],
  [
    'an encoding nobody knows',
    (status, headers) => answer(status, 'no', { ...headers, 'content-encoding': 'x' }),
  ],
  [
    'a charset nobody knows',
    (status, headers) =>
      answer(status, 'no', { ...headers, 'content-type': 'application/json; charset=klingon' }),
  ],
  ['bytes of another charset', (status, headers) => answer(status, Buffer.from([0xfc, 0xff]), headers)],
  [
    'a reset in it',
    (status, headers) => (_request, response) => {
      response.writeHead(status, { ...headers, 'content-length': '1000' });
      response.write('{', () => response.socket?.resetAndDestroy());
    },
  ],
  [
    'no end',
    (status, headers) => (_request, response) => {
      response.writeHead(status, headers).write('{');
    },
  ],
  ['a page of 1 MiB', (status, headers) => answer(status, Buffer.alloc(1024 * 1024, 'x'), headers)],
];

describe('a refusal whose body is', () => {
  it.each(unreadable)('%s keeps its status: a bad password is sent once', async (_what, handler) => {
    server.answers(handler(401, {}));
    await using up = opened(server.url, { maxRetries: 5, answerTimeoutMs: 200 });
    await expect(up.get()).rejects.toMatchObject({ code: 'credentials' });
    expect(server.asked).toHaveLength(1);
    expect(up.results).toEqual([401]);
  });

  it.each(unreadable)('%s keeps its headers: Retry-After is obeyed', async (_what, handler) => {
    server.answers(handler(429, { 'retry-after': '7' }));
    await using up = opened(server.url, { maxRetries: 1, answerTimeoutMs: 200 });
    await expect(up.get()).rejects.toMatchObject({ code: 'throttled', retryAfterMs: 7000 });
    expect(up.clock.slept).toEqual([7000]);
  });

  it('larger than a message needs is not read to its end', async () => {
    let sent: ServerResponse | undefined;
    server.answers((_request, response) => {
      sent = response;
      response.writeHead(403).write(Buffer.alloc(256 * 1024, 'x'));
    });
    await using up = opened(server.url);
    await expect(up.get()).rejects.toMatchObject({ code: 'permission' });
    expect(up.usage.bytes).toBeLessThan(256 * 1024);
    if (sent?.destroyed === false) await once(sent, 'close');
  });

  it('still to come when the run is stopped ends as cancelled', async () => {
    const begun = Promise.withResolvers<void>();
    server.answers((_request, response) => {
      response.writeHead(401).write('{', () => begun.resolve());
    });
    await using up = opened(server.url);
    const asked = up.get();
    await begun.promise;
    up.abort.abort(new Error('stopped by a person'));
    await expect(asked).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe("the vendor's own words", () => {
  const secret = 'kT9-canary-of-the-vendor-7731';

  async function said(message: string): Promise<string> {
    server.answers(answer(400, JSON.stringify({ error: { message } })));
    const redactor = new Redactor();
    redactor.learn('inventory/x', [secret]);
    await using up = opened(server.url, { redact: (text) => redactor.redact(text) });
    const failure = await up.get().then(
      () => undefined,
      (error: unknown) => error as Failure,
    );
    return failure?.message ?? '';
  }

  it('lose a secret before they are cut, wherever the cut falls', async () => {
    for (let before = 80; before < 125; before += 1) {
      expect(await said(`${'x'.repeat(before)}${secret}`)).not.toContain('kT9');
    }
  });

  it('are cut between characters and stay well-formed', async () => {
    for (let before = 115; before < 123; before += 1) {
      const message = await said(`${'x'.repeat(before)}${'😀'.repeat(8)}`);
      expect(message.isWellFormed()).toBe(true);
      expect(message).not.toContain('\uFFFD');
      expect(message.length).toBeLessThan(300);
    }
    expect((await said('half a pair: \ud83d')).isWellFormed()).toBe(true);
  });

  it('lose it from names and links as well', async () => {
    const redact = (text: string) => text.replaceAll(secret, '[redacted]');
    await using up = opened(server.url, { redact, maxRetries: 0 });
    for (const handler of [
      answer(302, '', { location: `http://[${secret}` }),
      answer(200, '{}', { 'content-type': `application/json; charset=${secret}` }),
      answer(200, '{}', { 'content-encoding': secret }),
    ]) {
      server.answers(handler);
      await expect(up.get()).rejects.toMatchObject({ message: expect.stringContaining('[redacted]') });
    }
    await expect(up.get({ path: `https://[${secret}` })).rejects.toMatchObject({
      code: 'contract',
      message: expect.stringMatching(/the answer leads to .*\[redacted\].*, which is no URL/u),
    });
  });
});
