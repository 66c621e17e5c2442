// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import type { ExternalSystemSpec } from '../../src/api/external-system.ts';
import { credentialsFrom } from '../../src/connector/credentials.ts';
import { Failure } from '../../src/connector/failure.ts';
import { announceCertificates } from '../../src/operator/certificate-end.ts';
import { ControllerMetrics } from '../../src/operator/controller-metrics.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { certificate } from '../kit/certificate.ts';
import { World } from './world.ts';

const dayMs = 86_400_000;
/** The hour at which the clock of a world begins. */
const start = Date.parse('2026-03-02T12:07:30Z');
const byCertificate: Partial<ExternalSystemSpec> = {
  auth: { type: 'Certificate', secretRef: { name: 'login' } },
  schedule: { cron: ['0 3 * * 0'] },
};

function login(text: string) {
  const data = { 'tls.crt': Buffer.from(text).toString('base64') };
  return credentialsFrom('Certificate', { namespace: 'ns', name: 'login', data });
}

/** Credentials whose certificate ends so many days after the world begins. */
function endingIn(days: number) {
  const until = new Date(start + days * dayMs)
    .toISOString()
    .replace(/[-:T]/gu, '')
    .replace(/\.\d+Z$/u, 'Z');
  return login(certificate('operator', { until }).cert);
}

async function worldWith(days: number): Promise<World> {
  const world = await World.create();
  world.credentials = endingIn(days);
  world.apply({ spec: byCertificate });
  await world.round();
  return world;
}
const condition = (world: World) => world.condition('CredentialsCurrent');

test('the record of a run and the status of its system say when the certificate of the login ends', async () => {
  const world = await worldWith(90);
  expect(world.newest().status).toMatchObject({ credentialsExpiryTime: '2026-05-31T12:07:30Z' });
  expect(world.system().status).toMatchObject({ credentialsExpiryTime: '2026-05-31T12:07:30Z' });
  expect(condition(world)).toBe(
    'True Current: the certificate that the operator logs in with (tls.crt of Secret login) ends 2026-05-31',
  );
});

test('it turns False thirty days before the end without any run or look at the Secret, also after a restart, and is told once for each reason', async () => {
  const world = await worldWith(31);
  expect(condition(world)).toMatch(/^True Current/u);
  const told: string[] = [];
  const events = { record: async (_: unknown, { reason }: { reason: string }) => void told.push(reason) };
  world.cluster.secrets.clear();
  for (const [days, said] of [
    [
      2,
      'False CertificateExpiring: the certificate that the operator logs in with (tls.crt of Secret login) ends 2026-04-02, in 29 days; make a new one, ' +
        'make it known to the external system, then put it into the Secret: the next run reads it. Who must act: owner of the Secret.',
    ],
    [
      30,
      'False CertificateExpired: the certificate that the operator logs in with (tls.crt of Secret login) expired 2026-04-02, 1 day ago; make a new one, ' +
        'make it known to the external system, then put it into the Secret: the next run reads it. Who must act: owner of the Secret.',
    ],
  ] as const) {
    const before = world.system();
    world.pass(days * dayMs);
    world.restart();
    await world.reconcile();
    expect(condition(world)).toBe(said);
    announceCertificates(events, before, world.system().status ?? {});
    announceCertificates(events, world.system(), world.system().status ?? {});
  }
  expect(told).toEqual(['CertificateExpiring', 'CertificateExpired']);
});

test('a run that fails by its login says when the certificate ends, and one with a new certificate turns the condition True', async () => {
  const world = await World.create();
  world.credentials = endingIn(-3);
  world.script.connect = new Failure('credentials', 'expired');
  world.apply({ spec: byCertificate });
  await world.round();
  expect(world.newest().status).toMatchObject({ phase: 'Failed', failure: { code: 'credentials' } });
  expect(condition(world)).toMatch(/^False CertificateExpired: .* expired 2026-02-27, 3 days ago/u);
  world.credentials = endingIn(365);
  delete world.script.connect;
  world.ask('once more');
  await world.round();
  expect(condition(world)).toMatch(/^True Current: .* ends 2027-03-02$/u);
});

test('no run costs a write for it, however many days pass, while the end is far', async () => {
  const world = await worldWith(90);
  const before = world.system().status;
  for (let day = 0; day < 3; day += 1) {
    world.pass(dayMs);
    await world.reconcile();
  }
  expect(world.system().status).toEqual(before);
});

test('there is none where no login has an end; it is Unknown where the certificate cannot be read, or the login is another by now', async () => {
  const basic = await World.create();
  basic.apply({});
  await basic.round();
  expect(condition(basic)).toBe('');
  expect(basic.system().status).not.toHaveProperty('credentialsExpiryTime');

  const world = await worldWith(90);
  world.credentials = login('no certificate');
  world.ask('with nonsense');
  await world.round();
  expect(condition(world)).toBe(
    'Unknown NotKnown: the newest run could not read when tls.crt of Secret login ends',
  );
  world.credentials = endingIn(90);
  world.ask('with a certificate');
  await world.round();
  expect(condition(world)).toMatch(/^True Current/u);
  world.apply({ generation: 2, spec: { ...byCertificate, auth: { type: 'None' } } });
  await world.reconcile();
  expect(condition(world)).toBe('Unknown NotKnown: auth.type None has no certificate that could end');
  expect(world.system().status).not.toHaveProperty('credentialsExpiryTime');
});

test('the series says when the login ends, and goes with the system', async () => {
  const world = await worldWith(10);
  const metrics = createMetrics('test');
  const scraped = new ControllerMetrics(metrics, () => 'fake');
  const page = async () => {
    const systems = [...world.cluster.systems.values()];
    scraped.fill({ systems, runs: [], now: world.now(), activeRuns: 0, leader: false, queues: {} });
    return (await metrics.page()).text;
  };
  expect(await page()).toContain(
    `extsys_credentials_expiry_timestamp_seconds{namespace="ns",system="cmdb",connector="fake"} ${(start + 10 * dayMs) / 1000}\n`,
  );
  world.deleteSystem();
  expect(await page()).not.toContain('extsys_credentials_expiry_timestamp_seconds{');
});
