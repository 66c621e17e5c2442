// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { liveChecks, type LifeSigns } from '../../src/operator/health.ts';

const well: LifeSigns = { watchSilentMs: 60_000, keyWaitsMs: 1_000, leaseIdleMs: 2_000 };

test.each<[string, Partial<LifeSigns>, readonly string[]]>([
  ['all is well', {}, []],
  ['a watch has been silent for longer than bookmarks take', { watchSilentMs: 240_000 }, ['watch']],
  ['a key has waited for five minutes', { keyWaitsMs: 300_000 }, ['queue']],
  ['the Lease is not even tried', { leaseIdleMs: 60_000 }, ['lease']],
])('%s', (_, part, failing) => {
  const checks = liveChecks({ ...well, ...part });
  expect(checks.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual(failing);
});
