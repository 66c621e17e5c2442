// SPDX-License-Identifier: Apache-2.0
import type { BudgetClock } from './budget.ts';

/** Measures waits that may overlap: time in which two wait side by side counts once. Each call begins a wait and returns its end. */
export function waitMeter(clock: BudgetClock, onWaited: (ms: number) => void): () => () => void {
  let waits = 0;
  let sinceMs = 0;
  return function begin() {
    if (waits === 0) sinceMs = clock.monotonicMs();
    waits += 1;
    return function end() {
      waits -= 1;
      if (waits === 0) onWaited(clock.monotonicMs() - sinceMs);
    };
  };
}
