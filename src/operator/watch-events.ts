// SPDX-License-Identifier: Apache-2.0
import type { ObjectMeta } from '../api/resource.ts';
import { ApiError } from './api-error.ts';

/** What every object that is watched has. */
export interface Reflected {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
}

export interface WatchEvent<Kind> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: Kind;
}

interface Line {
  readonly type?: unknown;
  readonly object?: {
    readonly metadata?: { readonly resourceVersion?: string };
    readonly code?: unknown;
    readonly reason?: string;
    readonly message?: string;
  };
}

/** A whole line that is no event. It is not quoted: a proxy may have sent it. */
export class UnreadableEvent extends Error {
  override readonly name = 'UnreadableEvent';
}

/** One event may not be larger: an object has at most a few hundred KiB. */
const maxLineBytes = 16 * 1024 * 1024;

/**
 * The events of a watch, one JSON document per line. An ERROR event is thrown as the ApiError it holds, a line that is no event as
 * UnreadableEvent; other errors are those of the connection.
 */
export async function* readWatchEvents<Kind extends Reflected>(
  body: AsyncIterable<Buffer>,
): AsyncGenerator<WatchEvent<Kind>, void, void> {
  // Pieces of the line that has not ended yet; joined once, when it ends.
  let pieces: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      const line = Buffer.concat([...pieces, chunk.subarray(start, end)]).toString('utf8');
      pieces = [];
      bytes = 0;
      start = end + 1;
      if (line.trim() !== '') yield toEvent<Kind>(line);
    }
    const rest = chunk.subarray(start);
    pieces.push(rest);
    bytes += rest.length;
    if (bytes > maxLineBytes) throw new UnreadableEvent(`a watch event is larger than ${maxLineBytes} bytes`);
  }
  // What is left is half a line of a connection that broke.
  if (Buffer.concat(pieces).toString('utf8').trim() !== '') {
    throw new Error('the watch broke in the middle of an event');
  }
}

function toEvent<Kind>(line: string): WatchEvent<Kind> {
  const event = parseLine(line);
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      if (event.object?.metadata?.resourceVersion === undefined)
        throw new UnreadableEvent('the watch sent an event without a version');
      return event as unknown as WatchEvent<Kind>;
    case 'ERROR': {
      const { code, reason, message } = event.object ?? {};
      throw new ApiError(Number(code ?? 500), reason ?? 'Unknown', message ?? '', { inStream: true });
    }
    default:
      throw new UnreadableEvent('the watch sent an event of an unknown type');
  }
}

function parseLine(line: string): Line {
  try {
    return JSON.parse(line) as Line;
  } catch {
    // The parser's own message quotes what it read.
    throw new UnreadableEvent('the watch sent a line that is no JSON');
  }
}
