// SPDX-License-Identifier: Apache-2.0
import type { ExternalSystem } from '../api/resource.ts';
import { SystemBusy, type ObjectOfSystem, type Store } from '../store/port.ts';
import type { ClusterPort } from './cluster-port.ts';
import type { WorkResult } from './work-queue.ts';

const lookAgainMs = 5_000;
const sweepEveryMs = 60_000;

export interface GoneSystemsDependencies {
  readonly store: Pick<Store, 'systemsOfObjects' | 'withdrawSystem'>;
  readonly cluster: Pick<ClusterPort, 'hasSystem'>;
  /** Of the cache; what it knows need not be asked for. */
  readonly getSystem: (key: string) => ExternalSystem | undefined;
  /** Whether a key is of the namespaces that this operator watches. */
  readonly watches: (key: string) => boolean;
  /** Who withdraws, for the record. */
  readonly identity: string;
  readonly now: () => Date;
  readonly onWithdrawn: (system: string, records: number) => void;
  /** Told of a system that could not be looked at; the others are. */
  readonly onError: (error: unknown, system: string) => void;
}

/**
 * Withdraws the rows of systems whose object was deleted. There are no finalizers: what counts is that the database has a system that
 * an object read, and that the API server, asked for that one object, says that it has none. An answer that does not come says nothing.
 * Only the leader does this, when an object goes and from time to time, so that a crash in between costs a minute.
 */
export class GoneSystems {
  private readonly deps: GoneSystemsDependencies;

  constructor(deps: GoneSystemsDependencies) {
    this.deps = deps;
  }

  /** Answers when to look again: soon while a run of a system that is gone has not ended. */
  async sweep(): Promise<WorkResult> {
    let left = false;
    for (const gone of await this.deps.store.systemsOfObjects()) {
      try {
        await this.look(gone);
      } catch (error) {
        if (error instanceof SystemBusy) left = true;
        else this.deps.onError(error, gone.system);
      }
    }
    return { afterMs: left ? lookAgainMs : sweepEveryMs };
  }

  private async look(gone: ObjectOfSystem): Promise<void> {
    const { store, cluster, getSystem, watches, identity, now, onWithdrawn } = this.deps;
    const { system } = gone;
    if (!watches(system) || getSystem(system) !== undefined) return;
    const [namespace = '', name = ''] = system.split('/');
    if (await cluster.hasSystem(namespace, name)) return;
    const records = await store.withdrawSystem(gone, { actor: identity, at: now() });
    if (records !== undefined) onWithdrawn(system, records);
  }
}
