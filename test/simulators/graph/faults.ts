// SPDX-License-Identifier: Apache-2.0
import type { Answer } from '../faults.ts';
import { graphError, type Reply } from './reply.ts';
import type { Row } from './rows.ts';
import type { GraphAsked } from './world.ts';

/**
 * What stands in the place of an answer: something done to the connection, or another answer. `usual` gives the one that would have come.
 * In an item of a batch what is done to the connection is done to that of the whole batch.
 */
export type GraphAnswer = Answer | { readonly reply: (usual: () => Reply, asked: GraphAsked) => Reply };

export function instead(reply: Reply): GraphAnswer {
  return { reply: () => reply };
}

/** 403 as without the permission. */
export function denied(): GraphAnswer {
  return instead(
    graphError(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.'),
  );
}

/** 401 as with a token that is not good. */
export function unauthenticated(): GraphAnswer {
  return instead(graphError(401, 'InvalidAuthenticationToken', 'Access token validation failure.'));
}

/** 429; the vendor gives decimals too, and some workloads no Retry-After. */
export function throttled(retryAfterSeconds?: number): GraphAnswer {
  const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  return instead(graphError(429, 'TooManyRequests', 'Too many requests.', headers));
}

/** A request of Graph, a batch as one. */
export function isRequest({ resource, inBatch }: GraphAsked): boolean {
  return resource !== '' && !inBatch;
}

export function broken(status: 500 | 502 | 503 | 504 | 509): GraphAnswer {
  return instead(
    graphError(status, status === 500 ? 'generalException' : 'serviceNotAvailable', 'Try again later.'),
  );
}

/** The usual page with something else made of it. Leaves refusals as they are. */
export function rewritten(change: (page: Row, asked: GraphAsked) => Row): GraphAnswer {
  return {
    reply: (usual, asked) => {
      const reply = usual();
      return reply.status === 200 ? { ...reply, body: change(reply.body as Row, asked) } : reply;
    },
  };
}

/** Every page leads on to one that was not there yet, for ever. */
export function endlessPages(): GraphAnswer {
  let pages = 0;
  let first: Reply | undefined;
  return {
    reply: (usual, asked) => {
      first ??= usual();
      pages += 1;
      const link = `${asked.origin}${asked.path}?$skiptoken=endless-${pages}`;
      return { ...first, body: leading(first.body, link) };
    },
  };
}

/** The page leads to another host, which must never see the token. */
export function foreignNextLink(origin: string): GraphAnswer {
  return rewritten((body, { path }) => leading(body, `${origin}${path}?$skiptoken=foreign`));
}

/** The page leads to itself. */
export function repeatedNextLink(): GraphAnswer {
  return rewritten((body, asked) => leading(body, `${asked.origin}${asked.path}?${asked.params.toString()}`));
}

function leading(body: unknown, link: string): Row {
  return { ...Object(body), '@odata.deltaLink': undefined, '@odata.nextLink': link };
}

/** Rows that are none stand among the usual ones. */
export function garbageRows(...rows: readonly unknown[]): GraphAnswer {
  return rewritten((body) => ({ ...body, value: [...(body['value'] as unknown[]), ...rows] }));
}
