// SPDX-License-Identifier: Apache-2.0
import type { SyncRun } from '../api/resource.ts';
import type { ArchivedRun, OpenRun, Store } from '../store/port.ts';
import { cliWorker, systemTaken } from '../sync/unclaimed-end.ts';
import type { ClusterPort } from './cluster-port.ts';
import { keyOf, systemKeyOf } from './keys.ts';
import type { RunEnder } from './run-ending.ts';
import { cancelled } from './run-refusal.ts';
import type { WorkResult } from './work-queue.ts';

/** A worker that still lives has this long to end a run itself whose object is gone. */
const workerGraceMs = 60_000;
const lookAgainMs = 5_000;
/** How often the leader looks at what the database still has open. */
const sweepEveryMs = 60_000;

export interface GoneRunsDependencies {
  readonly store: Store;
  readonly cluster: ClusterPort;
  readonly ender: RunEnder;
  readonly getRun: (key: string) => SyncRun | undefined;
  /** Whether a key is of the namespaces that this operator watches. */
  readonly watches: (key: string) => boolean;
  /** Whether the archive of a system must first be brought back in step with the cluster. */
  readonly archiveBehind: (systemKey: string) => Promise<boolean>;
  /** Whether this worker still lives, and, if it is this process, works on the run. */
  readonly alive: (worker: string, runUid: string) => Promise<boolean>;
  readonly monotonicMs: () => number;
  readonly onEnded: (archived: ArchivedRun, run: SyncRun | undefined) => void;
  /** Told of a row that could not be looked at; the others are. */
  readonly onError: (error: unknown, row: OpenRun) => void;
}

/**
 * Every run leaves a record, also one whose object was deleted before it ended: it is archived as Cancelled. Only the leader does
 * this, with what the cache last had of the run, and from time to time with what the database still has open.
 */
export class GoneRuns {
  private readonly deps: GoneRunsDependencies;
  /** Since when a run is known to be gone, by uid. */
  private readonly since = new Map<string, number>();

  constructor(deps: GoneRunsDependencies) {
    this.deps = deps;
  }

  /** Of a run that has left the cache: it has ended, and then it is archived, or its object was deleted. */
  async gone(run: SyncRun): Promise<WorkResult> {
    const { store, ender, onEnded } = this.deps;
    const { uid, name } = run.metadata;
    if ((await store.archivedRun(uid)) !== undefined || (await this.stands(keyOf(run), uid))) {
      this.since.delete(uid);
      return undefined;
    }
    if (await this.deps.archiveBehind(systemKeyOf(run))) return { afterMs: lookAgainMs };
    const row = (await store.openRuns()).find(({ runUid }) => runUid === uid);
    const worker = row?.worker ?? run.status?.worker;
    if (worker !== undefined && (await this.leftTo(worker, uid))) return { afterMs: lookAgainMs };
    this.since.delete(uid);
    onEnded(await ender.end(run, cancelled(`the SyncRun ${name} was deleted`)), run);
    return undefined;
  }

  /** Looks at every run that is open in the database, and again soon while one of them is left to its worker. */
  async sweep(): Promise<WorkResult> {
    let left = false;
    for (const row of await this.deps.store.openRuns()) {
      try {
        left = (await this.look(row)) || left;
      } catch (error) {
        this.deps.onError(error, row);
      }
    }
    return { afterMs: left ? lookAgainMs : sweepEveryMs };
  }

  /** Answers whether the run is gone and still left to its worker. */
  private async look(row: OpenRun): Promise<boolean> {
    const { ender, onEnded, watches } = this.deps;
    if (!watches(row.system)) return false;
    if (await this.deps.archiveBehind(row.system)) return true;
    if (row.worker.startsWith(cliWorker)) {
      // It may be under way in another process; once another run has the system it can only end.
      if (!row.holdsFence)
        onEnded(await ender.endRow(row, { phase: 'Cancelled', failure: systemTaken }), undefined);
      return false;
    }
    const [namespace = ''] = row.system.split('/');
    if (await this.stands(`${namespace}/${row.runName}`, row.runUid)) return false;
    if (await this.leftTo(row.worker, row.runUid)) return true;
    this.since.delete(row.runUid);
    onEnded(await ender.endRow(row, cancelled('the SyncRun was deleted')), undefined);
    return false;
  }

  /** Whether its object is still there, by the cache and, where that does not know it, by the API server. */
  private async stands(key: string, uid: string): Promise<boolean> {
    if (this.deps.getRun(key)?.metadata.uid === uid) return true;
    const [namespace = '', name = ''] = key.split('/');
    return (await this.deps.cluster.getRun(namespace, name))?.metadata.uid === uid;
  }

  private async leftTo(worker: string, uid: string): Promise<boolean> {
    const { alive, monotonicMs } = this.deps;
    const since = this.since.get(uid) ?? monotonicMs();
    this.since.set(uid, since);
    return (await alive(worker, uid)) && monotonicMs() - since < workerGraceMs;
  }
}
