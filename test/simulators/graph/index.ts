// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Faults, type Answer } from '../faults.ts';
import type { GraphAnswer } from './faults.ts';
import { Login, type Application } from './login.ts';
import { PageTokens } from './page-tokens.ts';
import { graphError, type Reply } from './reply.ts';
import { answer } from './routes.ts';
import { buildTenant, type Tenant, type TenantSize } from './tenant/index.ts';
import { everyRole, plainQuirks, type GraphAsked, type Licences, type Quirks, type World } from './world.ts';

export interface GraphOptions {
  /** The same seed and counts give the same tenant. */
  readonly seed: number;
  readonly counts: TenantSize;
  readonly application: Application;
  readonly port?: number;
  readonly loginPort?: number;
  readonly now?: () => Date;
  /** How far the clock that the Date header tells is ahead. */
  readonly clockSkewMs?: number;
  /** Life of the tokens in a nextLink; default for ever. */
  readonly pageTokenMs?: number;
  /** Scopes that the token endpoint gives; default those of this Graph and of the global one. */
  readonly scopes?: readonly string[];
}

export interface Request extends Pick<GraphAsked, 'method' | 'path' | 'params' | 'headers'> {
  readonly server: 'login' | 'graph';
  readonly status: number;
}

/** Microsoft's token endpoint and Graph v1.0 over real HTTP, each at an address of its own. */
export class Graph implements World {
  readonly faults = new Faults<GraphAsked, GraphAnswer>();
  readonly requests: Request[] = [];
  readonly tenant: Tenant;
  readonly login: Login;
  readonly pages: PageTokens;
  /** Application permissions with consent, as they stand. */
  readonly roles = new Set(everyRole);
  readonly licences: Licences = { premium: true, pim: true, intune: true };
  readonly quirks: Quirks = { ...plainQuirks };
  /** False: the application has no service principal in the tenant. */
  isConsented = true;
  private readonly now: () => Date;
  private readonly skewMs: number;
  private readonly scopes: readonly string[] | undefined;
  private readonly servers: Readonly<Record<'login' | 'graph', Server>> = {
    login: createServer((request, response) => this.take('login', request, response)),
    graph: createServer((request, response) => this.take('graph', request, response)),
  };

  constructor(options: GraphOptions) {
    this.now = options.now ?? (() => new Date());
    this.skewMs = options.clockSkewMs ?? 0;
    this.scopes = options.scopes;
    this.tenant = buildTenant(options.seed, options.counts, this.now);
    this.pages = new PageTokens(this.now, options.pageTokenMs ?? Infinity);
    this.login = new Login(options.application, {
      tenants: [this.tenant.id, ...this.tenant.domains],
      now: this.now,
      roles: () => [...this.roles],
    });
  }

  async listen(
    port: number,
    loginPort: number,
  ): Promise<{ readonly url: string; readonly loginUrl: string }> {
    const url = await open(this.servers.graph, port);
    const loginUrl = await open(this.servers.login, loginPort);
    this.login.scopes = this.scopes ?? [`${url}/.default`, 'https://graph.microsoft.com/.default'];
    return { url, loginUrl };
  }

  async stop(): Promise<void> {
    for (const server of Object.values(this.servers)) {
      server.close();
      server.closeAllConnections();
      if (server.listening) await once(server, 'close');
    }
  }

  private take(which: 'login' | 'graph', request: IncomingMessage, response: ServerResponse): void {
    this.serve(which, request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  }

  private async serve(
    which: 'login' | 'graph',
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const origin = `http://${request.headers.host ?? 'emulator'}`;
    const url = new URL(request.url ?? '/', origin);
    const { headers } = request;
    const asked: GraphAsked = {
      method: request.method ?? 'GET',
      path: url.pathname,
      params: url.searchParams,
      headers,
      origin,
      resource: which === 'graph' ? url.pathname.replace(/^\/v1\.0(?=\/)/u, '') : '',
      inBatch: false,
    };
    response.once('close', () => {
      const { method, path, params } = asked;
      this.requests.push({ server: which, method, path, params, headers, status: response.statusCode });
    });
    response.setHeader('date', new Date(this.now().getTime() + this.skewMs).toUTCString());
    const body = await text(request);
    const given = which === 'login' ? this.answerLogin(asked, body) : this.answerGraph(asked);
    if (typeof given === 'function') return given(response);
    send(response, given, asked, this.now());
  }

  private answerLogin(asked: GraphAsked, body: string): Reply | Answer {
    return this.withFaults(asked, () => {
      const tenant = /^\/([^/]+)\/oauth2\/v2\.0\/token$/u.exec(asked.path)?.[1];
      if (tenant === undefined || asked.method !== 'POST') return { status: 404 };
      const address = `${asked.origin}${asked.path}`;
      return this.login.grant(
        decodeURIComponent(tenant),
        asked.headers['content-type'] as string,
        body,
        address,
      );
    });
  }

  private answerGraph(asked: GraphAsked): Reply | Answer {
    return this.withFaults(asked, () => {
      const refused = this.login.refusal(asked.headers['authorization'] as string | undefined);
      if (refused !== undefined) return refused;
      if (!this.isConsented) {
        return graphError(
          401,
          'Authorization_IdentityNotFound',
          'The identity of the calling application could not be established.',
        );
      }
      if (!asked.path.startsWith('/v1.0/')) return graphError(404, '', '');
      return answer(this, asked);
    });
  }

  private withFaults(asked: GraphAsked, usual: () => Reply): Reply | Answer {
    const fault = this.faults.for(asked);
    if (fault === undefined) return usual();
    return typeof fault === 'function' ? fault : fault.reply(usual, asked);
  }
}

function send(response: ServerResponse, reply: Reply, asked: GraphAsked, now: Date): void {
  const requestId = randomUUID();
  const clientRequestId = String(asked.headers['client-request-id'] ?? requestId);
  const isGraph = asked.resource !== '';
  const ids = isGraph ? { 'request-id': requestId, 'client-request-id': clientRequestId } : {};
  const form = isGraph
    ? 'application/json;odata.metadata=minimal;odata.streaming=true;charset=utf-8'
    : 'application/json';
  response.writeHead(reply.status, { 'content-type': form, ...ids, ...reply.headers });
  if (reply.body === undefined || typeof reply.body === 'string') response.end(reply.body);
  else
    response.end(
      JSON.stringify(isGraph ? withIds(Object(reply.body), requestId, clientRequestId, now) : reply.body),
    );
}

/** An error with the ids that its request can be found by. */
function withIds(body: object, requestId: string, clientRequestId: string, now: Date): object {
  const { error } = body as { readonly error?: { readonly code: string } };
  if (error === undefined) return body;
  const date = now.toISOString().slice(0, 19);
  const ids = { date, 'request-id': requestId, 'client-request-id': clientRequestId };
  return {
    ...body,
    error: { ...error, innerError: { ...('innerError' in error ? Object(error.innerError) : {}), ...ids } },
  };
}

async function open(server: Server, port: number): Promise<string> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export type RunningGraph = Graph & { readonly url: string; readonly loginUrl: string };

export async function startGraph(options: GraphOptions): Promise<RunningGraph> {
  const graph = new Graph(options);
  return Object.assign(graph, await graph.listen(options.port ?? 0, options.loginPort ?? 0));
}
