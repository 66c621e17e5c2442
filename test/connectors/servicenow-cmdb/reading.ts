// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { serviceNowCmdb } from '../../../connectors/servicenow-cmdb/index.ts';
import type { Mapping } from '../../../src/api/mapping.ts';
import { AccountBudget } from '../../../src/connector/budget.ts';
import type { BoundStream, Connection, Json, ReadEvent } from '../../../src/connector/contract.ts';
import { credentialsFrom } from '../../../src/connector/credentials.ts';
import type { NormalisedRecord } from '../../../src/inventory/kinds.ts';
import { openUpstream } from '../../../src/connector/upstream.ts';

export interface ConnectOptions {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly pageSize?: number;
  readonly mapping?: Mapping;
  readonly password?: string;
  /** Decoded keys of the Secret, for another login than that by Basic. */
  readonly oauth?: Readonly<Record<string, string>>;
  readonly now?: () => Date;
  readonly onSecret?: (value: string) => void;
  readonly maxRetries?: number;
}

export interface Opened extends AsyncDisposable {
  readonly connection: Connection;
  readonly usage: { readonly requests: number };
  stream(name: string): BoundStream;
}

function encoded(text: string): string {
  return Buffer.from(text).toString('base64');
}

function encodedAll(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, encoded(value)]));
}

/** Opens the connector on the real upstream kit, without waits between retries. */
export async function open(url: string, options: ConnectOptions = {}): Promise<Opened> {
  const controller = new AbortController();
  const clock = {
    monotonicMs: () => performance.now(),
    sleep: (_: number, signal: AbortSignal) => delay(0, undefined, { signal }),
  };
  const upstream = openUpstream({
    correlationId: 'test',
    userAgent: 'test',
    signal: controller.signal,
    remainingMs: () => 60_000,
    budget: new AccountBudget({ requestsPerSecond: 1000, inFlight: 4 }, clock),
    maxRetries: options.maxRetries ?? 2,
    addresses: { allowHttp: true, allowLoopback: true, remedy: '' },
    urlField: 'url',
    clock,
    now: () => new Date(),
    random: () => 0,
    onRequest: () => undefined,
  });
  const connection = await serviceNowCmdb
    .connect({
      config: { url, classes: ['cmdb_ci_server'], ...options.config },
      credentials: credentialsFrom(options.oauth === undefined ? 'Basic' : 'OAuth2', {
        namespace: 'inventory',
        name: 'login',
        data: encodedAll(
          options.oauth ?? { username: 'reader', password: options.password ?? 'secret-of-reader' },
        ),
      }),
      pageSize: options.pageSize,
      mapping: options.mapping,
      http: (client) => upstream.http(client),
      ldap: (options) => upstream.ldap(options),
      learnSecret: (value) => options.onSecret?.(value),
      redact: (text) => text,
      now: options.now ?? (() => new Date()),
      signal: controller.signal,
    })
    .catch(async (error: unknown) => {
      await upstream.close();
      throw error;
    });
  return {
    connection,
    usage: upstream.usage,
    stream(name) {
      const found = connection.streams.find((stream) => stream.name === name);
      if (found === undefined) throw new Error(`no stream ${name}`);
      return found;
    },
    async [Symbol.asyncDispose]() {
      controller.abort();
      await upstream.close();
    },
  };
}

export interface Stored {
  readonly cursors?: Readonly<Record<string, Json>>;
  readonly checkpoints?: Readonly<Record<string, Json>>;
  readonly ended?: readonly string[];
}

export interface Reading {
  readonly events: readonly ReadEvent[];
  /** The last record of each id. */
  readonly records: ReadonlyMap<string, NormalisedRecord>;
  readonly invalid: readonly { readonly externalId: string | undefined; readonly reason: string }[];
  readonly ends: readonly Exclude<ReadEvent, { type: 'page' }>[];
}

/** Reads a stream to its end, as the engine would. */
export async function readStream(
  stream: BoundStream,
  stored: Stored = {},
  stopAfterPages = Infinity,
): Promise<Reading> {
  const events: ReadEvent[] = [];
  let pages = 0;
  for await (const event of stream.read({
    cursor: (scope) => stored.cursors?.[scope],
    checkpoint: (scope) => stored.checkpoints?.[scope],
    ended: (scope) => stored.ended?.includes(scope) ?? false,
    lastEvidence: async () => undefined,
    begun: (scope) => stored.checkpoints?.[scope] !== undefined,
  })) {
    events.push(event);
    if (event.type === 'page' && ++pages >= stopAfterPages) break;
  }
  const records = new Map<string, NormalisedRecord>();
  const invalid: { externalId: string | undefined; reason: string }[] = [];
  for (const event of events) {
    if (event.type !== 'page') continue;
    for (const raw of event.rows) {
      const outcome = stream.normalise(raw);
      if (outcome.type === 'record') records.set(outcome.record.externalId, outcome.record);
      else invalid.push({ externalId: outcome.externalId, reason: outcome.reason });
    }
  }
  const ends = events.filter((event) => event.type !== 'page');
  return { events, records, invalid, ends };
}
