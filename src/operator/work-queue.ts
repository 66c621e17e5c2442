// SPDX-License-Identifier: Apache-2.0
import { jitteredBackoffMs } from './backoff.ts';

/** What the queue should do with a key after its work: nothing more, or look again later. */
export type WorkResult = { readonly afterMs: number } | undefined;

export interface WorkQueueOptions {
  readonly name: string;
  readonly concurrency: number;
  readonly work: (key: string) => Promise<WorkResult>;
  /** A key whose work threw; it comes again with backoff. */
  readonly onError: (key: string, error: unknown) => void;
  readonly onWaited?: (ms: number) => void;
  readonly monotonicMs: () => number;
  readonly random: () => number;
}

const firstRetryMs = 200;
const longestRetryMs = 60_000;

/**
 * A keyed queue: each key stands in it once, is never worked on twice at a time, and a key that is added while it is
 * worked on comes again afterwards; when that work failed, after its backoff. Later looks are timers by key; the soonest wins.
 */
export class WorkQueue {
  private readonly options: WorkQueueOptions;
  /** Waiting keys in order, with the time since when. */
  private readonly ready = new Map<string, number>();
  private readonly working = new Set<string>();
  private readonly again = new Set<string>();
  private readonly timers = new Map<string, { readonly timer: NodeJS.Timeout; readonly atMs: number }>();
  private readonly failures = new Map<string, number>();
  private stopped = false;
  private drained: (() => void) | undefined;

  constructor(options: WorkQueueOptions) {
    this.options = options;
  }

  /** Keys that wait for a worker. */
  get depth(): number {
    return this.ready.size;
  }

  /** How long the oldest key has been waiting for a worker. */
  get oldestMs(): number {
    const [first] = this.ready.values();
    return first === undefined ? 0 : this.options.monotonicMs() - first;
  }

  add(key: string): void {
    if (this.stopped) return;
    this.cancelTimer(key);
    if (this.working.has(key)) {
      this.again.add(key);
      return;
    }
    if (!this.ready.has(key)) this.ready.set(key, this.options.monotonicMs());
    this.dispatch();
  }

  addAfter(key: string, afterMs: number): void {
    if (this.stopped) return;
    if (afterMs <= 0) return this.add(key);
    const atMs = this.options.monotonicMs() + afterMs;
    const pending = this.timers.get(key);
    if (pending !== undefined && pending.atMs <= atMs) return;
    this.cancelTimer(key);
    const timer = setTimeout(
      () => {
        this.timers.delete(key);
        this.add(key);
      },
      Math.min(afterMs, 2 ** 31 - 1),
    );
    this.timers.set(key, { timer, atMs });
  }

  /** Takes no more work and resolves when what is being worked on is done. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.ready.clear();
    for (const key of this.timers.keys()) this.cancelTimer(key);
    if (this.working.size === 0) return;
    await new Promise<void>((resolve) => {
      this.drained = resolve;
    });
  }

  private cancelTimer(key: string): void {
    const pending = this.timers.get(key);
    if (pending === undefined) return;
    clearTimeout(pending.timer);
    this.timers.delete(key);
  }

  private dispatch(): void {
    while (!this.stopped && this.working.size < this.options.concurrency) {
      const [entry] = this.ready;
      if (entry === undefined) return;
      const [key, sinceMs] = entry;
      this.ready.delete(key);
      this.working.add(key);
      this.options.onWaited?.(this.options.monotonicMs() - sinceMs);
      void this.process(key);
    }
  }

  private async process(key: string): Promise<void> {
    let afterMs: number | undefined;
    let failed = false;
    try {
      const result = await this.options.work(key);
      this.failures.delete(key);
      afterMs = result?.afterMs;
    } catch (error) {
      failed = true;
      const failures = (this.failures.get(key) ?? 0) + 1;
      this.failures.set(key, failures);
      const { random } = this.options;
      afterMs =
        50 + jitteredBackoffMs(failures, { firstMs: firstRetryMs, longestMs: longestRetryMs, random });
      this.options.onError(key, error);
    }
    this.working.delete(key);
    // What came in while the work failed may well be an echo of that work: it waits its turn too.
    if (this.again.delete(key) && !failed) this.add(key);
    else if (afterMs !== undefined) this.addAfter(key, afterMs);
    if (this.stopped && this.working.size === 0) this.drained?.();
    this.dispatch();
  }
}
