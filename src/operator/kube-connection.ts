// SPDX-License-Identifier: Apache-2.0
import type { RequestOptions } from 'node:https';
import { isDeepStrictEqual } from 'node:util';
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, ProxyAgent, type Dispatcher } from 'undici';

type Tls = Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>;

/**
 * What a request needs of the KubeConfig: credentials, read anew for each since tokens and certificates are renewed on disk, and a
 * connection pool, which is made anew when the certificates changed.
 */
export class KubeConnection {
  private readonly config: KubeConfig;
  private pool: { readonly tls: Tls; readonly dispatcher: Dispatcher } | undefined;

  constructor(config: KubeConfig) {
    this.config = config;
  }

  /** @throws Error when the kubeconfig cannot be used: no such file, a failing exec plugin, a proxy we do not speak */
  async prepare(): Promise<{ readonly dispatcher: Dispatcher; readonly headers: Record<string, string> }> {
    const options: RequestOptions = {};
    await this.config.applyToHTTPSOptions(options);
    const headers: Record<string, string> = { accept: 'application/json' };
    for (const [name, value] of Object.entries(options.headers ?? {})) {
      if (typeof value === 'string') headers[name.toLowerCase()] = value;
    }
    if (options.auth) headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    return { dispatcher: this.dispatcherFor(tlsOf(options)), headers };
  }

  /** Ends every connection at once. */
  async close(): Promise<void> {
    await this.pool?.dispatcher.destroy();
    this.pool = undefined;
  }

  private dispatcherFor(tls: Tls): Dispatcher {
    if (this.pool !== undefined && isDeepStrictEqual(this.pool.tls, tls)) return this.pool.dispatcher;
    // What is under way ends on the old connections; they close by themselves afterwards.
    void this.pool?.dispatcher.close();
    const dispatcher = this.dispatcher(tls);
    this.pool = { tls, dispatcher };
    return dispatcher;
  }

  private dispatcher(tls: Tls): Dispatcher {
    const connect = { timeout: 10_000, keepAlive: true, keepAliveInitialDelay: 30_000, ...tls };
    const proxy = this.config.getCurrentCluster()?.proxyUrl;
    if (proxy === undefined) return new Agent({ connect });
    if (/^https?:/u.test(proxy)) return new ProxyAgent({ uri: proxy, requestTls: connect });
    throw new Error('proxy-url of the kubeconfig: only http: and https: proxies can be used');
  }
}

function tlsOf({ ca, cert, key, servername, rejectUnauthorized }: RequestOptions): Tls {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  };
}
