// SPDX-License-Identifier: Apache-2.0

/** A clock whose waiting takes no time, and is noted. */
export function fastClock() {
  let timeMs = 0;
  const slept: number[] = [];
  return {
    slept,
    monotonicMs: () => timeMs,
    async sleep(ms: number, signal: AbortSignal) {
      signal.throwIfAborted();
      slept.push(ms);
      timeMs += ms;
    },
  };
}

/** A clock that stands still until the test moves it. */
export function handClock() {
  let timeMs = 0;
  const sleepers = new Set<{ readonly untilMs: number; readonly wake: () => void }>();
  return {
    monotonicMs: () => timeMs,
    sleeping: () => sleepers.size,
    sleep: (ms: number, signal: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        const sleeper = { untilMs: timeMs + ms, wake: resolve };
        sleepers.add(sleeper);
        signal.addEventListener('abort', () => {
          sleepers.delete(sleeper);
          reject(signal.reason as Error);
        });
      }),
    advance(ms: number) {
      timeMs += ms;
      for (const sleeper of sleepers) {
        if (sleeper.untilMs > timeMs) continue;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
    },
  };
}
