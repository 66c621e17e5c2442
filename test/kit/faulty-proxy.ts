// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { request as forward } from 'undici';
import type { HttpFault } from '../contract/connectors/http-faults.ts';
import type { Place } from '../contract/connectors/harness.ts';
import { answerWrongly, type Exchange } from './proxy-faults.ts';

/** A request as it came to the proxy. */
export interface ProxiedRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** An answer as the system behind the proxy gave it, its own address replaced by that of the proxy. */
export interface ProxiedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What the proxy must know of a vendor's API to make faults in its words. Bodies are parsed JSON. */
export interface Dialect {
  /** The stream that asks this; undefined for logging in and look-ups that streams share. */
  streamOf(request: ProxiedRequest): string | undefined;
  /** The rows of an answer; undefined when it holds no list of them. */
  rowsOf(body: unknown): readonly unknown[] | undefined;
  /** The same answer with other rows. */
  withRows(body: unknown, rows: readonly unknown[]): unknown;
  /** The same answer with this link to its next page; left out where answers hold no links. */
  withLink?(body: unknown, link: string): unknown;
  /** The body of a refusal with this message; the login may have another form for it. */
  refusal(message: string, request: ProxiedRequest): unknown;
}

interface Armed {
  readonly kind: HttpFault;
  readonly at: Place;
  readonly times: number;
  hits: number;
}

/** Stands between a connector and any HTTP system, hands everything on, and goes wrong on demand. */
export class FaultyProxy implements AsyncDisposable {
  readonly asked: (string | undefined)[] = [];
  /** Requests that came to another origin, where a hostile link leads; none may. */
  readonly strays: string[] = [];
  private readonly target: string;
  private readonly dialect: Dialect;
  private readonly tokens = new Set<string>();
  /** The newest answer of each path to each stream. */
  private readonly before = new Map<string, ProxiedAnswer>();
  /** How many requests each stream has made. */
  private readonly counts = new Map<string | undefined, number>();
  private armed: Armed | undefined;
  private planted: string | undefined;
  private quotes = false;
  private onDrip: () => void = () => undefined;
  private readonly server = createServer((request, response) => {
    this.serve(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  private readonly stray = createServer((request, response) => {
    this.strays.push(request.url ?? '');
    response.end('{}');
  });

  /** In front of the system at this URL. */
  constructor(target: string, dialect: Dialect) {
    this.target = new URL(target).origin;
    this.dialect = dialect;
  }

  async listen(): Promise<this> {
    for (const server of [this.server, this.stray]) await once(server.listen(0, '127.0.0.1'), 'listening');
    return this;
  }

  get origin(): string {
    return originOf(this.server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.server, this.stray]) {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    }
  }

  fault(kind: HttpFault, at: Place, times = Infinity): () => number {
    this.forget();
    const armed = { kind, at, times, hits: 0 };
    this.armed = armed;
    return () => armed.hits;
  }

  lift(): void {
    this.armed = undefined;
    this.planted = undefined;
    this.quotes = false;
    this.forget();
  }

  /** Every row carries this text in a field that nobody has asked for. Until `lift`. */
  plant(canary: string): void {
    this.planted = canary;
  }

  /** Refusals and web pages quote what the request carried, its secrets included. Until `lift`. */
  quoteSecrets(): void {
    this.quotes = true;
  }

  /** Called when a slow answer has begun. */
  watch(on: { readonly drip: () => void }): void {
    this.onDrip = on.drip;
  }

  /** Tokens that went through. */
  issued(): readonly string[] {
    return [...this.tokens];
  }

  private forget(): void {
    this.asked.length = 0;
    this.before.clear();
    this.counts.clear();
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked: ProxiedRequest = {
      method: request.method ?? 'GET',
      url: new URL(request.url ?? '/', this.origin),
      headers: request.headers,
      body: await text(request),
    };
    const stream = this.dialect.streamOf(asked);
    const count = this.counts.get(stream) ?? 0;
    const place = `${stream ?? ''} ${asked.url.pathname}`;
    this.counts.set(stream, count + 1);
    this.asked.push(stream);
    const before = this.before.get(place);
    let given: ProxiedAnswer | undefined;
    const answer = async () => {
      given ??= await this.answerOf(asked);
      this.before.set(place, given);
      return given;
    };
    const { armed } = this;
    if (armed === undefined || armed.at.stream !== stream || count < armed.at.request)
      return give(response, await answer());
    if (armed.hits >= armed.times) return give(response, await answer());
    const exchange: Exchange = {
      ...{ request: asked, response, dialect: this.dialect, before, answer, hit: armed.hits },
      elsewhere: originOf(this.stray),
      quoted: this.quotes ? quotedSecrets(asked) : '',
      onDrip: this.onDrip,
    };
    // Before it is made: some faults go on for longer than anybody listens.
    armed.hits += 1;
    if (await answerWrongly(armed.kind, exchange)) return;
    armed.hits -= 1;
    give(response, await answer());
  }

  private async answerOf(asked: ProxiedRequest): Promise<ProxiedAnswer> {
    const { origin } = this;
    const url = new URL(`${asked.url.pathname}${asked.url.search}`, this.target);
    url.searchParams.delete(endless);
    const headers = Object.entries(asked.headers).filter(([name]) => !hopByHop.has(name));
    const answer = await forward(url, {
      method: asked.method as 'GET',
      headers: Object.fromEntries(headers) as Record<string, string>,
      ...(asked.body === '' ? {} : { body: asked.body }),
    });
    const body = (await answer.body.text()).replaceAll(this.target, origin);
    for (const [, token = ''] of body.matchAll(/"(?:access|refresh|id)_token"\s*:\s*"([^"]+)"/gu))
      this.tokens.add(token);
    const given = Object.entries(answer.headers).filter(([name]) => !hopByHop.has(name));
    return {
      status: answer.statusCode,
      headers: Object.fromEntries(given.map(([name, value]) => [name, here(value, this.target, origin)])),
      body: this.planted === undefined ? body : planted(body, this.dialect, this.planted),
    };
  }
}

/** Parameter of a link that the system behind the proxy has not given. */
export const endless = 'endless';

/** What belongs to one connection, and the length, which changes with the address in the body. */
const hopByHop: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'accept-encoding', 'host'],
]);

function here(value: string | string[] | undefined, target: string, origin: string): string {
  return (Array.isArray(value) ? value.join(', ') : (value ?? '')).replaceAll(target, origin);
}

function originOf(server: ReturnType<typeof createServer>): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export function give(response: ServerResponse, { status, headers, body }: ProxiedAnswer): void {
  response.writeHead(status, headers);
  response.end(body);
}

function quotedSecrets({ headers, body, url }: ProxiedRequest): string {
  return ` for ${headers.authorization ?? 'nobody'} of ${decodeURIComponent(body)} at ${url.href}`;
}

function planted(body: string, dialect: Dialect, canary: string): string {
  const parsed = parsedBody(body);
  const rows = dialect.rowsOf(parsed);
  if (rows === undefined) return body;
  const changed = rows.map((row) =>
    typeof row === 'object' && row !== null ? { ...row, unaskedPassword: canary } : row,
  );
  return JSON.stringify(dialect.withRows(parsed, changed));
}

/** Undefined for what is no JSON. */
export function parsedBody(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
