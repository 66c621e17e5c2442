// SPDX-License-Identifier: Apache-2.0

/** Why a run is stopped from outside. `shutdown` leaves it Running for takeover; the others end it as Cancelled. */
export class RunStop extends Error {
  readonly kind: 'shutdown' | 'cancelled';

  constructor(kind: 'shutdown' | 'cancelled', message: string) {
    super(message);
    this.name = 'RunStop';
    this.kind = kind;
  }
}

export interface TimeLimits {
  readonly softMs: number;
  readonly hardMs: number;
}

/**
 * The two time limits of an attempt. `softReached` is asked between pages; the signal fires at the hard limit and
 * whenever the caller's own signal does. Dispose it when the attempt ends.
 */
export function startTimeLimits(limits: TimeLimits, outer: AbortSignal, monotonicMs: () => number) {
  const startedMs = monotonicMs();
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(
      new RunStop('cancelled', `the hard time limit of ${limits.hardMs / 1000} s was reached`),
    );
  }, limits.hardMs);
  return {
    signal: AbortSignal.any([outer, controller.signal]),
    softReached: () => monotonicMs() - startedMs >= limits.softMs,
    /** What is left until the soft limit: no wait inside a run may be longer. */
    remainingMs: () => Math.max(0, limits.softMs - (monotonicMs() - startedMs)),
    [Symbol.dispose]() {
      clearTimeout(timer);
    },
  };
}
