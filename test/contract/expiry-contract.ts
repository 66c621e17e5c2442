// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { ExternalSystem } from '../../src/api/resource.ts';
import { fillCertificates } from '../../src/operator/certificate-metrics.ts';
import { certificatesVerdict, CertificateWatch } from '../../src/operator/certificates.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import type { OpenStore } from './contract-bench.ts';
import { DeviceBench, entra } from './device-bench.ts';

/** Where each engine keeps the definition of a view. */
const definitions: Readonly<Record<string, string>> = {
  SQLite: `SELECT sql AS definition FROM sqlite_master WHERE name = 'sso_application_expiry'`,
  PostgreSQL: `SELECT pg_get_viewdef('sso_application_expiry'::regclass) AS definition`,
};

/** The view that says when applications can no longer be signed in to. */
export function expiryContract(engine: string, open: OpenStore): void {
  const bench = new DeviceBench(open);

  describe(`${engine}: the end of a certificate`, () => {
    const hours = (count: number) => new Date(Date.now() + count * 3_600_000).toISOString();
    const days = async (prefix = '') =>
      Object.fromEntries(
        (
          await bench.all(
            `SELECT external_id, days_to_expiry, days_to_secret_expiry FROM ${prefix}sso_application_expiry`,
          )
        ).map((row) => [
          row['external_id'],
          ['days_to_expiry', 'days_to_secret_expiry'].map((name) =>
            row[name] === null ? null : Number(row[name]),
          ),
        ]),
      );

    it('is told in whole days from now, 0 on the last day and negative when it is over', async () => {
      await bench.applications({
        month: { certificateExpiresAt: hours(30 * 24 + 1), secretExpiresAt: hours(-49) },
        tomorrow: { certificateExpiresAt: hours(36), secretExpiresAt: hours(23) },
        today: { certificateExpiresAt: hours(1) },
        over: { certificateExpiresAt: hours(-1) },
        yesterday: { certificateExpiresAt: hours(-25) },
        never: { certificateExpiresAt: '2026-01-01T00:00:00Z', secretExpiresAt: '2199-01-01T00:00:00.5Z' },
        none: {},
      });
      expect(await days()).toMatchObject({
        month: [30, -3],
        tomorrow: [1, 0],
        today: [0, null],
        over: [-1, null],
        yesterday: [-2, null],
        none: [null, null],
      });
      const [certificate, secret] = (await days())['never'] ?? [];
      const since = (Date.now() - Date.UTC(2026, 0, 1)) / 86_400_000;
      expect(certificate).toBe(Math.floor(-since));
      expect(secret).toBe(Math.floor((Date.UTC(2199, 0, 1) + 500 - Date.now()) / 86_400_000));
    });

    const noon = new Date('2026-03-02T12:00:00Z');
    /** What the view says at another time than now: its definition, as the database has it, with that time in the place of now. */
    const daysAt = async (now: Date) => {
      const [row] = await bench.all(
        definitions[engine.split(' ')[0] ?? ''] ?? `SELECT of ${engine} is not known`,
      );
      const definition = String(row?.['definition']).replace(/^CREATE VIEW \S+ AS\s/u, '');
      const at = definition
        .replaceAll("unixepoch('now')", `unixepoch('${now.toISOString()}')`)
        .replaceAll('now()', `'${now.toISOString()}'::timestamptz`);
      expect(at).not.toBe(definition);
      const [found] = await bench.all(`SELECT days_to_expiry AS days FROM (${at.replace(/;$/u, '')}) v`);
      return Number(found?.['days']);
    };
    /** What the operator says of the same record: the condition, and what its metrics hold. */
    const operatorAt = async (now: Date) => {
      const watch = new CertificateWatch(bench.store, (text) => text);
      const found = await watch.look(entra, now);
      const object = { metadata: { namespace: 'inventory', name: 'entra' } } as ExternalSystem;
      const metrics = createMetrics('test');
      fillCertificates(metrics, [object], () => found);
      const { text } = await metrics.page();
      const [, ends] = /^extsys_sso_certificate_expiry_timestamp_seconds\{.*\} (\S+)$/mu.exec(text) ?? [];
      const [, state] = /^extsys_sso_applications\{.*state="(\w+)"\} 1$/mu.exec(text) ?? [];
      const verdict = certificatesVerdict(object, found, now);
      const [, words] = /Wiki \((.*?)\)/u.exec(verdict?.message ?? '') ?? [];
      const days = Math.floor((Number(ends) - now.getTime() / 1000) / 86_400);
      return { days, state, reason: verdict?.reason, words };
    };
    const [hour, day] = [3600, 86_400];

    it.each<[seconds: number, days: number, state: string, words: string]>([
      [0, 0, 'expiring', 'ends 2026-03-02, in 0 days'],
      [-1, -1, 'expired', 'expired 2026-03-02, 1 day ago'],
      [1, 0, 'expiring', 'ends 2026-03-02, in 0 days'],
      [day - 60, 0, 'expiring', 'ends 2026-03-03, in 0 days'],
      [day - 1, 0, 'expiring', 'ends 2026-03-03, in 0 days'],
      [day, 1, 'expiring', 'ends 2026-03-03, in 1 day'],
      [-day + 60, -1, 'expired', 'expired 2026-03-01, 1 day ago'],
      [-day, -1, 'expired', 'expired 2026-03-01, 1 day ago'],
      [-day - 1, -2, 'expired', 'expired 2026-03-01, 2 days ago'],
      [-288 * day - hour, -289, 'expired', 'expired 2025-05-18, 289 days ago'],
      [30 * day - 1, 29, 'expiring', 'ends 2026-04-01, in 29 days'],
      [30 * day, 30, 'current', 'ends 2026-04-01, in 30 days'],
    ])(
      '%i seconds from now is %i days to view, condition and metric',
      async (seconds, days, state, words) => {
        const end = new Date(noon.getTime() + seconds * 1000).toISOString();
        // With and without a fraction, as vendors write it.
        for (const certificateExpiresAt of [end, end.replace('.000Z', 'Z')]) {
          await bench.applications({ a: { name: 'Wiki', certificateExpiresAt } });
          expect(await daysAt(noon)).toBe(days);
          const reason =
            { current: 'Current', expiring: 'CertificateExpiring' }[state] ?? 'CertificateExpired';
          expect(await operatorAt(noon)).toEqual({ days, state, reason, words });
        }
      },
    );

    it('is the same to condition and count within a second', async () => {
      await bench.applications({ a: { name: 'Wiki', certificateExpiresAt: '2026-03-02T12:00:00Z' } });
      const within = new Date(noon.getTime() + 999);
      expect(await operatorAt(within)).toMatchObject({
        state: 'expiring',
        words: 'ends 2026-03-02, in 0 days',
      });
      const after = new Date(noon.getTime() + 1000);
      expect(await operatorAt(after)).toMatchObject({ state: 'expired', reason: 'CertificateExpired' });
    });

    it('is told of current applications alone, those of a demo apart', async () => {
      const application = { certificateExpiresAt: hours(1) };
      await bench.applications({ a: application, b: application });
      await bench.applications({ a: application });
      await bench.applications({ d: application }, { system: 'demo/all', demo: true });
      expect(await days()).toEqual({ a: [0, null] });
      expect(await days('demo_')).toEqual({ d: [0, null] });
      await bench.applications({ c: {} }, { scope: 'other' });
      expect(await days()).toEqual({ c: [null, null] });
    });
  });
}
