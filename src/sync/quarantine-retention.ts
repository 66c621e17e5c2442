// SPDX-License-Identifier: Apache-2.0
import { parseDurationMs } from '../api/duration.ts';
import type { ExternalSystemSpec } from '../api/external-system.ts';
import type { Store } from '../store/port.ts';

const defaultRetention = '720h';
const batchSize = 500;

/**
 * Takes rows out of the quarantine that have not come again for as long as the retention says. In batches, each a transaction of its
 * own, so that a large quarantine holds nobody up. It needs no hold: what is that old, no run writes.
 */
export async function pruneQuarantine(
  store: Pick<Store, 'pruneQuarantine'>,
  { key, spec }: { readonly key: string; readonly spec: Pick<ExternalSystemSpec, 'retention'> },
  now: Date,
): Promise<void> {
  const keptMs = parseDurationMs(spec.retention?.quarantine ?? defaultRetention) ?? 0;
  const before = new Date(now.getTime() - keptMs);
  while ((await store.pruneQuarantine(key, before, batchSize)) === batchSize);
}
