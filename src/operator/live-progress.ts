// SPDX-License-Identifier: Apache-2.0
import type { SyncRun } from '../api/resource.ts';
import type { RunProgress } from '../api/run-progress.ts';
import { isFinal, type SyncRunStatus } from '../api/sync-run.ts';
import { seconds } from '../api/time.ts';
import type { Progress } from '../sync/engine.ts';
import { totalsOf } from '../sync/outcome.ts';
import { maxRecordBytes } from '../sync/run-record.ts';
import { isConflict, isNotFound } from './api-error.ts';
import type { ClusterPort } from './cluster-port.ts';

/** A run that ends sooner writes nothing of it. */
const firstAfterMs = 10_000;
const shortestIntervalMs = 15_000;
const longestIntervalMs = 60_000;
/** As many as the schema takes. */
const maxStreams = 32;

export interface LiveProgressDependencies {
  readonly cluster: Pick<ClusterPort, 'getRun' | 'updateRunStatus'>;
  readonly now: () => Date;
  readonly monotonicMs: () => number;
  /** Does the work once after so many ms; what it answers prevents that. */
  readonly after: (ms: number, work: () => void) => () => void;
  /** A write that was lost: the next one tells the same. */
  readonly onError: (error: unknown) => void;
}

/**
 * Tells in the status of a run in hand how far it is, for whoever watches a long one. The writes are few, and fewer the longer it takes. They are
 * of no weight: each goes on from the version that this worker wrote last, so one that comes too late is refused, and a run that
 * is not this worker's any more is left alone.
 */
export class LiveProgress {
  private readonly deps: LiveProgressDependencies;
  private readonly startedMs: number;
  private run: SyncRun;
  private readonly streams = new Map<string, Progress>();
  private writtenMs: number | undefined;
  /** There is something to tell. */
  private changed = false;
  /** A write is under way, or waits for its time. */
  private busy = false;
  private over = false;
  private prevent: () => void = () => undefined;
  private writing: Promise<void> = Promise.resolve();

  /** Of a run as it was claimed, at the beginning of its attempt. */
  constructor(run: SyncRun, deps: LiveProgressDependencies) {
    this.run = run;
    this.deps = deps;
    this.startedMs = deps.monotonicMs();
  }

  note(progress: Progress): void {
    this.streams.set(progress.tally.stream, progress);
    this.changed = true;
    this.plan();
  }

  /** No write comes after it: the end of the run may be written now. */
  async close(): Promise<void> {
    this.over = true;
    this.prevent();
    await this.writing;
  }

  private plan(): void {
    if (this.busy || this.over || !this.changed) return;
    this.busy = true;
    const waitMs = this.dueMs() - this.deps.monotonicMs();
    this.prevent = this.deps.after(Math.max(0, waitMs), () => {
      this.writing = this.write().finally(() => {
        this.busy = false;
        this.plan();
      });
    });
  }

  private dueMs(): number {
    const { startedMs, writtenMs } = this;
    if (writtenMs === undefined) return startedMs + firstAfterMs;
    const fifth = (writtenMs - startedMs) / 5;
    return writtenMs + Math.min(longestIntervalMs, Math.max(shortestIntervalMs, fifth));
  }

  private async write(): Promise<void> {
    const { cluster, now, monotonicMs, onError } = this.deps;
    this.changed = false;
    this.writtenMs = monotonicMs();
    try {
      this.run = await cluster.updateRunStatus(this.run, this.status(seconds(now())));
    } catch (error) {
      onError(error);
      if (isNotFound(error)) this.over = true;
      else if (isConflict(error)) await this.lookAgain();
    }
  }

  /** Somebody wrote the object: a person, who annotated it, or another worker, who has it now. */
  private async lookAgain(): Promise<void> {
    const { namespace, name, uid } = this.run.metadata;
    const before = this.run.status;
    try {
      const found = await this.deps.cluster.getRun(namespace, name);
      const status = found?.status;
      const ours = status?.worker === before?.worker && status?.attempt === before?.attempt;
      if (found?.metadata.uid === uid && ours && !isFinal(status?.phase)) this.run = found;
      else this.over = true;
    } catch (error) {
      this.deps.onError(error);
    }
  }

  private status(time: string): SyncRunStatus {
    const told = [...this.streams.values()];
    // One that goes on is told rather than one that has ended.
    const order = [...told.filter(({ ended }) => ended), ...told.filter(({ ended }) => !ended)];
    const leftOut = new Set(order.slice(0, Math.max(0, told.length - maxStreams)));
    const statusNow = (): SyncRunStatus => ({
      ...this.run.status,
      totals: totalsOf(told),
      progress: { time, streams: told.filter((stream) => !leftOut.has(stream)).map(toStreamProgress) },
    });
    let status = statusNow();
    for (const stream of order) {
      if (Buffer.byteLength(JSON.stringify({ spec: this.run.spec, status })) <= maxRecordBytes) break;
      leftOut.add(stream);
      status = statusNow();
    }
    return status;
  }
}

function toStreamProgress({ tally, recordsPerSecond, ended }: Progress): RunProgress['streams'][number] {
  const { stream, fetched, created, updated, unchanged, failed } = tally;
  return { name: stream, fetched, created, updated, unchanged, failed, recordsPerSecond, ended };
}
