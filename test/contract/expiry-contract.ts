// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { OpenStore } from './contract-bench.ts';
import { DeviceBench } from './device-bench.ts';

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
