// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'vitest';
import { waitFor } from '../kit/wait.ts';

/** One request that waits for its answer. */
export class Exchange {
  readonly verb: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly atMs = performance.now();
  private readonly response: ServerResponse;

  constructor(request: IncomingMessage, body: string, response: ServerResponse) {
    const url = new URL(request.url ?? '/', 'http://api.example.com');
    this.verb = url.searchParams.get('watch') === 'true' ? 'WATCH' : (request.method ?? '');
    this.path = url.pathname;
    this.query = url.searchParams;
    this.headers = request.headers;
    this.body = body;
    this.response = response;
  }

  /** Whether the client has gone away. */
  get closed(): boolean {
    return this.response.destroyed || this.response.socket?.destroyed === true;
  }

  answer(code: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void {
    this.response.writeHead(code, { 'content-type': 'application/json', ...headers });
    this.response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }

  /** The headers of a watch; `write` sends what follows. */
  open(): void {
    this.response.writeHead(200, { 'content-type': 'application/json' });
    this.response.flushHeaders();
  }

  /** Raw bytes, in a packet of their own. */
  async write(bytes: string | Uint8Array): Promise<void> {
    await new Promise<void>((resolve) => {
      this.response.write(bytes, () => resolve());
    });
  }

  event(type: string, object: unknown): Promise<void> {
    return this.write(`${JSON.stringify({ type, object })}\n`);
  }

  end(): void {
    this.response.end();
  }

  /** A TCP reset. */
  reset(): void {
    this.response.socket?.resetAndDestroy();
  }
}

/** A real HTTP server whose answers the test gives one by one. */
export class ScriptedApi {
  private readonly server: Server;
  private readonly waiting: Exchange[] = [];

  private constructor(server: Server) {
    this.server = server;
  }

  static async start(): Promise<ScriptedApi> {
    const server = createServer();
    const api = new ScriptedApi(server);
    server.on('request', (request, response) => {
      void text(request).then((body) => api.waiting.push(new Exchange(request, body, response)));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  kubeConfig(): KubeConfig {
    const config = new KubeConfig();
    config.loadFromOptions({
      clusters: [{ name: 'scripted', server: this.url, skipTLSVerify: true }],
      users: [{ name: 'tester', token: 'token-of-the-test' }],
      contexts: [{ name: 'test', cluster: 'scripted', user: 'tester' }],
      currentContext: 'test',
    });
    return config;
  }

  /** The next request, which must be of this verb (GET, WATCH, POST …). */
  async next(verb: string): Promise<Exchange> {
    const exchange = await waitFor(`a ${verb} request`, () => this.waiting.shift(), {
      timeoutMs: 10_000,
      intervalMs: 2,
    });
    expect(exchange.verb).toBe(verb);
    return exchange;
  }

  /** Fails when a request was left over. */
  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    expect(this.waiting.map(({ verb, path }) => `${verb} ${path}`)).toEqual([]);
  }
}
