// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { announceCertificates } from '../../src/operator/certificate-end.ts';
import { fillCertificates } from '../../src/operator/certificate-metrics.ts';
import { CertificateWatch } from '../../src/operator/certificates.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { readApplications, type Application } from '../kit/sso-applications.ts';
import { system, World } from './world.ts';

const dayMs = 86_400_000;
const weekly = { schedule: { cron: ['0 3 * * 0'] } };

/** A system whose own run is done, and what the inventory knows of its applications. */
async function worldWith(...applications: readonly Application[]): Promise<World> {
  const world = await World.create();
  world.apply({ spec: weekly });
  await world.round();
  await readApplications(world.store, system, applications);
  await world.reconcile();
  return world;
}
const endingIn = (world: Pick<World, 'now'>, days: number) => ({
  certificateExpiresAt: new Date(world.now().getTime() + days * dayMs).toISOString(),
});
/** The hour at which the clock of a world begins. */
const start = { now: () => new Date('2026-03-02T12:07:30Z') };
const condition = (world: World) => world.condition('CertificatesCurrent');

describe('the condition CertificatesCurrent', () => {
  test('is absent where a system gives no applications', async () => {
    const world = await World.create();
    world.apply({});
    await world.round();
    expect(condition(world)).toBe('');
  });

  test('says how many certificates there are, and which ends first and when', async () => {
    const world = await worldWith(
      { id: 'a', name: 'Wiki', ...endingIn(start, 300) },
      { id: 'b', name: 'Payroll', ...endingIn(start, 97) },
      { id: 'c', name: 'Portal' },
    );
    expect(condition(world)).toBe(
      'True Current: certificates of single sign-on: 2, the first to end: Payroll (ends 2026-06-07, in 97 days); without one: 1',
    );
  });

  test('says so where no application has a certificate, or all are switched off', async () => {
    expect(condition(await worldWith({ id: 'c', name: 'Portal' }))).toBe(
      'True Current: no application has a certificate that could end; without one: 1',
    );
    const off = { id: 'a', name: 'Old', active: false, ...endingIn(start, -3) };
    expect(condition(await worldWith(off))).toBe(
      'True Current: no application has a certificate that could end',
    );
  });

  test('turns False by time alone, names the worst three and who must act, and is told once as an event', async () => {
    const world = await worldWith(
      { id: 'a', name: 'Wiki', ...endingIn(start, 31) },
      { id: 'b', name: 'Payroll', ...endingIn(start, 32) },
      { id: 'c', name: 'Portal', ...endingIn(start, 33) },
      { id: 'd', name: 'Travel', ...endingIn(start, 34) },
      { id: 'e', name: 'CRM', ...endingIn(start, 400) },
    );
    expect(condition(world)).toMatch(/^True Current: .*Wiki \(ends 2026-04-02, in 31 days\)/u);
    world.pass(5 * dayMs);
    const before = world.system();
    await world.reconcile();
    expect(condition(world)).toBe(
      'False CertificateExpiring: certificates of single sign-on that end: 4 of 5 (4 within 30 days): Wiki (ends 2026-04-02, in 26 days); ' +
        'Payroll (ends 2026-04-03, in 27 days); Portal (ends 2026-04-04, in 28 days); …; renew them at the external system and tell the ' +
        'applications, or switch off those that nobody uses. Who must act: administrator of the external system.',
    );
    const told: string[] = [];
    const events = { record: async (_: unknown, { reason }: { reason: string }) => void told.push(reason) };
    announceCertificates(events, before, world.system().status ?? {});
    announceCertificates(events, world.system(), world.system().status ?? {});
    expect(told).toEqual(['CertificateExpiring']);

    world.pass(26 * dayMs + 1000);
    await world.reconcile();
    expect(condition(world)).toMatch(
      /^False CertificateExpired: .* 4 of 5 \(1 expired, 3 within 30 days\): Wiki \(expired 2026-04-02, 1 day ago\); /u,
    );
  });

  test('is True again once the certificates are renewed, and Unknown when no application is left', async () => {
    const later = { id: 'b', name: 'Portal', ...endingIn(start, 700) };
    const world = await worldWith({ id: 'a', name: 'Wiki', ...endingIn(start, -1) }, later);
    expect(condition(world)).toMatch(
      /^False CertificateExpired: .*: 1 of 2 \(1 expired\): Wiki \(expired 2026-03-01, 1 day ago\); renew/u,
    );
    await readApplications(world.store, system, [{ id: 'a', name: 'Wiki', ...endingIn(start, 700) }]);
    await world.reconcile();
    expect(condition(world)).toMatch(/^True Current/u);
    await readApplications(world.store, system, []);
    await world.reconcile();
    expect(condition(world)).toMatch(/^Unknown NoApplications/u);
  });

  test('costs no write of the status while the day is the same', async () => {
    const world = await worldWith({ id: 'a', name: 'Wiki', ...endingIn(start, 90.5) });
    const version = () => world.system().metadata.resourceVersion;
    const before = version();
    for (let look = 0; look < 10; look += 1) {
      world.pass(3_600_000);
      await world.reconcile();
    }
    expect(version()).toBe(before);
    world.pass(3 * 3_600_000);
    await world.reconcile();
    expect(version()).not.toBe(before);
  });
});

describe('the series of certificates', () => {
  test('are those of the 50 that end first, each by name and id, and go with the system', async () => {
    const applications = Array.from({ length: 60 }, (_, index) => ({
      id: `app-${index}`,
      name: index === 1 ? 'secret-word Wiki' : 'Wiki',
      ...endingIn(start, 60 - index),
    }));
    const world = await worldWith(...applications, { id: 'none' });
    const watch = new CertificateWatch(world.store, (text) => text.replaceAll('secret-word', '[redacted]'));
    const metrics = createMetrics('test');
    const page = async () => {
      fillCertificates(metrics, [...world.cluster.systems.values()], (key) => watch.of(key));
      const { text } = await metrics.page();
      return text.split('\n').filter((line) => line.startsWith('extsys_sso_'));
    };
    await watch.look(system, world.now());
    const lines = await page();
    const series = 'extsys_sso_certificate_expiry_timestamp_seconds';
    expect(lines.filter((line) => line.startsWith(series))).toHaveLength(50);
    const expiresAt = (start.now().getTime() + dayMs) / 1000;
    expect(lines).toContain(
      `${series}{namespace="ns",system="cmdb",application="Wiki",application_id="app-59"} ${expiresAt}`,
    );
    const state = (name: string, count: number) =>
      `extsys_sso_applications{namespace="ns",system="cmdb",state="${name}"} ${count}`;
    expect(lines).toEqual(
      expect.arrayContaining([
        state('current', 31),
        state('expiring', 29),
        state('expired', 0),
        state('none', 1),
      ]),
    );
    await readApplications(world.store, system, [applications[1] ?? { id: '' }]);
    await watch.look(system, world.now());
    expect((await page()).join('\n')).toContain('application="[redacted] Wiki"');
    world.deleteSystem();
    expect(await page()).toEqual([]);
  });
});
