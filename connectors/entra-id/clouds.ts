// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
interface Hosts {
  readonly login: string;
  readonly graph: string;
}

/** Login and Graph hosts by cloud (product documentation, national clouds). */
export const clouds = {
  Global: { login: 'https://login.microsoftonline.com', graph: 'https://graph.microsoft.com' },
  USGovernment: { login: 'https://login.microsoftonline.us', graph: 'https://graph.microsoft.us' },
  USGovernmentDoD: { login: 'https://login.microsoftonline.us', graph: 'https://dod-graph.microsoft.us' },
  China: {
    login: 'https://login.partner.microsoftonline.cn',
    graph: 'https://microsoftgraph.chinacloudapi.cn',
  },
} as const satisfies Readonly<Record<string, Hosts>>;
export type Cloud = keyof typeof clouds;

/** What of the configuration says where the tenant is. */
interface Place {
  readonly cloud?: Cloud | undefined;
  readonly graphUrl?: string | undefined;
  readonly loginUrl?: string | undefined;
  readonly tenantId: string;
}

const defaultCloud: Cloud = 'Global';

export function cloudOf({ cloud = defaultCloud }: Place): Cloud {
  return cloud;
}

/** A token of one cloud is nothing to another: who names one address names both. Throws a configuration Failure. */
export function requireBothAddresses({ graphUrl, loginUrl }: Place): void {
  if ((graphUrl === undefined) === (loginUrl === undefined)) return;
  const missing = graphUrl === undefined ? 'graphUrl' : 'loginUrl';
  const message = `spec.connector.entraId: ${missing} is missing; graphUrl and loginUrl go together, set both or neither`;
  throw new Failure('configuration', message);
}

/** Field of the spec that says where the login or Graph is. */
export function fieldOf(config: Place, name: 'loginUrl' | 'graphUrl'): string {
  return `spec.connector.entraId.${config[name] === undefined ? 'cloud' : name}`;
}

/** Base of all requests, version and slash included; /beta may change without notice and is not used. */
export function graphBase(config: Place): URL {
  return below(config.graphUrl ?? clouds[cloudOf(config)].graph, 'v1.0/');
}

export function tokenEndpoint(config: Place): URL {
  const login = config.loginUrl ?? clouds[cloudOf(config)].login;
  return below(login, `${config.tenantId}/oauth2/v2.0/token`);
}

/** The one value that the grant takes: Graph's own host of the same cloud. */
export function graphScope(config: Place): string {
  return `${new URL(config.graphUrl ?? clouds[cloudOf(config)].graph).origin}/.default`;
}

function below(base: string, path: string): URL {
  return new URL(path, base.endsWith('/') ? base : `${base}/`);
}
