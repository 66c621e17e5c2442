// SPDX-License-Identifier: Apache-2.0
import { startGraph, type GraphOptions, type RunningGraph } from './graph/index.ts';
import type { Row } from './graph/rows.ts';

export const clientId = 'c0ffee00-0000-4000-8000-000000000001';
export const clientSecret = 'a~secret+of/the=application';

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Row;
  readonly rows: readonly Row[];
  /** The code of an error, also of the token endpoint. */
  readonly code: unknown;
}

export interface GraphAddress {
  readonly graphUrl: string;
  readonly loginUrl: string;
  readonly tenantId: string;
}

/** Asks a Graph what it is told, without any cleverness of a connector. */
export class GraphAsker {
  readonly address: GraphAddress;
  token = '';

  constructor(address: GraphAddress) {
    this.address = address;
  }

  async logIn(): Promise<void> {
    const { body } = await this.grant();
    this.token = String(body['access_token']);
  }

  async grant(
    form: Readonly<Record<string, string>> = {},
    tenant = this.address.tenantId,
  ): Promise<Answered> {
    const scope = 'https://graph.microsoft.com/.default';
    const whole = {
      client_id: clientId,
      client_secret: clientSecret,
      grant_type: 'client_credentials',
      scope,
      ...form,
    };
    const given = Object.entries(whole).filter(([, value]) => value !== '');
    const url = `${this.address.loginUrl}/${tenant}/oauth2/v2.0/token`;
    return answered(await fetch(url, { method: 'POST', body: new URLSearchParams(given) }));
  }

  /** By a path below /v1.0, or by a link. */
  async get(
    path: string,
    headers: Readonly<Record<string, string>> = {},
    init: RequestInit = {},
  ): Promise<Answered> {
    const url = path.startsWith('http') ? path : `${this.address.graphUrl}/v1.0${path}`;
    return answered(
      await fetch(url, { ...init, headers: { authorization: `Bearer ${this.token}`, ...headers } }),
    );
  }

  batch(requests: unknown): Promise<Answered> {
    return this.get('/$batch', {}, { method: 'POST', body: JSON.stringify({ requests }) });
  }

  /** All pages from one on, and the deltaLink of the last; fails for a page that is refused. */
  async all(path: string, headers: Readonly<Record<string, string>> = {}) {
    const pages: Answered[] = [];
    for (let link: unknown = path; typeof link === 'string'; link = pages.at(-1)?.body['@odata.nextLink']) {
      const page = await this.get(link, headers);
      if (page.status !== 200) throw new Error(`${link} is answered ${page.status} ${String(page.code)}`);
      pages.push(page);
    }
    const rows = pages.flatMap((page) => page.rows);
    return { pages, rows, deltaLink: String(pages.at(-1)?.body['@odata.deltaLink']) };
  }
}

/** The same with an emulator of its own. */
export class GraphClient extends GraphAsker {
  readonly graph: RunningGraph;

  private constructor(graph: RunningGraph) {
    super({ graphUrl: graph.url, loginUrl: graph.loginUrl, tenantId: graph.tenant.id });
    this.graph = graph;
  }

  static async start(options: Partial<GraphOptions> = {}): Promise<GraphClient> {
    const application = { clientId, clientSecret };
    const client = new GraphClient(
      await startGraph({ seed: 1, counts: { users: 60 }, application, ...options }),
    );
    await client.logIn();
    return client;
  }

  stop(): Promise<void> {
    return this.graph.stop();
  }
}

async function answered(response: Response): Promise<Answered> {
  const text = await response.text();
  const body: Row = text.startsWith('{') ? (JSON.parse(text) as Row) : { text };
  const error = body['error'] as Row | string | undefined;
  const code = typeof error === 'object' ? error['code'] : (body['error_codes'] as number[] | undefined)?.[0];
  const rows = (body['value'] ?? []) as readonly Row[];
  return { status: response.status, headers: response.headers, body, rows, code };
}
