// SPDX-License-Identifier: Apache-2.0
/** Pages above this are made smaller when the server cuts its answer; at or below it the answer is asked for again. */
export const minPageSize = 50;

/**
 * How many rows are asked for at a time. ServiceNow cancels a transaction after 60 s, and what was too much once is too much for
 * the next table too, so all readings of a run share a size that only shrinks.
 */
export class PageSize {
  private readonly configured: number;
  private current: number;

  constructor(rows: number) {
    this.configured = rows;
    this.current = rows;
  }

  get rows(): number {
    return this.current;
  }

  /** The next smaller size after an answer in that size was cut; undefined when there is none. */
  below(limit: number): number | undefined {
    return limit <= minPageSize ? undefined : Math.max(minPageSize, Math.floor(limit / 2));
  }

  /** An answer came whole in that size, after larger ones were cut. */
  shrinkTo(limit: number): void {
    this.current = Math.min(this.current, limit);
  }

  /** For the evidence of a scope: the size, when it is no longer the one that was asked for. */
  get evidence(): { readonly pageSize?: number } {
    return this.current === this.configured ? {} : { pageSize: this.current };
  }
}
