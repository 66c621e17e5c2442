// SPDX-License-Identifier: Apache-2.0
import pRetry, { AbortError } from 'p-retry';
import { OutOfTime, type AccountBudget, type BudgetClock } from './budget.ts';
import { asFailure, Failure } from './failure.ts';

const firstBackoffMs = 1_000;
const longestBackoffMs = 60_000;

/** Our own wait after a failed attempt (the first is 1): growing, with full jitter. `random` gives numbers in [0, 1). */
export function backoffMs(attempt: number, random: () => number): number {
  return random() * Math.min(longestBackoffMs, firstBackoffMs * 2 ** (attempt - 1));
}

export interface RetryOptions {
  readonly maxRetries: number;
  readonly signal: AbortSignal;
  readonly remainingMs: () => number;
  readonly budget: AccountBudget;
  readonly clock: BudgetClock;
  readonly random: () => number;
}

/** It was tried as often as allowed already; whoever needed it (a request its token) does not begin again. */
export class OutOfTries extends Failure {}

/** Tries again what is transient, as often as allowed, with waits that fit into the run. Throws a Failure. */
export async function retrying<T>(work: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  try {
    return await pRetry((attempt) => work(attempt).catch(final), {
      retries: options.maxRetries,
      // The waiting is ours: a paused account comes first, and no wait may outlast the run.
      minTimeout: 0,
      maxTimeout: 0,
      signal: options.signal,
      onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
        if (retriesLeft > 0) await waitFor(asFailure(error), attemptNumber, options);
      },
    });
  } catch (error) {
    if (options.signal.aborted)
      throw new Failure('cancelled', 'the run was stopped', { cause: options.signal.reason });
    throw asFailure(error);
  }
}

/** Failures that another try cannot mend end the retries at once. */
function final(error: unknown): never {
  const failure = asFailure(error);
  const transient = failure.code === 'unavailable' || failure.code === 'throttled';
  if (transient && !(failure instanceof OutOfTime) && !(failure instanceof OutOfTries)) throw failure;
  throw new AbortError(failure);
}

async function waitFor(failure: Failure, attempt: number, options: RetryOptions): Promise<void> {
  const pausedMs = options.budget.pausedForMs;
  // A throttled account is paused for at least our own wait already.
  const ownMs = failure.code === 'throttled' ? 0 : backoffMs(attempt, options.random);
  const waitMs = Math.max(pausedMs, ownMs);
  if (waitMs > options.remainingMs()) {
    const message = `${failure.message}; the next try is in ${Math.ceil(waitMs / 1000)} s, later than this run may last`;
    throw new OutOfTime(failure.code, message, { cause: failure });
  }
  // A longer pause is waited, and counted, where everybody on the account waits.
  if (ownMs > pausedMs) await options.clock.sleep(ownMs, options.signal);
}
