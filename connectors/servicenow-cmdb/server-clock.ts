// SPDX-License-Identifier: Apache-2.0
import { toStored } from './stored-time.ts';

/** The window ends this long before the server's now, so that transactions under way are not cut off. */
const settleMs = 60_000;

/**
 * The instance's own time, as the first good answer tells it: a proxy that answers in its place has another clock. All windows
 * of a run end at the same time, that of the first question.
 */
export class ServerClock {
  private readonly ownNow: () => Date;
  private told: Date | undefined;
  private fixed: Date | undefined;

  constructor(ownNow: () => Date) {
    this.ownNow = ownNow;
  }

  /** Takes the Date of a good answer. */
  tell(date: string | undefined): void {
    const time = new Date(date ?? '');
    if (!Number.isNaN(time.getTime())) this.told ??= time;
  }

  /** False while only our own clock could be asked. */
  get isKnown(): boolean {
    return this.told !== undefined || this.fixed !== undefined;
  }

  /** Now, as stored. */
  get now(): string {
    return toStored(this.fixedNow());
  }

  /** Upper end of the windows of this run, as stored. */
  get until(): string {
    return toStored(new Date(this.fixedNow().getTime() - settleMs));
  }

  private fixedNow(): Date {
    this.fixed ??= this.told ?? this.ownNow();
    return this.fixed;
  }
}
