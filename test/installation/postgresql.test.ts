// SPDX-License-Identifier: Apache-2.0
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { isFinal } from '../../src/api/sync-run.ts';
import { plantServers, type Planted } from '../connectors/servicenow-cmdb/plant.ts';
import { certificate } from '../kit/certificate.ts';
import { hostAddress } from '../kit/node/node.ts';
import { embeddedPostgres, startPostgres, type PostgresServer } from '../kit/postgres/server.ts';
import { waitFor } from '../kit/wait.ts';
import {
  apply,
  declareSystem,
  forward,
  helm,
  kubectl,
  names,
  namespaceOf,
  pods,
  release,
  runsOf,
  whatIsThere,
} from './cluster.ts';

// One story, in order. The database is on this machine; in the cluster it is a Service, by whose name its certificate is verified.

const namespace = 'second';
const host = `database.${release}.svc`;
const password = 'canary-of-the-database-3358';
const upstreamPassword = 'canary-of-the-upstream-7781';

let folder: string;
let database: PostgresServer;
let upstream: Planted;
const forwards: Awaited<ReturnType<typeof forward>>[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'installation-'));
  await chmod(folder, 0o755);
  const rules = join(folder, 'hba.conf');
  // The test needs no password, and everybody else does.
  await writeFile(rules, 'host all postgres 127.0.0.1/32 trust\nhostssl all extsys all scram-sha-256\n', {
    mode: 0o644,
  });
  const authority = certificate('an authority', { authority: true });
  const shown = certificate('the database', { issuer: authority, host });
  const key = shown.key.export({ type: 'pkcs8', format: 'pem' }).toString();
  database = await startPostgres(await embeddedPostgres(), {
    tls: { cert: shown.cert, key },
    settings: [`hba_file=${rules}`],
  });
  await query(`CREATE USER extsys PASSWORD '${password}'`);
  await query('CREATE DATABASE inventory OWNER extsys');
  upstream = await plantServers(30, { username: 'reader', password: upstreamPassword });
  forwards.push(await forward(hostAddress, database.url), await forward(hostAddress, upstream.url));
  await apply(
    namespaceOf(release, true),
    namespaceOf(namespace),
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'database', namespace: release },
      stringData: { password },
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'authority', namespace: release },
      data: { 'ca.crt': authority.cert },
    },
    ...serviceTo(new URL(forwards[0]!.url)),
  );
});

afterAll(async () => {
  for (const { stop } of forwards) stop();
  await upstream[Symbol.asyncDispose]();
  await database.stop();
  await rm(folder, { recursive: true, force: true });
});

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') console.error(await whatIsThere());
});

/** A Service without pods behind it. */
function serviceTo({ hostname, port }: URL): object[] {
  const metadata = { name: 'database', namespace: release };
  const ports = [{ port: 5432, targetPort: Number(port), name: 'postgresql' }];
  return [
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports } },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'database' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [hostname] }],
      ports: [{ port: Number(port), name: 'postgresql' }],
    },
  ];
}

async function query(sql: string, url = database.url): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return rows;
  } finally {
    await client.end();
  }
}

const postgresql = [
  '--set=store.type=postgresql',
  `--set=store.postgresql.url=postgres://extsys@${host}:5432/inventory`,
  '--set=store.postgresql.passwordSecret.name=database',
  '--set=store.postgresql.caConfigMap.name=authority',
  `--set=watchNamespaces={${namespace}}`,
];

test('two replicas on PostgreSQL become ready: password from a Secret, server verified by the authority of a ConfigMap', async () => {
  await helm('install', ...postgresql, '--set=replicas=2');
  const ready = await pods();
  expect(ready).toHaveLength(2);
  expect(ready.every(({ status }) => status.containerStatuses?.every((one) => one.ready) === true)).toBe(
    true,
  );
  expect(await names('poddisruptionbudgets')).toEqual([`poddisruptionbudget.policy/${release}`]);
  expect(
    await query(
      "SELECT DISTINCT usename, ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'extsys'",
    ),
  ).toEqual([{ usename: 'extsys', ssl: true }]);
});

test('a system in a namespace of the list is read into the database', async () => {
  await apply(...declareSystem(namespace, forwards[1]!.url, upstreamPassword));
  const run = await waitFor('a run to end', async () =>
    (await runsOf(namespace)).find(({ status }) => isFinal(status?.phase)),
  );
  expect(run.status).toMatchObject({ phase: 'Succeeded', totals: { created: 30 } });
  const inventory = database.url.replace(/postgres$/u, 'inventory');
  expect(await query('SELECT count(*)::int AS n FROM current_assets', inventory)).toEqual([{ n: 30 }]);
});

test('an upgrade replaces the replicas one after the other: there is always one that is ready', async () => {
  let least = Infinity;
  const done = new AbortController();
  const watching = (async () => {
    while (!done.signal.aborted) {
      const all = await pods();
      least = Math.min(
        least,
        all.filter(({ status }) => status.containerStatuses?.every((one) => one.ready) === true).length,
      );
    }
  })();
  await helm('upgrade', ...postgresql, '--set=replicas=2', '--set=image.tag=next');
  done.abort();
  await watching;
  expect(least).toBeGreaterThanOrEqual(1);
  expect((await pods()).map(({ spec }) => spec.containers[0]?.image.split(':')[1])).toEqual(['next', 'next']);
});

test('neither password is in a log; uninstalling leaves the rows', async () => {
  const selector = `--selector=app.kubernetes.io/instance=${release}`;
  const log = await kubectl('logs', selector, `--namespace=${release}`, '--tail=-1');
  expect(log).toContain('"msg":"watching"');
  for (const secret of [password, upstreamPassword]) expect(log).not.toContain(secret);
  await kubectl('delete', 'externalsystem', 'cmdb', `--namespace=${namespace}`);
  await helm('uninstall', '--wait');
  const inventory = database.url.replace(/postgres$/u, 'inventory');
  expect(await query('SELECT count(*)::int AS n FROM assets', inventory)).toEqual([{ n: 30 }]);
});
