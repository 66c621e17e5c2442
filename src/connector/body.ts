// SPDX-License-Identifier: Apache-2.0
import { pipeline } from 'node:stream';
import { createBrotliDecompress, createGunzip } from 'node:zlib';
import type { Dispatcher } from 'undici';
import { Failure } from './failure.ts';

type Body = Dispatcher.ResponseData['body'];

/** What is asked for: deflate is not, since a raw stream and one with a zlib header go by the same name. */
export const acceptedEncodings = 'gzip, br';

/** A body in a content encoding that nobody asked for. */
export class UnknownEncoding extends Error {}

export interface BodyBound {
  readonly what: string;
  readonly maxBytes: number;
  /** Bytes of the decoded body, as they come. */
  readonly onBytes: (bytes: number) => void;
}

/** The whole decoded body. Throws a Failure when it is larger than the bound, and whatever broke the reading. */
export async function wholeBody(body: Body, encoding: string | undefined, bound: BodyBound): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of decoded(body, encoding)) {
    bytes += chunk.length;
    bound.onBytes(chunk.length);
    if (bytes > bound.maxBytes) {
      const message = `${bound.what}: the answer is larger than ${bound.maxBytes} bytes; lower spec.limits.pageSize`;
      throw new Failure('contract', message);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

/** The beginning of a decoded body, as far as it can be read: what is said there is welcome, not needed. */
export async function startOfBody(
  body: Body,
  encoding: string | undefined,
  bound: BodyBound,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of decoded(body, encoding)) {
      bytes += chunk.length;
      bound.onBytes(chunk.length);
      chunks.push(chunk);
      if (bytes >= bound.maxBytes) break;
    }
  } catch {
    // A reset, a broken encoding, a time limit: the status and the headers came through.
  }
  return Buffer.concat(chunks, bytes).subarray(0, bound.maxBytes);
}

/** A reading that ends early, for whatever reason, ends the connection: the rest would keep it busy for nothing. */
async function* decoded(body: Body, encoding: string | undefined): AsyncGenerator<Buffer, void, void> {
  // The error that destroying causes is what was asked for; what broke by itself comes out of the iteration.
  body.on('error', ignore);
  try {
    const decoder = decoderFor(encoding);
    const source = decoder === undefined ? body : pipeline(body, decoder, ignore);
    for await (const chunk of source) yield chunk as Buffer;
  } finally {
    body.destroy();
  }
}

function decoderFor(encoding: string | undefined) {
  switch (encoding?.trim().toLowerCase()) {
    case undefined:
    case '':
    case 'identity':
      return undefined;
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'br':
      return createBrotliDecompress();
    default:
      throw new UnknownEncoding(encoding);
  }
}

function ignore(): void {
  // Nothing to do: see where it is handed in.
}
