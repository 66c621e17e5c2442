// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { problemsOf } from '../../src/cli/known.ts';
import type { Manifest } from '../../src/cli/manifests.ts';
import { ApiError } from '../../src/operator/api-error.ts';
import { KubeClient } from '../../src/operator/kube-client.ts';
import { externalSystems, syncRuns } from '../../src/operator/kube-cluster.ts';
import { applyCrds, freshNamespace, sharedCluster } from '../kit/control-plane/shared.ts';
import { run, system } from '../kit/manifests.ts';

/*
 * Offline validation against the real API server: what the server refuses is refused offline too, and what is refused offline
 * only is one of the things that no CRD can express.
 */

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

let namespace: string;
let client: KubeClient;
beforeAll(async () => {
  await applyCrds();
  namespace = await freshNamespace();
  client = new KubeClient(sharedCluster().kubeConfig());
  return () => client.close();
});

/** Every field that there is, so that each can be changed. */
const fullSystem = system('full', {
  connector: {
    serviceNowCmdb: {
      url: 'https://example.service-now.com',
      classes: ['cmdb_ci_server', 'cmdb_ci_computer'],
      relationships: true,
      users: false,
      groups: true,
      query: 'duplicate_ofISEMPTY',
      statusField: 'install_status',
    },
  },
  schedule: {
    every: '15m',
    fullEvery: '24h',
    jitter: '1m',
    timeZone: 'Europe/Berlin',
    startingDeadline: '5m',
    minimumInterval: '1m',
    windows: {
      allow: [{ start: '22:00', end: '06:00', days: ['Mon', 'Tue'] }],
      deny: [{ start: '23:00', end: '23:30' }],
    },
  },
  suspend: false,
  limits: {
    requestsPerSecond: 10,
    inFlight: 2,
    softTimeLimit: '20m',
    hardTimeLimit: '30m',
    pageSize: 100,
    maxRetries: 3,
  },
  mapping: {
    cis: {
      name: { from: 'u_name' },
      status: { from: ['u_state', 'u_state.display'], values: { 117: 'retired' }, default: 'unknown' },
      'attributes.plant': { constant: 'Lyon' },
      environment: { expression: 'row.u_env.lowerAscii()', values: { prd: 'production' }, default: 'test' },
    },
  },
  deletion: { policy: 'Tombstone', budget: { maxPercent: 20, maxRecords: 500, alwaysAllow: 5 } },
  history: { successful: 3, failed: 3 },
  demo: false,
}) as { readonly [key: string]: Json };

const fullRun = run('full', {
  systemRef: { name: 'cmdb', uid: 'a-b', generation: 2 },
  trigger: 'Manual',
  scheduledTime: '2026-03-01T00:00:00Z',
  correlationId: 'abc',
  requestedBy: 'somebody',
}) as { readonly [key: string]: Json };

type Path = readonly (string | number)[];

function pathsOf(value: Json, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [at];
  const inner = Object.entries(value).flatMap(([key, child]) =>
    pathsOf(child, [...at, Array.isArray(value) ? Number(key) : key]),
  );
  return [at, ...inner];
}

/** A copy with another value at a path; undefined takes the member out. */
function changed(value: Json, path: Path, to: Json | undefined): Json | undefined {
  const [head, ...rest] = path;
  if (head === undefined) return to;
  if (Array.isArray(value)) {
    return value.flatMap((child: Json, index) => {
      const inner = index === head ? changed(child, rest, to) : child;
      return inner === undefined ? [] : [inner];
    });
  }
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).flatMap(([key, child]) => {
    const inner = key === head ? changed(child, rest, to) : child;
    return inner === undefined ? [] : [[key, inner] as const];
  });
  const added = typeof head === 'string' && !(head in value) && to !== undefined ? [[head, to] as const] : [];
  return Object.fromEntries([...members, ...added]);
}

const oddValues: readonly (Json | undefined)[] = [
  undefined,
  '',
  'x',
  'a..b',
  'Full',
  'Basic',
  'cmdb_ci_server',
  '0s',
  '15m',
  '100000h',
  '1h30m',
  '5 * * * *',
  '2026-03-01T00:00:00Z',
  '2026-02-30T00:00:00Z',
  '2026-03-01T00:00:00.5Z',
  '24:00',
  'https://user:pw@example.com',
  'ü'.repeat(64),
  'a'.repeat(64),
  'a'.repeat(600),
  -1,
  0,
  1,
  1.5,
  5000,
  true,
  [],
  {},
  ['cmdb_ci_server'],
  ['cmdb_ci_server', 'cmdb_ci_server'],
  ['0 3 * * *', '0 3 * * *'],
  { unknown: 1 },
];

/** What a CRD cannot say, or says only on the running object. */
const offlineOnly = [
  'is not a known IANA time zone',
  'no minute of the week is allowed',
  'is longer than hardTimeLimit',
  'does not fit connector',
];

async function refusedByServer(manifest: object): Promise<string | undefined> {
  const resource = (manifest as Manifest).kind === 'SyncRun' ? syncRuns : externalSystems;
  const query = { dryRun: 'All', fieldValidation: 'Strict' };
  try {
    await client.send({ verb: 'create', resource, namespace, query, body: manifest });
    return undefined;
  } catch (error) {
    if (error instanceof ApiError && (error.code === 422 || error.code === 400)) return error.message;
    throw error;
  }
}

const kinds = [
  ['ExternalSystem', fullSystem],
  ['SyncRun', fullRun],
] as const;
const extras: readonly Path[] = [
  ['spec', 'unknown'],
  ['spec', 'schedule', 'cron'],
  ['spec', 'mapping', 'users'],
  ['spec', 'mapping', 'cis', 'status', 'values', 'other'],
  ['spec', 'mapping', 'cis', 'environment', 'constant'],
  ['spec', 'mapping', 'cis', 'attributes.plant', 'expression'],
  ['metadata', 'name'],
];

function changesOf(full: Json): Path[] {
  return [...pathsOf(full).filter((path) => path[0] === 'spec'), ...extras];
}

type Change = readonly [Path, Json | undefined];

async function compare(full: Json, changes: readonly Change[]): Promise<void> {
  let manifest: Json = full;
  for (const [path, to] of changes) manifest = changed(manifest, path, to) ?? {};
  const { metadata } = manifest as { metadata?: { name?: Json } };
  // A manifest without a name in text does not get this far: reading the file refuses it.
  if (typeof metadata?.name !== 'string' || metadata.name === '') return;
  const server = await refusedByServer(manifest as object);
  const offline = problemsOf(manifest as unknown as Manifest);
  const what = JSON.stringify(changes);
  if (server !== undefined) {
    expect(offline, `${what}: the server says: ${server}`).not.toEqual([]);
    return;
  }
  for (const { path, message } of offline) {
    const known = offlineOnly.some((words) => message.includes(words));
    // Which streams, fields and paths there are, and what they take, the connector knows. The server takes an empty list for a
    // time, and drops it.
    expect(
      known || path.startsWith('spec.mapping.') || path === 'spec.scheduledTime',
      `${what}: only offline: ${path} ${message}`,
    ).toBe(true);
  }
}

test.each(kinds)(
  '%s: every field with every odd value is judged offline as the API server judges it',
  async (_kind, full) => {
    expect(await refusedByServer(full)).toBeUndefined();
    expect(problemsOf(full as unknown as Manifest)).toEqual([]);
    for (const path of changesOf(full)) {
      await Promise.all(oddValues.map((to) => compare(full, [[path, to]])));
    }
  },
);

test.each(kinds)('%s: so are two changes at once', async (_kind, full) => {
  const change = fc.tuple(fc.constantFrom(...changesOf(full)), fc.constantFrom(...oddValues));
  const pairs = fc.asyncProperty(change, change, (one, other) => compare(full, [one, other]));
  await fc.assert(pairs, { numRuns: 150 });
});

const directorySystem = (block: object, spec: object = {}) =>
  system('directory', {
    connector: { entraId: { tenantId: 'example.com', ...block } },
    auth: { type: 'OAuth2', secretRef: { name: 'login' } },
    ...spec,
  });
const partNames = ['users', 'groups', 'memberships', 'devices', 'managedDevices', 'ssoApplications'];
const partsOff = Object.fromEntries(partNames.map((name) => [name, false]));
const bothSources = { role: 'x', group: 'a', directoryRole: 'b' };

test.each([
  ['no source of a role', {}, { roleMappings: [{ role: 'x' }] }],
  ['both sources of a role', {}, { roleMappings: [bothSources] }],
  ['nothing to read', { streams: { ...partsOff, roleAssignments: false } }, {}],
])('%s is told by the API server in the words of extsys validate', async (_, block, spec) => {
  const manifest = directorySystem(block, spec);
  const [problem, ...others] = problemsOf(manifest as unknown as Manifest);
  expect(others).toEqual([]);
  expect(problem?.message).toMatch(/^(gives|leaves) /u);
  expect(await refusedByServer(manifest)).toContain(`${problem?.path}: Invalid value: ${problem?.message}`);
});

test.each([
  ['one part that is left', { streams: { ...partsOff, devices: true, roleAssignments: false } }, {}],
  ['roles alone', { streams: partsOff }, { roleMappings: [{ role: 'x', group: 'a' }] }],
])('%s is read, by the API server and offline', async (_, block, spec) => {
  const manifest = directorySystem(block, spec);
  expect(problemsOf(manifest as unknown as Manifest)).toEqual([]);
  expect(await refusedByServer(manifest)).toBeUndefined();
});

test('roles alone of which none is mapped are refused offline, where the API server cannot see it', async () => {
  const manifest = directorySystem({ streams: partsOff });
  expect(problemsOf(manifest as unknown as Manifest)).toMatchObject([
    { path: 'spec.connector.entraId.streams' },
  ]);
  expect(await refusedByServer(manifest)).toBeUndefined();
});
