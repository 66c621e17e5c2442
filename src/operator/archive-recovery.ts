// SPDX-License-Identifier: Apache-2.0
import type { ExternalSystem } from '../api/resource.ts';
import type { Store, SystemHistory } from '../store/port.ts';
import { recoveredFrom } from '../sync/recovered-run.ts';
import type { ClusterPort } from './cluster-port.ts';
import { keyOf } from './keys.ts';

export interface Recovered {
  readonly system: string;
  /** Newest record of the database before, and of the cluster. */
  readonly from: number;
  readonly to: number;
  /** Runs that were archived again. */
  readonly runs: number;
  /** Records that stand nowhere any more: pruned from the cluster, or not as they were when they ended. */
  readonly lost: number;
}

export interface ArchiveRecoveryDependencies {
  readonly store: Pick<Store, 'recover' | 'history'>;
  readonly cluster: Pick<ClusterPort, 'runsOf'>;
  readonly getSystem: (key: string) => ExternalSystem | undefined;
  readonly onRecovered: (recovered: Recovered) => void;
}

/**
 * A restored backup shows in an archive that is behind what the status of its system says. Before anything else is written for that
 * system, the runs that the cluster still has are archived again, and the next run is a full one.
 */
export class ArchiveRecovery {
  private readonly deps: ArchiveRecoveryDependencies;

  constructor(deps: ArchiveRecoveryDependencies) {
    this.deps = deps;
  }

  /** Whether nothing may be archived for this system yet. */
  async behind(key: string): Promise<boolean> {
    const { getSystem, store } = this.deps;
    const system = getSystem(key);
    if (system?.status?.chainHead === undefined) return false;
    return isBehind(system, await store.history(key, system.metadata.uid));
  }

  /** Answers whether the history has changed by it. */
  async catchUp(system: ExternalSystem, history: SystemHistory): Promise<boolean> {
    const head = system.status?.chainHead;
    if (head === undefined || !isBehind(system, history)) return false;
    const { store, cluster, onRecovered } = this.deps;
    const key = keyOf(system);
    const { namespace, name } = system.metadata;
    const from = history.chainHead?.sequence ?? 0;
    const found = (await cluster.runsOf(namespace, name)).flatMap((run) => recoveredFrom(run) ?? []);
    const missing = found.filter(({ sequence }) => sequence > from);
    // The status of the system is written after that of the run: one of them may be newer.
    const newest = missing.reduce((known, run) => (run.sequence > known.sequence ? run : known), head);
    const to = { sequence: newest.sequence, digest: newest.digest };
    const runs = await store.recover(key, to, missing);
    onRecovered({ system: key, from, to: to.sequence, runs, lost: to.sequence - from - missing.length });
    return true;
  }
}

function isBehind(system: ExternalSystem, history: SystemHistory): boolean {
  const known = system.status?.chainHead?.sequence ?? 0;
  return known > (history.chainHead?.sequence ?? 0);
}
