// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import pRetry from 'p-retry';
import { ApiError } from './api-error.ts';
import { jitteredBackoffMs } from './backoff.ts';

interface Repeatable {
  readonly verb: string;
  readonly retries?: number;
  readonly signal?: AbortSignal;
}

/** Whoever has to wait longer is told, and comes again by its own queue. */
const longestRetryAfterMs = 10_000;

const brokenConnection = new Set(['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'UND_ERR_SOCKET']);

/**
 * Repeats a request that the server certainly did not do, after the time it asks for, and a read whose connection broke. A write
 * that may have been done is never repeated here: the caller must look first. Throws the last failure.
 */
export function retryRequest<T>(
  send: () => Promise<T>,
  { verb, retries = 3, signal }: Repeatable,
  random: () => number,
): Promise<T> {
  return pRetry(send, {
    retries,
    // The waiting is ours: full jitter, and never sooner than the server wishes.
    minTimeout: 0,
    shouldRetry: async ({ error, attemptNumber }) => {
      if (!mayRepeat(verb, error)) return false;
      const askedMs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
      const ownMs = jitteredBackoffMs(attemptNumber, { firstMs: 100, longestMs: 5_000, random });
      await delay(askedMs + ownMs, undefined, signal === undefined ? {} : { signal });
      return true;
    },
    ...(signal === undefined ? {} : { signal }),
  });
}

function mayRepeat(verb: string, error: Error): boolean {
  if (error instanceof ApiError) {
    const { code, retryAfterMs } = error;
    if (code === 429) return (retryAfterMs ?? 0) <= longestRetryAfterMs;
    // With Retry-After the API server says that it turned the request away before doing it; client-go takes it the same way.
    return code >= 500 && retryAfterMs !== undefined && retryAfterMs <= longestRetryAfterMs;
  }
  const read = verb === 'get' || verb === 'list';
  return read && 'code' in error && brokenConnection.has(String(error.code));
}
