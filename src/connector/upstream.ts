// SPDX-License-Identifier: Apache-2.0
import type { SecureContext } from 'node:tls';
import { Agent } from 'undici';
import { checkUrl, guardedLookup, type AddressPolicy } from './address.ts';
import { describe, failureOfStatus, parseBody } from './answer.ts';
import { trusting } from './authorities.ts';
import type { AccountBudget, BudgetClock } from './budget.ts';
import { Failure } from './failure.ts';
import type { BodyCheck, HttpAnswer, HttpClient, HttpClientOptions, HttpRequest, RawAnswer } from './http.ts';
import type { LdapClient, LdapOptions } from './ldap/client.ts';
import { KnownLogins, Logins } from './ldap/logins.ts';
import type { LdapKit } from './ldap/kit.ts';
import { openLdap } from './ldap/session.ts';
import { originOf } from './origin.ts';
import { backoffMs, retrying } from './retry.ts';
import { retryAfter } from './retry-after.ts';
import { send } from './send.ts';
import { followed, redirection, resolveUrl } from './target.ts';
import type { Redact } from './vendor-words.ts';
import { VendorClocks } from './vendor-clock.ts';
import { waitMeter } from './wait-meter.ts';

export interface UpstreamResult {
  /** HTTP status, or name of the LDAP result; undefined when there was no answer. */
  readonly status: number | string | undefined;
  readonly durationMs: number;
}

export interface UpstreamOptions {
  readonly correlationId: string;
  readonly userAgent: string;
  readonly signal: AbortSignal;
  /** No wait may be longer than what this answers. */
  readonly remainingMs: () => number;
  readonly budget: AccountBudget;
  /** Of this process; default those of this attempt alone. */
  readonly logins?: KnownLogins;
  readonly maxRetries: number;
  readonly addresses: AddressPolicy;
  /** Field of the spec that holds the URL, for messages. */
  readonly urlField: string;
  /** Certificate authorities that are trusted beside the machine's own, PEM; see authorities.ts. */
  readonly authorities?: readonly string[];
  readonly clock: BudgetClock;
  readonly now: () => Date;
  /** In [0, 1), for the jitter. */
  readonly random: () => number;
  readonly onRequest: (result: UpstreamResult) => void;
  /** Longest time for TCP, and again for TLS; default 15 s. */
  readonly connectTimeoutMs?: number;
  /** Longest silence within an answer; default 90 s, of a directory 150 s. */
  readonly idleTimeoutMs?: number;
  /** Longest time for one whole answer, so that one byte now and then does not hold a run; default 5 min. */
  readonly answerTimeoutMs?: number;
  /** Takes secrets out of what the vendor says before any of it is quoted; default leaves it as it is. */
  readonly redact?: Redact;
}

const defaultMaxBytes = 64 * 1024 * 1024;
const idleTimeoutMs = 90_000;
const answerTimeoutMs = 300_000;
const connectTimeoutMs = 15_000;
/** A domain controller works on one page for 120 s before it gives up (MaxQueryDuration), and says so. */
const directorySilenceMs = 150_000;
const maxEntryBytes = 16 * 1024 * 1024;

/** The upstream side of one attempt of a run: clients that share a budget, a correlation id and a count of what they cost. */
export function openUpstream(options: UpstreamOptions) {
  const usage = { requests: 0, bytes: 0, throttledMs: 0 };
  const clocks = new VendorClocks();
  const redact = options.redact ?? ((text: string) => text);
  const onHeld = waitMeter(options.clock, (ms) => (usage.throttledMs += ms));
  const idleMs = options.idleTimeoutMs ?? idleTimeoutMs;
  const lookup = guardedLookup(options.addresses);
  const { authorities = [], connectTimeoutMs: connectMs = connectTimeoutMs } = options;
  let trust: SecureContext | undefined;
  const secureContext = () => (trust ??= trusting(authorities));
  const agent = new Agent({
    connect: {
      lookup,
      timeout: connectMs,
      ...(authorities.length === 0 ? {} : { secureContext: secureContext() }),
    },
    headersTimeout: idleMs,
    bodyTimeout: idleMs,
  });

  const fieldOf = ({ urlField }: HttpClientOptions) => urlField ?? options.urlField;
  const reading = (client: HttpClientOptions, what: string) => ({
    ...{ what, now: options.now(), redact, urlField: fieldOf(client) },
  });

  async function headersOf(client: HttpClientOptions, request: HttpRequest): Promise<Record<string, string>> {
    const headers: Record<string, string> = {
      accept: 'application/json',
      'user-agent': options.userAgent,
      'x-correlation-id': options.correlationId,
      ...request.headers,
    };
    await client.authorize?.(headers);
    return headers;
  }

  /** One request, its redirects included; throws a Failure for every answer that is none. */
  async function once<T>(
    client: HttpClientOptions,
    request: HttpRequest,
    headers: Record<string, string>,
    check: BodyCheck<T>,
    attempt: number,
  ): Promise<HttpAnswer<T>> {
    let url = resolveUrl(client.baseUrl, request, redact);
    const what = describe(request, url);
    const urlField = fieldOf(client);
    const waiter = { what, signal: options.signal, remainingMs: options.remainingMs, onHeld };
    for (let hop = 1; ; hop += 1) {
      const target = url;
      const answer = await options.budget.use(async () => {
        const sentAt = options.now();
        const answer = await transfer(target, request, headers, { what, urlField });
        const receivedAt = options.now();
        if (redirection(answer) === undefined) {
          judge(client, request, answer, what, attempt);
          clocks.note(originOf(target), answer.headers, sentAt, receivedAt);
        }
        return answer;
      }, waiter);
      const location = redirection(answer);
      if (location === undefined) return parseBody(answer, reading(client, what), check);
      url = followed(location, url, request, { what, hop, redact, urlField });
    }
  }

  async function transfer(
    url: URL,
    request: HttpRequest,
    headers: Record<string, string>,
    about: { readonly what: string; readonly urlField: string },
  ): Promise<RawAnswer> {
    const startedMs = options.clock.monotonicMs();
    usage.requests += 1;
    let status: number | undefined;
    try {
      const answer = await send(agent, url, request, headers, {
        ...about,
        maxBytes: request.maxBytes ?? defaultMaxBytes,
        signal: options.signal,
        timeoutMs: options.answerTimeoutMs ?? answerTimeoutMs,
        onBytes: (bytes) => (usage.bytes += bytes),
        redact,
      });
      ({ status } = answer);
      return answer;
    } finally {
      options.onRequest({ status, durationMs: options.clock.monotonicMs() - startedMs });
    }
  }

  /**
   * Throws the Failure that an answer means. While the request still has its place on the budget, and whether or not it will
   * be tried again: nobody on this account may be sent between the vendor's word and the pause.
   */
  function judge(
    client: HttpClientOptions,
    request: HttpRequest,
    answer: RawAnswer,
    what: string,
    attempt: number,
  ): void {
    const failure = client.classify?.(answer, request) ?? failureOfStatus(answer, reading(client, what));
    if (failure === undefined) return;
    const askedMs = failure.retryAfterMs ?? retryAfter(answer.headers.get('retry-after'), options.now());
    if (failure.code === 'throttled' || (failure.code === 'unavailable' && askedMs !== undefined)) {
      options.budget.pause(Math.max(askedMs ?? 0, backoffMs(attempt, options.random)));
    }
    throw failure;
  }

  /**
   * Renewed credentials are worth one more try; a second 401 is final. A refusal while they are made, before anything was sent,
   * is final at once.
   */
  async function renewing<T>(
    client: HttpClientOptions,
    request: HttpRequest,
    check: BodyCheck<T>,
    attempt: number,
  ): Promise<HttpAnswer<T>> {
    const sent = await headersOf(client, request);
    try {
      return await once(client, request, sent, check, attempt);
    } catch (error) {
      const refused = error instanceof Failure && error.code === 'credentials';
      if (!refused || client.onUnauthorized === undefined || !(await client.onUnauthorized(sent)))
        throw error;
      return once(client, request, await headersOf(client, request), check, attempt);
    }
  }

  const directoryClients: LdapClient[] = [];
  const directories: LdapKit = {
    ...{ ...options, redact, onHeld, lookup, secureContext, connectMs },
    silenceMs: options.idleTimeoutMs ?? directorySilenceMs,
    answerMs: options.answerTimeoutMs ?? answerTimeoutMs,
    maxMessageBytes: maxEntryBytes,
    maxAnswerBytes: defaultMaxBytes,
    onSent: () => (usage.requests += 1),
    onBytes: (bytes) => (usage.bytes += bytes),
    onClock: (origin, answer) => clocks.noteAnswer(origin, answer),
    logins: new Logins(options.logins ?? new KnownLogins(() => options.clock.monotonicMs()), options.signal),
  };

  return {
    usage,
    clockOf: (origin: string) => clocks.of(origin),
    http(client: HttpClientOptions): HttpClient {
      checkUrl(client.baseUrl, options.addresses, fieldOf(client));
      return {
        json: (request, check) =>
          retrying((attempt) => renewing(client, request, check, attempt), {
            ...options,
            maxRetries: request.maxRetries ?? options.maxRetries,
          }),
      };
    },
    async ldap(client: LdapOptions): Promise<LdapClient> {
      const opened = await openLdap(client, directories);
      directoryClients.push(opened);
      return opened;
    },
    async close() {
      await Promise.all(directoryClients.map((client) => client.close()));
      await agent.destroy();
    },
  };
}
