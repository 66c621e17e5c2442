// SPDX-License-Identifier: Apache-2.0
import type { ExternalSystem } from '../api/resource.ts';
import type { ArchivedRun, Store } from '../store/port.ts';
import type { ClusterPort } from './cluster-port.ts';

const defaultHistory = { successful: 10, failed: 10 } as const;

/** Deletes finished runs beyond the history from the cluster; the archive keeps them all. */
export class Pruner {
  private readonly store: Store;
  private readonly cluster: ClusterPort;

  constructor(store: Store, cluster: ClusterPort) {
    this.store = store;
    this.cluster = cluster;
  }

  /** Of the system with this key, whose object may be gone. */
  async prune(key: string, system: ExternalSystem | undefined): Promise<void> {
    const { store, cluster } = this;
    const [namespace = ''] = key.split('/');
    const keep = { ...defaultHistory, ...system?.spec.history };
    for (const run of surplus(await store.unprunedRuns(key), system?.metadata.uid, keep)) {
      await cluster.deleteRun(namespace, run.runName, run.runUid);
      await store.markPruned([run.runUid]);
    }
  }
}

/**
 * Runs that go, of those that are listed newest first. Those of an object that is gone all do. Those without one, which were
 * refused because there was none, stay visible by the same numbers as others: whoever made them must see why.
 */
export function surplus(
  runs: readonly ArchivedRun[],
  systemUid: string | undefined,
  keep: { readonly successful: number; readonly failed: number },
): readonly ArchivedRun[] {
  const kept = { successful: 0, failed: 0 };
  const newestSlot = runs.find(({ slot, systemUid: uid }) => slot !== undefined && uid === systemUid)?.runUid;
  return runs.filter((run) => {
    if (run.systemUid !== '' && run.systemUid !== systemUid) return true;
    const kind = run.phase === 'Succeeded' ? 'successful' : 'failed';
    kept[kind] += 1;
    // While the newest slot's run stands, nobody can make another of its name.
    return kept[kind] > keep[kind] && run.runUid !== newestSlot;
  });
}
