// SPDX-License-Identifier: Apache-2.0
import { audiences } from '../api/failure.ts';
import type { ArchivedRun, Store, StreamFailure } from '../store/port.ts';
import { statusFromArchive } from './run-record.ts';

/** So many runs are looked back for one that came through. */
const runsLookedAt = 200;

export interface ContactedSystem {
  readonly key: string;
  readonly uid: string;
  readonly generation: number;
}

/**
 * Who must act where a run could not reach the external system. An outage passes by itself; but as long as no run has come through with this
 * spec, nothing has shown that its address is right, and waiting may never help: then whoever wrote it looks first.
 */
export async function whoReaches(
  store: Pick<Store, 'archivedRuns'>,
  system: ContactedSystem,
  { code, audience }: StreamFailure,
): Promise<string | undefined> {
  if (code !== 'unavailable' || audience !== undefined) return audience;
  const runs = await store.archivedRuns(system.key, runsLookedAt);
  return runs.some((run) => cameThrough(run, system)) ? undefined : audiences.owner;
}

function cameThrough(run: ArchivedRun, { uid, generation }: ContactedSystem): boolean {
  const read = run.phase === 'Succeeded' || run.phase === 'PartiallySucceeded';
  return read && run.systemUid === uid && statusFromArchive(run).systemGeneration === generation;
}
