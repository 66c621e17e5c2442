// SPDX-License-Identifier: Apache-2.0
import type { KubeConfig } from '@kubernetes/client-node';
import { request as undiciRequest } from 'undici';
import { ApiError } from './api-error.ts';
import { retryRequest } from './api-retry.ts';
import { KubeConnection } from './kube-connection.ts';

/** A kind of object as the API names it. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

export interface KubeRequest {
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';
  readonly resource: Resource;
  readonly namespace?: string | undefined;
  readonly name?: string;
  readonly subresource?: 'status';
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** How often a request that the server did not take is repeated; 0 for those who do so themselves. Default 3. */
  readonly retries?: number;
}

export type RequestObserver = (seen: {
  readonly verb: string;
  readonly resource: string;
  readonly code: number;
}) => void;

const methods = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
} as const;

/** Far more than any object or list page of ours. */
const maxBytes = 64 * 1024 * 1024;
const timeoutMs = 30_000;

/**
 * The few verbs that the operator needs, over one connection pool. Authentication comes from the KubeConfig and is asked
 * for at every request, since tokens in a pod are renewed on disk. Every answer that is no success is an ApiError.
 */
export class KubeClient {
  private readonly config: KubeConfig;
  private readonly observe: RequestObserver;
  private readonly random: () => number;
  private readonly connection: KubeConnection;

  /** The observer is told of every request that is sent, the repeated ones included; code 0 when there was no answer. */
  constructor(config: KubeConfig, observe: RequestObserver = () => undefined, random = Math.random) {
    this.config = config;
    this.observe = observe;
    this.random = random;
    this.connection = new KubeConnection(config);
  }

  /**
   * Sends and answers the parsed body. Repeats what the server certainly did not do (429, and 5xx with Retry-After), and reads
   * whose connection broke; never a write that may have been done.
   */
  send<T>(request: KubeRequest): Promise<T> {
    return retryRequest(() => this.sendOnce<T>(request), request, this.random);
  }

  private async sendOnce<T>(request: KubeRequest): Promise<T> {
    const response = await this.open(request, timeoutMs);
    const text = await readText(response.body);
    if (response.statusCode >= 300) throw ApiError.fromAnswer(response.statusCode, text, response.headers);
    try {
      return JSON.parse(text) as T;
    } catch {
      // The parser's own message quotes what it read, and that may be a Secret.
      throw new Error(
        `the answer to ${request.verb} ${request.resource.plural} is no JSON; does a proxy stand in between?`,
      );
    }
  }

  /** Opens a watch; the body ends when the server's own timeout has passed or the signal fires. */
  async watch(request: KubeRequest): Promise<AsyncIterable<Buffer>> {
    // The reflector watches for silence itself: bookmarks come about once a minute.
    const response = await this.open(request, 0);
    if (response.statusCode >= 300) {
      throw ApiError.fromAnswer(response.statusCode, await readText(response.body), response.headers);
    }
    return response.body as AsyncIterable<Buffer>;
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  private async open(request: KubeRequest, bodyTimeoutMs: number) {
    const { dispatcher, headers } = await this.connection.prepare();
    if (request.body !== undefined) {
      headers['content-type'] =
        request.verb === 'patch' ? 'application/merge-patch+json' : 'application/json';
    }
    let code = 0;
    try {
      const response = await undiciRequest(this.urlOf(request), {
        dispatcher,
        method: methods[request.verb],
        headers,
        headersTimeout: timeoutMs,
        bodyTimeout: bodyTimeoutMs,
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      });
      code = response.statusCode;
      return response;
    } finally {
      this.observe({ verb: request.verb, resource: request.resource.plural, code });
    }
  }

  private urlOf({ resource, namespace, name, subresource, query }: KubeRequest): URL {
    const server = this.config.getCurrentCluster()?.server;
    if (server === undefined)
      throw new Error('the kubeconfig names no cluster; set --kubeconfig or --context');
    const root =
      resource.group === '' ? ['api', resource.version] : ['apis', resource.group, resource.version];
    const parts = [
      ...root,
      ...(namespace === undefined ? [] : ['namespaces', namespace]),
      resource.plural,
      ...(name === undefined ? [] : [name]),
      ...(subresource === undefined ? [] : [subresource]),
    ];
    const url = new URL(`${server.replace(/\/+$/u, '')}/${parts.map(encodeURIComponent).join('/')}`);
    for (const [key, value] of Object.entries(query ?? {})) url.searchParams.set(key, value);
    return url;
  }
}

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`the API server's answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes).toString('utf8');
}
