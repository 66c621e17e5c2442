// SPDX-License-Identifier: Apache-2.0
import { ApiError } from './api-error.ts';
import type { Reflected } from './reflector.ts';

export interface WatchEvent<Kind> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: Kind;
}

interface Line {
  readonly type?: unknown;
  readonly object?: { readonly code?: unknown; readonly reason?: string; readonly message?: string };
}

/** One event may not be larger: an object has at most a few hundred KiB. */
const maxLineBytes = 16 * 1024 * 1024;

/** The events of a watch, one JSON document per line. An ERROR event is thrown as the ApiError it holds. */
export async function* readWatchEvents<Kind extends Reflected>(
  body: AsyncIterable<Buffer>,
): AsyncGenerator<WatchEvent<Kind>, void, void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of body) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      const line = rest.subarray(0, end).toString('utf8');
      rest = rest.subarray(end + 1);
      if (line.trim() !== '') yield toEvent<Kind>(line);
    }
    if (rest.length > maxLineBytes) throw new Error(`a watch event is larger than ${maxLineBytes} bytes`);
  }
  // What is left is half a line of a connection that broke.
  if (rest.toString('utf8').trim() !== '') throw new Error('the watch broke in the middle of an event');
}

function toEvent<Kind>(line: string): WatchEvent<Kind> {
  const event = JSON.parse(line) as Line;
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      return event as unknown as WatchEvent<Kind>;
    case 'ERROR': {
      const { code, reason, message } = event.object ?? {};
      throw new ApiError(Number(code ?? 500), reason ?? 'Unknown', message ?? '');
    }
    default:
      throw new Error('the watch sent an event of an unknown type');
  }
}
