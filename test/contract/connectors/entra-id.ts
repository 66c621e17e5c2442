// SPDX-License-Identifier: Apache-2.0
import { certificate } from '../../kit/certificate.ts';
import type { Dialect } from '../../kit/faulty-proxy.ts';
import { startGraph, type RunningGraph } from '../../simulators/graph/index.ts';
import { behindProxy } from './behind-proxy.ts';
import type { HttpHarness } from './harness.ts';

interface Collection {
  readonly value: readonly unknown[];
}

interface Batched {
  readonly responses: readonly { readonly body?: unknown }[];
}

/** What the emulator's answers look like; it alone can read its own tokens. */
const dialectOf = (graph: RunningGraph): Dialect => ({
  streamOf: ({ url, body }) => {
    const [, path = ''] = url.pathname.split('/v1.0/');
    const asked = path === '$batch' ? firstOfBatch(body) : { path, params: url.searchParams };
    return streamOf(asked.path, selectedBy(graph, asked.params));
  },
  rowsOf(body) {
    if (isBatched(body))
      return body.responses.flatMap((response) => (isCollection(response.body) ? response.body.value : []));
    return isCollection(body) ? body.value : undefined;
  },
  withRows(body, rows) {
    if (!isBatched(body)) return { ...(body as object), value: rows };
    const at = body.responses.findIndex((response) => isCollection(response.body));
    const responses = body.responses.map((response, index) =>
      isCollection(response.body)
        ? { ...response, body: { ...response.body, value: index === at ? rows : [] } }
        : response,
    );
    return { ...body, responses };
  },
  withLink(body, link) {
    if (!isCollection(body)) return undefined;
    const { '@odata.deltaLink': _, ...rest } = body as Collection & { '@odata.deltaLink'?: string };
    return { ...rest, '@odata.nextLink': link };
  },
  refusal: (message, { url }) =>
    url.pathname.endsWith('/token')
      ? { error: 'invalid_request', error_description: message }
      : { error: { code: 'Refused', message } },
});

function isCollection(body: unknown): body is Collection {
  return typeof body === 'object' && body !== null && Array.isArray((body as Partial<Collection>).value);
}

function isBatched(body: unknown): body is Batched {
  return typeof body === 'object' && body !== null && Array.isArray((body as Partial<Batched>).responses);
}

/** All items of a batch are of one stream. */
function firstOfBatch(body: string) {
  const { requests } = JSON.parse(body) as { requests: readonly { url: string }[] };
  const url = new URL((requests[0]?.url ?? '').replace(/^\//u, ''), 'http://batch/');
  return { path: url.pathname.slice(1), params: url.searchParams };
}

/** Properties that are asked for; the links of a round keep them in their token. */
function selectedBy({ pages, deltaTokens }: RunningGraph, params: URLSearchParams): readonly string[] {
  const select = params.get('$select');
  if (select !== null) return select.split(',');
  const link = params.get('$skiptoken');
  const delta = params.get('$deltatoken');
  const opened = link === null ? deltaTokens.open<Selected>(delta ?? '') : pages.open<Selected>(link);
  return typeof opened === 'string' ? [] : (opened.state.select ?? []);
}

interface Selected {
  readonly select?: readonly string[];
}

function streamOf(path: string, select: readonly string[]): string | undefined {
  if (path.startsWith('users') || path.endsWith('microsoft.graph.user')) return 'users';
  const isRoles = /^(?:groups\/[^/]+\/(?:transitiveM|m)embers|roleManagement)/u.test(path);
  if (isRoles || select.join() === 'id,displayName,visibility') return 'roleAssignments';
  if (select.includes('members')) return 'memberships';
  if (path.startsWith('groups') || path.endsWith('microsoft.graph.group')) return 'groups';
  if (path.startsWith('devices') || path.endsWith('microsoft.graph.device')) return 'devices';
  if (path.startsWith('deviceManagement/managedDevices')) return 'managedDevices';
  const isApplication =
    path.startsWith('servicePrincipals') || path.endsWith('microsoft.graph.servicePrincipal');
  return isApplication ? 'ssoApplications' : undefined;
}

const clientId = '11111111-2222-4333-8444-555555555555';
const clientSecret = 'canary~of+the/client-9917';
const signer = certificate('entra-reader', { keys: 'RSA' });

/** The id of what is added to each collection, and removed later. */
const added = (index: number) => `00000000-0000-4000-8000-00000000000${index}`;
const types = ['user', 'group', 'device', 'servicePrincipal'] as const;
const newUser = added(0);
const newGroup = added(1);
const newManaged = added(9);
const renamed = {
  user: { jobTitle: 'Architect' },
  group: { description: 'Looks after everything' },
  device: { operatingSystemVersion: '99.0' },
  servicePrincipal: { homepage: 'https://renamed.example.com' },
} as const;

/** Changes the first object of each collection and adds one like it. */
function change({ tenant: { directory, managedDevices } }: RunningGraph): void {
  for (const [index, type] of types.entries()) {
    const first = directory.objects[type].at(0);
    if (first === undefined) throw new Error(`the tenant has no ${type}`);
    directory.add(type, { ...first, id: added(index), displayName: `Added ${type}` });
    directory.update(first.id, renamed[type]);
  }
  directory.addMember(newGroup, newUser);
  directory.addMember(directory.objects.group.at(0)?.id ?? '', newUser);
  const first = managedDevices.at(0);
  if (first === undefined) throw new Error('the tenant has no managed device');
  managedDevices.put({ ...first, id: newManaged, deviceName: 'Added device' });
  managedDevices.put({ ...first, osVersion: '99.0' });
}

function remove({ tenant: { directory, managedDevices } }: RunningGraph): void {
  directory.removeMember(newGroup, newUser);
  for (const index of types.keys()) directory.remove(added(index));
  managedDevices.remove(newManaged);
}

const one = { created: 1, updated: 1 };

const shared = {
  id: 'entraId',
  transport: 'http',
  pageSize: 4,
  spec: { roleMappings: [{ role: 'staff', group: 'All staff' }] },
  expected: {
    users: { records: 12, changed: one, deleted: 1 },
    groups: { records: 17, changed: one, deleted: 1 },
    memberships: { records: 116, changed: { created: 2, updated: 0 }, deleted: 2 },
    devices: { records: 10, changed: one, deleted: 1 },
    managedDevices: { records: 8, changed: one, deleted: 1 },
    // Of fourteen service principals these are what people sign in to.
    ssoApplications: { records: 9, changed: one, deleted: 1 },
    roleAssignments: { records: 12, changed: { created: 1, updated: 0 }, deleted: 1 },
  },
  unasked: [],
  without: {},
  // A client that the token endpoint refuses.
  alsoMeans: { 'status 403': ['credentials'] },
  async start() {
    const graph = await startGraph({
      seed: 7,
      counts: { users: 12, groups: 10, devices: 10, servicePrincipals: 12 },
      application: { clientId, clientSecret, certificates: [signer.cert] },
      oneAddress: true,
    });
    graph.quirks.deltaPage = 4;
    graph.quirks.pageSize = 4;
    return behindProxy({
      url: graph.url,
      dialect: dialectOf(graph),
      connector(url) {
        graph.behind(url);
        return { tenantId: graph.tenant.id, graphUrl: url, loginUrl: url };
      },
      change: () => change(graph),
      remove: () => remove(graph),
      stop: () => graph.stop(),
    });
  },
} as const satisfies Partial<HttpHarness>;

const key = signer.key.export({ type: 'pkcs8', format: 'pem' }).toString();

export const entraHarnesses: readonly HttpHarness[] = [
  { ...shared, auth: 'OAuth2', secret: { clientId, clientSecret } },
  { ...shared, auth: 'Certificate', secret: { clientId, 'tls.crt': signer.cert, 'tls.key': key } },
];
