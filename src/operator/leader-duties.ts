// SPDX-License-Identifier: Apache-2.0
import type { SyncRun } from '../api/resource.ts';
import type { Store } from '../store/port.ts';
import type { GoneRuns } from './gone-runs.ts';
import type { GoneSystems } from './gone-systems.ts';
import { WorkQueue, type WorkQueueOptions, type WorkResult } from './work-queue.ts';

export interface LeaderDutiesDependencies {
  readonly store: Pick<Store, 'unprunedSystems'>;
  readonly goneRuns: Pick<GoneRuns, 'gone' | 'sweep'>;
  readonly goneSystems: Pick<GoneSystems, 'sweep'>;
  readonly leads: () => boolean;
  /** Whether a key is of the namespaces that this operator watches. */
  readonly watches: (key: string) => boolean;
  /** Has a system looked at; one that has no object any more is cleaned up. */
  readonly lookAt: (systemKey: string) => void;
  readonly queue: Omit<WorkQueueOptions, 'concurrency' | 'work'>;
}

/** What only one replica does, besides reconciling: it gives every run a record and cleans up after objects that are gone. */
export class LeaderDuties {
  private readonly deps: LeaderDutiesDependencies;
  private readonly queue: WorkQueue;
  /** Runs that have left the cache, by uid. */
  private readonly gone = new Map<string, SyncRun>();

  constructor(deps: LeaderDutiesDependencies) {
    this.deps = deps;
    this.queue = new WorkQueue({
      ...deps.queue,
      concurrency: 1,
      work: (key) => this.work(key),
    });
  }

  get depth(): number {
    return this.queue.depth;
  }

  get oldestMs(): number {
    return this.queue.oldestMs;
  }

  /** What happened while nobody led is made up for. */
  begin(): void {
    this.queue.add('clean');
    this.queue.add('sweep');
    this.queue.add('withdraw');
  }

  systemGone(): void {
    if (this.deps.leads()) this.queue.add('withdraw');
  }

  /** A run that has left the cache has ended, or was deleted. */
  runGone(run: SyncRun): void {
    const { uid } = run.metadata;
    if (!this.deps.leads()) return;
    this.gone.set(uid, run);
    this.queue.add(`gone ${uid}`);
  }

  stop(): Promise<void> {
    return this.queue.stop();
  }

  private async work(key: string): Promise<WorkResult> {
    const { leads, goneRuns, goneSystems } = this.deps;
    const [duty, uid = ''] = key.split(' ');
    const run = this.gone.get(uid);
    if (!leads()) {
      this.gone.delete(uid);
      return undefined;
    }
    if (duty === 'clean') return this.clean();
    if (duty === 'sweep') return goneRuns.sweep();
    if (duty === 'withdraw') return goneSystems.sweep();
    const next = run === undefined ? undefined : await goneRuns.gone(run);
    if (next === undefined) this.gone.delete(uid);
    return next;
  }

  /** Looking at a system that has no object any more takes its finished runs out of the cluster. */
  private async clean(): Promise<undefined> {
    const { store, watches, lookAt } = this.deps;
    for (const key of await store.unprunedSystems()) if (watches(key)) lookAt(key);
    return undefined;
  }
}
