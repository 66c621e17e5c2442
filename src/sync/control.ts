// SPDX-License-Identifier: Apache-2.0
import { asFailure, Failure } from '../connector/failure.ts';
import { DatabaseTrouble } from '../store/port.ts';

/** Why a run is stopped from outside. `shutdown` leaves it Running for takeover; the others end it as Cancelled. */
export class RunStop extends Error {
  readonly kind: 'shutdown' | 'cancelled';

  constructor(kind: 'shutdown' | 'cancelled', message: string) {
    super(message);
    this.name = 'RunStop';
    this.kind = kind;
  }
}

/**
 * The failure that a stop from outside ends the run with.
 * @throws the reason itself when the run must not end: shutdown, or a hold that was lost
 */
export function stopFailure(reason: unknown): Failure {
  if (!(reason instanceof RunStop) || reason.kind === 'shutdown') throw reason as Error;
  return new Failure('cancelled', `${reason.message}; the next run goes on from the checkpoint`);
}

/** What ended a run, or a stream of it. A database that cannot be used says itself what is wrong. */
export function failureOf(error: unknown): Failure {
  return error instanceof DatabaseTrouble
    ? new Failure('internal', error.message, { cause: error })
    : asFailure(error);
}

export interface TimeLimits {
  readonly softMs: number;
  readonly hardMs: number;
}

/**
 * The two time limits of an attempt. `softReached` is asked between pages; the signal fires at the hard limit, whenever the
 * caller's own signal does, and when the attempt gives up or is over: nothing of it may go on then.
 */
export function startAttemptClock(limits: TimeLimits, outer: AbortSignal, monotonicMs: () => number) {
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
    /** Ends what is under way upstream, with this reason. */
    giveUp: (reason: unknown) => controller.abort(reason),
    [Symbol.dispose]() {
      clearTimeout(timer);
      controller.abort(new Error('the attempt is over'));
    },
  };
}

export type AttemptClock = ReturnType<typeof startAttemptClock>;
