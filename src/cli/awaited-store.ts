// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import type { Store } from '../store/port.ts';
import { StoreAway } from './store-url.ts';

const firstWaitMs = 1_000;
const longestWaitMs = 30_000;

export interface Patience {
  readonly signal: AbortSignal;
  /** Before each wait, with what is wrong; it holds no password. */
  readonly onAway: (reason: string) => Promise<void>;
}

/**
 * The database, as soon as it is there: one that nobody answers for is tried again, so that a process need not end and begin for it.
 * Undefined when the signal fires first. Throws what will not change by itself.
 */
export async function openWhenThere(
  open: (signal: AbortSignal) => Promise<Store>,
  { signal, onAway }: Patience,
): Promise<Store | undefined> {
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    try {
      const store = await open(signal);
      if (!signal.aborted) return store;
      await store.close();
      return undefined;
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!(error instanceof StoreAway)) throw error;
      await onAway(error.message);
    }
    await delay(waitMs, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    if (signal.aborted) return undefined;
  }
}
