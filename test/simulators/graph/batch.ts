// SPDX-License-Identifier: Apache-2.0
import type { Answer } from '../faults.ts';
import { graphError, ok, type Reply } from './reply.ts';
import type { GraphAsked } from './world.ts';

const mostItems = 20;

interface Item {
  readonly id: string;
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly dependsOn?: readonly string[];
}

/**
 * Answers a batch; `answer` gives what an item would have got on its own. The answers come in another order than the items. What breaks the
 * connection at one item breaks that of the batch.
 */
export function answerBatch(
  asked: GraphAsked,
  body: string,
  answer: (asked: GraphAsked) => Reply | Answer,
): Reply | Answer {
  if (asked.method !== 'POST') return graphError(405, 'BadRequest', 'A batch is posted.');
  const items = itemsOf(body);
  if (typeof items === 'string') return graphError(400, 'BadRequest', items);
  const responses = new Map<string, { readonly id: string } & Reply>();
  for (const item of items) {
    const waits = item.dependsOn?.find((id) => (responses.get(id)?.status ?? 500) >= 400);
    const given =
      waits === undefined
        ? answer(askedBy(asked, item))
        : graphError(424, 'FailedDependency', `'${waits}' failed.`);
    if (typeof given === 'function') return given;
    const headers = { 'Content-Type': 'application/json', ...capitalised(given.headers ?? {}) };
    responses.set(item.id, { id: item.id, ...given, headers });
  }
  return ok({ responses: [...responses.values()].toReversed() });
}

function askedBy(asked: GraphAsked, { method, url, headers = {} }: Item): GraphAsked {
  const { pathname, searchParams } = new URL(`${asked.origin}/v1.0${url.startsWith('/') ? '' : '/'}${url}`);
  const own = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    method,
    path: pathname,
    params: searchParams,
    headers: { authorization: asked.headers['authorization'], ...Object.fromEntries(own) },
    origin: asked.origin,
    resource: pathname.replace(/^\/v1\.0/u, ''),
    inBatch: true,
  };
}

/** The items of a batch, or what is wrong with it as a whole. */
function itemsOf(body: string): readonly Item[] | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return 'Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.';
  }
  const requests: unknown = Object(parsed).requests;
  if (!Array.isArray(requests) || requests.length === 0)
    return "Invalid batch payload: 'requests' is missing or empty.";
  if (requests.length > mostItems)
    return `Number of batch request steps exceeds the maximum value of ${mostItems}.`;
  const ids = new Set<string>();
  for (const request of requests as readonly Partial<Item>[]) {
    if (typeof request.id !== 'string' || request.id === '') return "Invalid batch payload: 'id' is missing.";
    if (ids.has(request.id)) return `Invalid batch payload: 'id' ${request.id} is there twice.`;
    ids.add(request.id);
    if (typeof request.method !== 'string')
      return `Invalid batch payload: 'method' of ${request.id} is missing.`;
    if (
      typeof request.url !== 'string' ||
      !/^\/?(?!v1\.0\/)\w/u.test(request.url) ||
      request.url.includes('://')
    ) {
      return `Invalid batch payload: 'url' of ${request.id} is not relative.`;
    }
  }
  return requests as readonly Item[];
}

/** As they stand in the answers of batches. */
function capitalised(headers: Readonly<Record<string, string>>): Record<string, string> {
  const name = (text: string) => text.replaceAll(/(^|-)[a-z]/gu, (letter) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(headers).map(([key, value]) => [name(key), value]));
}
