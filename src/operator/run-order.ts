// SPDX-License-Identifier: Apache-2.0
import type { SyncRun } from '../api/resource.ts';

export interface OrderFacts {
  /** Other runs of the same system that have not ended. */
  readonly others: readonly SyncRun[];
  readonly identity: string;
  /** Whether the worker of that identity has stopped renewing its Lease. */
  readonly lapsed: (worker: string) => boolean;
}

/**
 * Whether a run waits for another of its system: two at a time would take the hold from each other, and one would end for nothing.
 * One that has not started waits for every run that has, and for those that were made before it; so all replicas agree on which is
 * next, even when one sees a claim late. Of runs that have started, which happens when a claim was seen too late, those with a
 * worker go first, and of two whose workers both wait the older.
 */
export function waitsForAnother(run: SyncRun, { others, identity, lapsed }: OrderFacts): boolean {
  if (run.status?.phase !== 'Running') {
    return others.some((other) => other.status?.phase === 'Running' || isBefore(other, run));
  }
  const ours = run.status.worker === identity;
  return others.some((other) => {
    const { phase, worker } = other.status ?? {};
    if (phase !== 'Running' || worker === undefined) return false;
    if (worker !== identity && lapsed(worker)) return false;
    return !ours || isBefore(other, run);
  });
}

function isBefore(one: SyncRun, other: SyncRun): boolean {
  const made = one.metadata.creationTimestamp.localeCompare(other.metadata.creationTimestamp);
  return made === 0 ? one.metadata.uid < other.metadata.uid : made < 0;
}
