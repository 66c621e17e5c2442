// SPDX-License-Identifier: Apache-2.0
import pRetry, { AbortError } from 'p-retry';
import { Agent } from 'undici';
import { checkUrl, guardedLookup, type AddressPolicy } from './address.ts';
import { describe, failureOfStatus, parseBody } from './answer.ts';
import type { AccountBudget, BudgetClock } from './budget.ts';
import { asFailure, Failure } from './failure.ts';
import type { BodyCheck, HttpAnswer, HttpClient, HttpClientOptions, HttpRequest, RawAnswer } from './http.ts';
import { send } from './send.ts';

export interface UpstreamOptions {
  readonly correlationId: string;
  readonly userAgent: string;
  readonly signal: AbortSignal;
  /** No wait may be longer than what this answers. */
  readonly remainingMs: () => number;
  readonly budget: AccountBudget;
  readonly maxRetries: number;
  readonly addresses: AddressPolicy;
  /** Field of the spec that holds the URL, for messages. */
  readonly urlField: string;
  /** Extra certificate authority, PEM. */
  readonly ca?: string;
  readonly clock: BudgetClock;
  readonly now: () => Date;
  /** In [0, 1), for the jitter. */
  readonly random: () => number;
  readonly onRequest: (result: { readonly status: number | undefined; readonly durationMs: number }) => void;
  /** Longest silence within an answer; default 90 s. */
  readonly idleTimeoutMs?: number;
  /** Longest time for one whole answer, so that one byte now and then does not hold a run; default 5 min. */
  readonly answerTimeoutMs?: number;
}

const defaultMaxBytes = 64 * 1024 * 1024;
const firstBackoffMs = 1_000;
const longestBackoffMs = 60_000;
const idleTimeoutMs = 90_000;
const answerTimeoutMs = 300_000;

/** The upstream side of one attempt of a run: clients that share a budget, a correlation id and a count of what they cost. */
export function openUpstream(options: UpstreamOptions) {
  const usage = { requests: 0, bytes: 0, throttledMs: 0 };
  const idleMs = options.idleTimeoutMs ?? idleTimeoutMs;
  const agent = new Agent({
    connect: {
      lookup: guardedLookup(options.addresses),
      timeout: 15_000,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
    },
    headersTimeout: idleMs,
    bodyTimeout: idleMs,
  });

  /** One request on the shared budget; throws a Failure for every answer that is none. */
  async function once<T>(
    client: HttpClientOptions,
    request: HttpRequest,
    check: BodyCheck<T>,
  ): Promise<HttpAnswer<T>> {
    const url = resolveUrl(client.baseUrl, request);
    const what = describe(request, url);
    const headers: Record<string, string> = {
      accept: 'application/json',
      'user-agent': options.userAgent,
      'x-correlation-id': options.correlationId,
      ...request.headers,
    };
    await client.authorize?.(headers);
    const answer = await options.budget.use(
      () => transfer(url, request, headers, what),
      options.signal,
      (ms) => (usage.throttledMs += ms),
    );
    const failure = client.classify?.(answer, request) ?? failureOfStatus(answer, what, options.now());
    if (failure !== undefined) throw failure;
    return parseBody(answer, what, check);
  }

  async function transfer(
    url: URL,
    request: HttpRequest,
    headers: Record<string, string>,
    what: string,
  ): Promise<RawAnswer> {
    const startedMs = options.clock.monotonicMs();
    usage.requests += 1;
    let status: number | undefined;
    try {
      const answer = await send(agent, url, request, headers, {
        what,
        maxBytes: request.maxBytes ?? defaultMaxBytes,
        signal: options.signal,
        timeoutMs: options.answerTimeoutMs ?? answerTimeoutMs,
        onBytes: (bytes) => (usage.bytes += bytes),
      });
      ({ status } = answer);
      return answer;
    } finally {
      options.onRequest({ status, durationMs: options.clock.monotonicMs() - startedMs });
    }
  }

  /** Renewed credentials are worth one more try; a second 401 is final. */
  async function renewing<T>(
    client: HttpClientOptions,
    request: HttpRequest,
    check: BodyCheck<T>,
  ): Promise<HttpAnswer<T>> {
    try {
      return await once(client, request, check);
    } catch (error) {
      const refused = error instanceof Failure && error.code === 'credentials';
      if (!refused || client.onUnauthorized === undefined || !(await client.onUnauthorized())) throw error;
      return once(client, request, check);
    }
  }

  /** How long to wait before the next try; the vendor's own word goes before our growing, jittered one. */
  function backoffMs(failure: Failure, attempt: number): number {
    if (failure.retryAfterMs !== undefined) return failure.retryAfterMs;
    return options.random() * Math.min(longestBackoffMs, firstBackoffMs * 2 ** (attempt - 1));
  }

  async function retrying<T>(
    client: HttpClientOptions,
    request: HttpRequest,
    check: BodyCheck<T>,
  ): Promise<HttpAnswer<T>> {
    try {
      return await pRetry(() => renewing(client, request, check).catch(final), {
        retries: request.maxRetries ?? options.maxRetries,
        // The waiting is ours: it must obey Retry-After and hold back the whole account.
        minTimeout: 0,
        maxTimeout: 0,
        signal: options.signal,
        onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
          if (retriesLeft === 0) return;
          await waitFor(asFailure(error), attemptNumber);
        },
      });
    } catch (error) {
      if (options.signal.aborted)
        throw new Failure('cancelled', 'the run was stopped', { cause: options.signal.reason });
      throw asFailure(error);
    }
  }

  async function waitFor(failure: Failure, attempt: number): Promise<void> {
    const waitMs = backoffMs(failure, attempt);
    if (waitMs > options.remainingMs()) {
      const message = `${failure.message}; the next try is in ${Math.ceil(waitMs / 1000)} s, later than this run may last`;
      throw new Failure(failure.code, message, { cause: failure });
    }
    if (failure.code === 'throttled' || failure.retryAfterMs !== undefined) {
      // Everybody on this account waits, and the wait is counted where it is waited.
      options.budget.pause(waitMs);
      return;
    }
    await options.clock.sleep(waitMs, options.signal);
  }

  return {
    usage,
    http(client: HttpClientOptions): HttpClient {
      checkUrl(client.baseUrl, options.addresses, options.urlField);
      return { json: (request, check) => retrying(client, request, check) };
    },
    close: () => agent.destroy(),
  };
}

/** Failures that another try cannot mend end the retries at once. */
function final(error: unknown): never {
  const failure = asFailure(error);
  if (failure.code === 'unavailable' || failure.code === 'throttled') throw failure;
  throw new AbortError(failure);
}

function resolveUrl(base: URL, request: HttpRequest): URL {
  const root = base.href.endsWith('/') ? base.href : `${base.href}/`;
  const url = /^[a-z][a-z0-9+.-]*:/iu.test(request.path)
    ? new URL(request.path)
    : new URL(request.path.replace(/^\/+/u, ''), root);
  if (url.origin !== base.origin) {
    const message = `${request.subject}: the answer leads to ${url.origin}, another origin than ${base.origin}; credentials stay at home`;
    throw new Failure('contract', message);
  }
  for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, value);
  return url;
}
