// SPDX-License-Identifier: Apache-2.0
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { request as undiciRequest, type Agent } from 'undici';
import { Failure } from './failure.ts';
import type { HttpRequest, RawAnswer } from './http.ts';

export interface Transfer {
  readonly what: string;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** For the whole exchange, body included. */
  readonly timeoutMs: number;
  /** Bytes of the decoded body, as they come. */
  readonly onBytes: (bytes: number) => void;
}

const maxRedirects = 3;

/** Sends one request and reads its whole body within the bound. Throws a Failure for whatever goes wrong on the way. */
export async function send(
  agent: Agent,
  url: URL,
  request: HttpRequest,
  headers: Readonly<Record<string, string>>,
  transfer: Transfer,
): Promise<RawAnswer> {
  let target = url;
  for (let hop = 0; ; hop += 1) {
    const { answer, location } = await exchange(agent, target, request, headers, transfer);
    if (location === undefined) return answer;
    const next = new URL(location, target);
    if (next.origin !== url.origin) {
      const message = `${transfer.what}: redirected to ${next.origin}, another origin; nothing is sent there. Check the URL`;
      throw new Failure('configuration', message);
    }
    if (hop >= maxRedirects || (request.method ?? 'GET') !== 'GET') {
      throw new Failure('configuration', `${transfer.what}: redirected ${hop + 1} times; check the URL`);
    }
    target = next;
  }
}

async function exchange(
  agent: Agent,
  url: URL,
  request: HttpRequest,
  headers: Readonly<Record<string, string>>,
  transfer: Transfer,
): Promise<{ answer: RawAnswer; location: string | undefined }> {
  const body = bodyOf(request);
  const tooLong = AbortSignal.timeout(transfer.timeoutMs);
  try {
    const response = await undiciRequest(url, {
      dispatcher: agent,
      method: request.method ?? 'GET',
      headers: { 'accept-encoding': 'gzip, deflate, br', ...headers, ...body.headers },
      ...(body.content === undefined ? {} : { body: body.content }),
      signal: AbortSignal.any([transfer.signal, tooLong]),
    });
    const answered = new Map<string, string>();
    for (const [name, value] of Object.entries(response.headers)) {
      if (value !== undefined)
        answered.set(name.toLowerCase(), Array.isArray(value) ? value.join(', ') : value);
    }
    const content = await readBounded(response.body, answered.get('content-encoding'), transfer);
    const redirected = response.statusCode >= 300 && response.statusCode < 400;
    return {
      answer: {
        status: response.statusCode,
        headers: answered,
        text: content.toString('utf8'),
        bytes: content.length,
      },
      location: redirected ? answered.get('location') : undefined,
    };
  } catch (error) {
    if (tooLong.aborted && !transfer.signal.aborted) {
      const message = `${transfer.what}: the answer took longer than ${transfer.timeoutMs / 1000} s; lower spec.limits.pageSize`;
      throw new Failure('unavailable', message, { cause: error });
    }
    throw classify(error, url, transfer);
  }
}

function bodyOf(request: HttpRequest): { content: string | undefined; headers: Record<string, string> } {
  if (request.form !== undefined) {
    const content = new URLSearchParams(request.form).toString();
    return { content, headers: { 'content-type': 'application/x-www-form-urlencoded' } };
  }
  if (request.json === undefined) return { content: undefined, headers: {} };
  return { content: JSON.stringify(request.json), headers: { 'content-type': 'application/json' } };
}

type Body = Awaited<ReturnType<typeof undiciRequest>>['body'];

/** Reads at most `maxBytes` of decoded content; one byte more destroys the connection. */
async function readBounded(body: Body, encoding: string | undefined, transfer: Transfer): Promise<Buffer> {
  const decoder = decoderFor(encoding);
  const source =
    decoder === undefined ? body : body.on('error', (error: Error) => decoder.destroy(error)).pipe(decoder);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of source) {
    const part = chunk as Buffer;
    bytes += part.length;
    transfer.onBytes(part.length);
    if (bytes > transfer.maxBytes) {
      // The abort that this causes is what was asked for; the failure below says why.
      body.on('error', () => undefined).destroy();
      const message = `${transfer.what}: the answer is larger than ${transfer.maxBytes} bytes; lower spec.limits.pageSize`;
      throw new Failure('contract', message);
    }
    chunks.push(part);
  }
  return Buffer.concat(chunks, bytes);
}

function decoderFor(encoding: string | undefined) {
  switch (encoding?.trim().toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    default:
      return undefined;
  }
}

/** What went wrong below HTTP, in words that say where to look. */
function classify(error: unknown, url: URL, { what, signal }: Transfer): Failure {
  if (error instanceof Failure) return error;
  if (signal.aborted) return new Failure('cancelled', 'the run was stopped', { cause: signal.reason });
  const code = codeOf(error);
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Failure) return cause;
  if (code === 'ENOTFOUND') {
    return new Failure(
      'unavailable',
      `${what}: there is no host ${url.hostname}; check the URL and the cluster's DNS`,
      { cause: error },
    );
  }
  if (code === 'ECONNREFUSED') {
    return new Failure(
      'unavailable',
      `${what}: ${url.host} refuses connections; check the URL, or wait until it is up`,
      { cause: error },
    );
  }
  if (/CERT|TLS|SSL|SELF_SIGNED|ALTNAME/u.test(code)) {
    return new Failure('unavailable', `${what}: the certificate of ${url.host} is not trusted (${code})`, {
      cause: error,
    });
  }
  return new Failure('unavailable', `${what}: the connection broke (${code})`, { cause: error });
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'unknown';
  const { code, name } = error as { code?: unknown; name?: unknown };
  if (typeof code === 'string') return code;
  return typeof name === 'string' ? name : 'unknown';
}
