// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sqliteStore } from '../../src/store/sqlite/index.ts';
import { apiVersion } from '../../src/api/group.ts';
import { certificate } from '../kit/certificate.ts';
import { OperatorBench, password } from '../kit/operator-bench.ts';
import { readApplications, type Application } from '../kit/sso-applications.ts';
import { waitFor } from '../kit/wait.ts';
import { startGraph } from '../simulators/graph/index.ts';
import { endCertificate } from '../simulators/graph/tenant/certificates.ts';
import { startServiceNow } from '../simulators/servicenow/index.ts';

let bench: OperatorBench;
let upstream: Awaited<ReturnType<typeof startServiceNow>>;

beforeEach(async () => {
  bench = await OperatorBench.create();
  upstream = await startServiceNow({
    seed: 1,
    counts: { servers: 3 },
    basic: { username: 'reader', password },
  });
});

afterEach(async () => {
  await bench.close();
  await upstream.stop();
});

/** Reads applications into the operator's database as a second process does, and has the operator look at the system. */
async function givenApplications(...applications: readonly Application[]): Promise<void> {
  const store = sqliteStore(bench.database);
  await store.open();
  await readApplications(store, `${bench.namespace}/cmdb`, applications);
  await store.close();
  await look();
}
const look = () =>
  bench.kubectl('annotate', 'externalsystem', 'cmdb', '--overwrite', `looked-at=${Date.now()}`);
const endingIn = (ms: number) => ({ certificateExpiresAt: new Date(Date.now() + ms).toISOString() });
const dayMs = 86_400_000;

const waitForCondition = (reason: string, wanted = 'CertificatesCurrent') =>
  waitFor(`${wanted} to be ${reason}`, async () => {
    const system = await bench.system();
    const found = system.status?.conditions?.find(({ type }) => type === wanted);
    if (found?.reason !== reason) throw new Error(`${wanted} is ${JSON.stringify(found)}`);
    return found;
  });
const waitForSeries = (wanted: string) =>
  waitFor(`the series ${wanted}`, async () => (await bench.get('/metrics')).text.includes(wanted));

test('a certificate that ends soon shows in the condition, an event and the series, and goes with the system', async () => {
  await bench.start();
  await bench.applySystem(upstream.url, { schedule: { cron: ['0 3 1 1 *'] } });
  await bench.waitForRun(({ spec }) => spec.trigger === 'Schedule');
  await bench.waitForReady('Connected');
  expect((await bench.system()).status?.conditions?.map(({ type }) => type)).not.toContain(
    'CertificatesCurrent',
  );

  const wiki = { id: 'app-1', name: 'Wiki' };
  const off = { id: 'app-2', name: 'Old', active: false, ...endingIn(-dayMs) };
  await givenApplications({ ...wiki, ...endingIn(90.5 * dayMs) }, off);
  const current = await waitForCondition('Current');
  expect(current).toMatchObject({ status: 'True' });
  expect(current.message).toMatch(/: 1, the first to end: Wiki \(ends .*, in 90 days\)$/u);

  // Thirty days and a moment: time alone makes it end soon.
  const ends = endingIn(30 * dayMs + 8_000);
  await givenApplications({ ...wiki, ...ends }, off);
  await waitFor('the new end', async () =>
    (await waitForCondition('Current')).message.includes('in 30 days'),
  );
  await waitFor('the moment to pass', async () => {
    await look();
    const { conditions = [] } = (await bench.system()).status ?? {};
    return conditions.some(({ reason }) => reason === 'CertificateExpiring');
  });
  const expiring = await waitForCondition('CertificateExpiring');
  expect(expiring).toMatchObject({ status: 'False' });
  expect(expiring.message).toContain('end: 1 of 1 (1 within 30 days): Wiki (ends ');
  expect(expiring.message).toContain('Who must act: administrator of the external system.');
  await waitFor('the event', async () =>
    (await bench.kubectl('get', 'events', '-o', 'json')).includes('"CertificateExpiring"'),
  );
  const labels = `namespace="${bench.namespace}",system="cmdb"`;
  const series = `extsys_sso_certificate_expiry_timestamp_seconds{${labels},application="Wiki",application_id="app-1"}`;
  await waitForSeries(`${series} ${Date.parse(ends.certificateExpiresAt) / 1000}`);
  await waitForSeries(`extsys_sso_applications{${labels},state="expiring"} 1`);
  await waitForSeries(`extsys_sso_applications{${labels},state="none"} 0`);

  await bench.kubectl('delete', 'externalsystem', 'cmdb');
  await waitFor(
    'the series to be gone',
    async () => !(await bench.get('/metrics')).text.includes('extsys_sso_applications{'),
  );
  expect((await bench.get('/metrics')).text).not.toContain('application="Wiki"');
});

test('what a run reads of Entra ID is judged by the certificate that signs, disabled applications left out', async () => {
  const application = { clientId: '11111111-2222-4333-8444-555555555555', clientSecret: 'canary~secret' };
  const graph = await startGraph({ seed: 3, counts: { users: 4, servicePrincipals: 24 }, application });
  try {
    const { directory, id: tenantId } = graph.tenant;
    const signing = [...directory.objects.servicePrincipal].filter(
      (one) => typeof one['preferredTokenSigningKeyThumbprint'] === 'string',
    );
    expect(signing.length).toBeGreaterThan(3);
    const [off, ...enabled] = signing;
    directory.update(off?.id ?? '', { accountEnabled: false });
    // All in the far future, but for what an old certificate beside the one that signs says, and for one.
    for (const [index, one] of enabled.entries()) {
      const ends = index === 0 ? endingIn(10.5 * dayMs) : endingIn(900 * dayMs);
      endCertificate(directory, one.id, `${ends.certificateExpiresAt.slice(0, 19)}Z`);
      directory.update(one.id, { accountEnabled: true, displayName: `App ${index}` });
    }
    await bench.start();
    await bench.apply(
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'entra' }, stringData: application },
      {
        apiVersion,
        kind: 'ExternalSystem',
        metadata: { name: 'cmdb' },
        spec: {
          connector: { entraId: { tenantId, graphUrl: graph.url, loginUrl: graph.loginUrl } },
          auth: { type: 'OAuth2', secretRef: { name: 'entra' } },
          schedule: { cron: ['0 3 1 1 *'] },
          limits: { requestsPerSecond: 1000 },
        },
      },
    );
    const found = await waitForCondition('CertificateExpiring');
    expect(found.message).toContain(`end: 1 of ${enabled.length} (1 within 30 days): App 0 (ends `);
    expect(found.message).toContain('in 10 days); renew');
    await waitForSeries(`application="App 0",application_id="${enabled[0]?.id}"}`);
  } finally {
    await graph.stop();
  }
});

test('the certificate of the login shows in the status, the condition, an event and the series, also to an operator that was started anew', async () => {
  const ends = new Date(Math.floor(Date.now() / 1000) * 1000 + 10.5 * dayMs);
  const until = ends.toISOString().replace(/[-:T]|\.\d+/gu, '');
  const pair = certificate('operator', { keys: 'RSA', until });
  const clientId = '11111111-2222-4333-8444-555555555555';
  const graph = await startGraph({
    seed: 3,
    counts: { users: 4 },
    application: { clientId, certificates: [pair.cert] },
  });
  try {
    await bench.start();
    const stringData = {
      clientId,
      'tls.crt': pair.cert,
      'tls.key': String(pair.key.export({ type: 'pkcs8', format: 'pem' })),
    };
    await bench.apply(
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'entra' }, stringData },
      {
        apiVersion,
        kind: 'ExternalSystem',
        metadata: { name: 'cmdb' },
        spec: {
          connector: {
            entraId: { tenantId: graph.tenant.id, graphUrl: graph.url, loginUrl: graph.loginUrl },
          },
          auth: { type: 'Certificate', secretRef: { name: 'entra' } },
          schedule: { cron: ['0 3 1 1 *'] },
          limits: { requestsPerSecond: 1000 },
        },
      },
    );
    const found = await waitForCondition('CertificateExpiring', 'CredentialsCurrent');
    expect(found.message).toContain('(tls.crt of Secret entra) ends ');
    expect(found.message).toContain('in 10 days; make a new one');
    const credentialsExpiryTime = ends.toISOString().replace('.000Z', 'Z');
    expect((await bench.system()).status).toMatchObject({ credentialsExpiryTime });
    await waitFor('the event', async () =>
      (await bench.kubectl('get', 'events', '-o', 'json')).includes('"CertificateExpiring"'),
    );
    const series = `extsys_credentials_expiry_timestamp_seconds{namespace="${bench.namespace}",system="cmdb",connector="entraId"}`;
    await waitForSeries(`${series} ${ends.getTime() / 1000}`);
    await bench.stop();
    await bench.start();
    await waitForSeries(`${series} ${ends.getTime() / 1000}`);
  } finally {
    await graph.stop();
  }
});
