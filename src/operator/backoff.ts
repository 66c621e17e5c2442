// SPDX-License-Identifier: Apache-2.0

export interface BackoffOptions {
  readonly firstMs: number;
  readonly longestMs: number;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Exponential with full jitter: after the n-th failure in a row anything from nothing to first × 2^(n-1), bounded. */
export function jitteredBackoffMs(failures: number, { firstMs, longestMs, random }: BackoffOptions): number {
  return random() * Math.min(longestMs, firstMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
}
