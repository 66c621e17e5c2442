// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Faults, type Answer } from '../faults.ts';
import { answerBatch } from './batch.ts';
import type { GraphAnswer } from './faults.ts';
import { Login, type Application } from './login.ts';
import { PageTokens } from './page-tokens.ts';
import { graphError, type Reply } from './reply.ts';
import { answer } from './routes.ts';
import { Throttle } from './throttle.ts';
import { buildTenant, type TenantSize } from './tenant/index.ts';
import type { Tenant } from './tenant/tenant.ts';
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
  /** Login and Graph at one address, as behind one proxy. */
  readonly oneAddress?: boolean;
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
  readonly deltaTokens: PageTokens;
  readonly throttle: Throttle;
  /** Application permissions with consent, as they stand. */
  readonly roles = new Set(everyRole);
  readonly licences: Licences = { premium: true, pim: true, intune: true };
  readonly quirks: Quirks = { ...plainQuirks };
  /** False: the application has no service principal in the tenant. */
  isConsented = true;
  private heldAt: number | undefined;
  private readonly now: () => Date;
  private readonly skewMs: number;
  private readonly oneAddress: boolean;
  private readonly servers: Readonly<Record<'login' | 'graph', Server>> = {
    login: createServer((request, response) => this.take('login', request, response)),
    graph: createServer((request, response) => this.take('graph', request, response)),
  };

  constructor(options: GraphOptions) {
    this.now = options.now ?? (() => new Date());
    this.skewMs = options.clockSkewMs ?? 0;
    this.oneAddress = options.oneAddress ?? false;
    this.tenant = buildTenant(options.seed, options.counts, this.now);
    this.pages = new PageTokens(this.now, options.pageTokenMs ?? Infinity);
    this.deltaTokens = new PageTokens(this.now, sevenDaysMs);
    this.throttle = new Throttle(this.now);
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
    this.behind(url);
    return { url, loginUrl: this.oneAddress ? url : await open(this.servers.login, loginPort) };
  }

  async stop(): Promise<void> {
    for (const server of Object.values(this.servers)) {
      if (!server.listening) continue;
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    }
  }

  /** Changes from now on come late: listings show them, rounds of changes do not, until `showChanges`. */
  holdChanges(): void {
    this.heldAt = this.tenant.directory.sequence;
  }

  showChanges(): void {
    this.heldAt = undefined;
  }

  visibleChanges(): number {
    return this.heldAt ?? this.tenant.directory.sequence;
  }

  /** A proxy in front answers at this address: its audience and scope are good too. */
  behind(origin: string): void {
    this.login.origins.add(origin);
    this.login.scopes.add(`${origin}/.default`);
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
      resource: url.pathname.startsWith('/v1.0/') ? url.pathname.slice('/v1.0'.length) : '',
      inBatch: false,
    };
    response.once('close', () => {
      const { method, path, params } = asked;
      this.requests.push({ server: which, method, path, params, headers, status: response.statusCode });
    });
    response.setHeader('date', new Date(this.now().getTime() + this.skewMs).toUTCString());
    const body = await text(request);
    const given = this.answerOf(which, asked, body);
    if (typeof given === 'function') return given(response);
    send(response, given, asked, this.now());
  }

  private answerOf(which: 'login' | 'graph', asked: GraphAsked, body: string): Reply | Answer {
    const isLogin = which === 'login' || (this.oneAddress && tokenPath.test(asked.path));
    if (isLogin) return this.answerLogin(asked, body);
    if (asked.resource !== '/$batch') return this.answerGraph({ ...asked, body });
    // Each item is charged on its own, and all of them pass the door with the token of the batch.
    const each = (item: GraphAsked) => this.withFaults(item, () => this.answerItem(item));
    return this.withFaults(asked, () => this.refusalAtTheDoor(asked) ?? answerBatch(asked, body, each));
  }

  private answerLogin(asked: GraphAsked, body: string): Reply | Answer {
    return this.withFaults(asked, () => {
      const tenant = tokenPath.exec(asked.path)?.[1];
      if (tenant === undefined || asked.method !== 'POST') return { status: 404 };
      const type = asked.headers['content-type'] as string | undefined;
      return this.login.grant(decodeURIComponent(tenant), type, body, asked);
    });
  }

  private answerGraph(asked: GraphAsked): Reply | Answer {
    return this.withFaults(asked, () => this.refusalAtTheDoor(asked) ?? this.answerItem(asked));
  }

  /** What is looked at before the resource is. */
  private refusalAtTheDoor(asked: GraphAsked): Reply | undefined {
    const refused = this.login.refusal(asked.headers['authorization'] as string | undefined);
    if (refused !== undefined) return refused;
    const said = 'The identity of the calling application could not be established.';
    if (!this.isConsented) return graphError(401, 'Authorization_IdentityNotFound', said);
    return asked.path.startsWith('/v1.0/') ? undefined : graphError(404, '', '');
  }

  private answerItem(asked: GraphAsked): Reply {
    const charged = this.throttle.charge(asked);
    if ('refused' in charged) return charged.refused;
    const reply = answer(this, asked);
    return { ...reply, headers: { ...charged.headers, ...reply.headers } };
  }

  private withFaults(asked: GraphAsked, usual: () => Reply | Answer): Reply | Answer {
    const fault = this.faults.for(asked);
    if (fault === undefined) return usual();
    if (typeof fault === 'function') return fault;
    let broken: Answer | undefined;
    const reply = fault.reply(() => {
      const given = usual();
      if (typeof given !== 'function') return given;
      broken = given;
      return { status: 200 };
    }, asked);
    return broken ?? reply;
  }
}

const sevenDaysMs = 7 * 86_400_000;
const tokenPath = /^\/([^/]+)\/oauth2\/v2\.0\/token$/u;

function send(response: ServerResponse, reply: Reply, asked: GraphAsked, now: Date): void {
  const requestId = randomUUID();
  const clientRequestId = String(asked.headers['client-request-id'] ?? requestId);
  const isGraph = !tokenPath.test(asked.path);
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
