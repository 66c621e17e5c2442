// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';

type Falsy = false | 0 | 0n | '' | null | undefined;

export interface WaitOptions {
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
  /** Ends the waiting; its reason is thrown. */
  readonly signal?: AbortSignal;
}

/**
 * Asks until the probe gives a truthy value, and returns that value. A probe that throws counts as "not yet"; its last
 * error is in the message, and the cause, of the error that a timeout throws. A probe that hangs does not outlive the timeout.
 */
export async function waitFor<T>(
  description: string,
  probe: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<Exclude<T, Falsy>> {
  const { timeoutMs = 60_000, intervalMs = 50, signal } = options;
  const deadline = performance.now() + timeoutMs;
  let last = 'it was never asked';
  let cause: unknown;
  while (performance.now() < deadline) {
    try {
      const value = await within(probe, deadline - performance.now(), signal);
      if (isTruthy(value)) return value;
      last = `the last answer was ${String(value)}`;
      cause = undefined;
    } catch (error) {
      signal?.throwIfAborted();
      last = `the last error was: ${error instanceof Error ? error.message : String(error)}`;
      cause = error;
    }
    await delay(Math.min(intervalMs, Math.max(0, deadline - performance.now())), undefined, { signal }).catch(
      () => signal?.throwIfAborted(),
    );
  }
  throw new Error(`timed out after ${timeoutMs} ms waiting for ${description}; ${last}`, { cause });
}

async function within<T>(
  probe: () => T | Promise<T>,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<T> {
  const stop = new AbortController();
  const ends = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
  const timeout = delay(ms, undefined, { signal: ends }).then(() => {
    throw new Error('the probe did not answer');
  });
  // When the probe answers first, the abort below makes the timer reject with nobody left to hear it.
  timeout.catch(() => undefined);
  try {
    return await Promise.race([probe(), timeout]);
  } finally {
    stop.abort();
  }
}

function isTruthy<T>(value: T): value is Exclude<T, Falsy> {
  return Boolean(value);
}

/** Looks again and again for so long; fails as soon as what must not happen has happened. Throws when it did. */
export async function stays(
  what: string,
  holds: () => Promise<boolean>,
  { forMs, intervalMs = 200 }: { readonly forMs: number; readonly intervalMs?: number },
): Promise<void> {
  const untilMs = performance.now() + forMs;
  do {
    if (!(await holds())) throw new Error(`${what} did not stay so`);
    await delay(intervalMs);
  } while (performance.now() < untilMs);
}
