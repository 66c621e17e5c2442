// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './metrics.ts';

/** One thing that must hold; the detail says what does not. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface HttpServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly metrics: Metrics;
  readonly live: () => readonly Check[];
  readonly ready: () => Promise<readonly Check[]>;
}

/** /metrics, /healthz and /readyz. GET only, no bodies read. */
export async function startHttpServer(options: HttpServerOptions) {
  const server = createServer((request, response) => {
    answer(request, response, options).catch((error: unknown) => {
      response
        .writeHead(500, { 'content-type': 'text/plain' })
        .end(`${error instanceof Error ? error.message : 'error'}\n`);
    });
  });
  server.requestTimeout = 10_000;
  server.headersTimeout = 5_000;
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpServerOptions,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  const [path] = (request.url ?? '/').split('?');
  switch (path) {
    case '/metrics': {
      const { contentType, text } = await options.metrics.page();
      response.writeHead(200, { 'content-type': contentType }).end(text);
      return;
    }
    case '/healthz':
      report(response, options.live());
      return;
    case '/readyz':
      report(response, await options.ready());
      return;
    default:
      response.writeHead(404, { 'content-type': 'text/plain' }).end('metrics are at /metrics\n');
  }
}

function report(response: ServerResponse, checks: readonly Check[]): void {
  const ok = checks.every((check) => check.ok);
  const lines = checks.map(({ name, ok: good, detail }) => `[${good ? '+' : '-'}] ${name}: ${detail}\n`);
  response.writeHead(ok ? 200 : 503, { 'content-type': 'text/plain' }).end(lines.join(''));
}
