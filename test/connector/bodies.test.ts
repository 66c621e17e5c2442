// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answer, good, onceThenGood, opened, vendor, type Handler } from './vendor.ts';

let server: Awaited<ReturnType<typeof vendor>>;

beforeEach(async () => {
  server = await vendor();
});
afterEach(() => server[Symbol.asyncDispose]());

const name = 'M\u00fcller';
const rows = JSON.stringify({ result: [name] });
const typed = (charset: string) => ({ 'content-type': `application/json; charset=${charset}` });

describe('the charset of an answer', () => {
  it.each([
    ['utf-8 without a word', Buffer.from(rows), {}],
    ['utf-8 with a byte order mark', Buffer.from(`\uFEFF${rows}`), {}],
    ['utf-8 by its other names', Buffer.from(rows), typed('"UTF8"')],
    ['Latin-1', Buffer.from(rows, 'latin1'), typed('ISO-8859-1')],
    ['UTF-16', Buffer.from(rows, 'utf16le'), typed('utf-16le')],
  ])('is obeyed: %s', async (_what, body, headers) => {
    server.answers(answer(200, body, headers));
    await using up = opened(server.url);
    expect((await up.get()).body).toEqual({ result: [name] });
    expect(server.asked).toHaveLength(1);
  });

  it.each([
    ['Latin-1 that says nothing', Buffer.from(rows, 'latin1'), {}, 'utf-8'],
    ['Latin-1 that calls itself UTF-8', Buffer.from(rows, 'latin1'), typed('utf-8'), 'utf-8'],
    ['a charset nobody knows', Buffer.from(rows), typed('klingon'), 'klingon'],
  ])('never makes data of what cannot be read: %s', async (_what, body, headers, charset) => {
    server.answers(answer(200, body, headers));
    await using up = opened(server.url);
    await expect(up.get()).rejects.toMatchObject({
      code: 'contract',
      message: expect.stringMatching(new RegExp(`^table x .*charset "${charset}".*must send UTF-8`, 'u')),
    });
    expect(server.asked).toHaveLength(1);
  });

  it('does not matter where the answer stops in the middle of a character, or is a page', async () => {
    for (const first of [
      answer(200, Buffer.from(rows).subarray(0, rows.indexOf(name) + 2)),
      answer(200, Buffer.concat([Buffer.from(good), Buffer.from([0xc3])])),
      answer(200, Buffer.from('<html>schl\u00e4ft', 'latin1')),
      answer(200, Buffer.from('schl\u00e4ft', 'latin1'), { 'content-type': 'text/html' }),
    ]) {
      server.answers(onceThenGood(first));
      await using up = opened(server.url);
      expect((await up.get()).body).toEqual({ result: ['a'] });
      expect(server.asked).toHaveLength(2);
    }
  });
});

describe('the encoding of an answer', () => {
  it('is asked for without deflate, and refused where it was not asked for', async () => {
    server.answers(answer(200, deflateRawSync(good), { 'content-encoding': 'deflate' }));
    await using up = opened(server.url);
    await expect(up.get()).rejects.toMatchObject({
      code: 'contract',
      message: expect.stringContaining('content-encoding "deflate", which was not asked for'),
    });
    expect(server.asked).toHaveLength(1);
    expect(server.asked[0]?.headers['accept-encoding']).toBe('gzip, br');
  });

  it('leaves the connection for the next request', async () => {
    const sockets = new Set<unknown>();
    server.answers((request, response, count) => {
      sockets.add(request.socket);
      answer(200, gzipSync(good), { 'content-encoding': 'gzip' })(request, response, count);
    });
    await using up = opened(server.url);
    for (let count = 0; count < 3; count += 1) await up.get();
    expect(sockets.size).toBe(1);
  });
});

/** Begins an answer and leaves it open. */
function unfinished(
  headers: Record<string, string>,
  beginning: Buffer,
  onBegun: (sent: ServerResponse) => void,
): Handler {
  return (_request, response) => {
    response.writeHead(200, headers).write(beginning, () => onBegun(response));
  };
}

const gzip = { 'content-encoding': 'gzip' };
const startOfGzip = gzipSync(Buffer.alloc(100_000)).subarray(0, 60);

/** Every answer that is not read to its end must cost the vendor nothing more. */
async function closed(sent: Promise<ServerResponse>): Promise<void> {
  const response = await sent;
  if (!response.destroyed) await once(response, 'close');
}

describe('an answer that is not read to its end takes its connection with it', () => {
  it.each<[string, Record<string, string>, Buffer, string, string]>([
    [
      'too large',
      {},
      Buffer.alloc(200_000, ' '),
      'contract',
      'larger than 50000 bytes; lower spec.limits.pageSize',
    ],
    [
      'too large when unpacked',
      gzip,
      gzipSync(Buffer.alloc(64 * 1024 * 1024)),
      'contract',
      'larger than 50000 bytes',
    ],
    ['too slow', {}, Buffer.from('{'), 'unavailable', 'took longer than 0.1 s'],
    ['too slow in gzip', gzip, startOfGzip, 'unavailable', 'took longer than 0.1 s'],
    [
      'broken gzip',
      gzip,
      Buffer.alloc(200_000, 'x'),
      'unavailable',
      'compressed answer is cut off or broken',
    ],
  ])('%s', async (_what, headers, beginning, code, said) => {
    const sent = Promise.withResolvers<ServerResponse>();
    server.answers((request, response, count) => {
      sent.resolve(response);
      unfinished(headers, beginning, () => undefined)(request, response, count);
    });
    await using up = opened(server.url, { maxRetries: 0, answerTimeoutMs: 100 });
    await expect(up.get({ maxBytes: 50_000 })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(said),
    });
    await closed(sent.promise);
    expect(up.usage.bytes).toBeLessThan(2_000_000);
  });

  it.each([
    ['plain', {}, Buffer.from('{')],
    ['gzip', gzip, startOfGzip],
  ])('silent in the middle of %s', async (_what, headers, beginning) => {
    const sent = Promise.withResolvers<ServerResponse>();
    server.answers(unfinished(headers, beginning, sent.resolve));
    await using up = opened(server.url, { maxRetries: 0, idleTimeoutMs: 100 });
    await expect(up.get()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('UND_ERR_BODY_TIMEOUT'),
    });
    await closed(sent.promise);
  });

  it.each([
    ['plain', {}, Buffer.from('{')],
    ['gzip', gzip, startOfGzip],
  ])('%s of a run that is stopped', async (_what, headers, beginning) => {
    const sent = Promise.withResolvers<ServerResponse>();
    server.answers(unfinished(headers, beginning, sent.resolve));
    await using up = opened(server.url);
    const asked = up.get();
    await sent.promise;
    // The beginning has left the server: give it the chance to be in the decoder.
    await turn();
    up.abort.abort(new Error('stopped by a person'));
    await expect(asked).rejects.toMatchObject({ code: 'cancelled' });
    await closed(sent.promise);
  });

  it('silent from the start, or dripping, is given up and tried again', async () => {
    server.answers(
      onceThenGood((_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        const drip = setInterval(() => response.write(' '), 5);
        response.once('close', () => clearInterval(drip));
      }),
    );
    await using up = opened(server.url, { answerTimeoutMs: 100 });
    expect((await up.get()).body).toEqual({ result: ['a'] });
    server.answers(onceThenGood(() => undefined));
    await using silent = opened(server.url, { idleTimeoutMs: 100 });
    expect((await silent.get()).body).toEqual({ result: ['a'] });
  });
});
