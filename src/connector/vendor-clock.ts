// SPDX-License-Identifier: Apache-2.0

/** One answer of the vendor, between whose sending and coming its Date (or a directory's currentTime) was written. */
export interface DatedAnswer {
  readonly date: Date;
  readonly sentAt: Date;
  readonly receivedAt: Date;
}

/** A Date names whole seconds, and leaves out the rest. */
const dateResolutionMs = 1_000;

/** How far the vendor's clock is ahead of ours (negative: behind), in milliseconds: a range, since nobody knows when on the way it was read. */
export interface ClockOffset {
  readonly leastMs: number;
  readonly mostMs: number;
}

export function offsetOf({ date, sentAt, receivedAt }: DatedAnswer): ClockOffset {
  return {
    leastMs: date.getTime() - receivedAt.getTime(),
    mostMs: date.getTime() + dateResolutionMs - sentAt.getTime(),
  };
}

/** What the answers of each origin say of its clock; of all the one that was shortest on its way. */
export class VendorClocks {
  private readonly best = new Map<string, DatedAnswer>();

  /** Of a good answer: what refuses may be a proxy, which has a clock of its own, and so has a cache, which tells the age of what it gives. */
  note(origin: string, headers: ReadonlyMap<string, string>, sentAt: Date, receivedAt: Date): void {
    const date = new Date(headers.get('date') ?? '');
    if (Number.isNaN(date.getTime()) || Number(headers.get('age') ?? 0) > 0) return;
    this.noteAnswer(origin, { date, sentAt, receivedAt });
  }

  noteAnswer(origin: string, answer: DatedAnswer): void {
    const before = this.best.get(origin);
    if (before === undefined || durationMs(answer) < durationMs(before)) this.best.set(origin, answer);
  }

  /** Undefined when no good answer of this origin had a usable Date. */
  of(origin: string): DatedAnswer | undefined {
    return this.best.get(origin);
  }
}

function durationMs({ sentAt, receivedAt }: DatedAnswer): number {
  return receivedAt.getTime() - sentAt.getTime();
}
