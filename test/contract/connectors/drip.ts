// SPDX-License-Identifier: Apache-2.0
import { vi } from 'vitest';
import type { RunningSystem } from './harness.ts';

/**
 * Lets the time for one answer be over as soon as an answer has begun that will not end, so that nothing waits. All other answers have as long
 * as they need: on a busy machine a short time would end good ones.
 */
export async function endAnswersThatDrip<Result>(
  system: RunningSystem,
  work: () => Promise<Result>,
): Promise<Result> {
  const running = new Set<AbortController>();
  const timeout = vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => {
    const controller = new AbortController();
    running.add(controller);
    return controller.signal;
  });
  system.watch({
    drip() {
      for (const controller of running) controller.abort(new DOMException('too long', 'TimeoutError'));
      running.clear();
    },
  });
  try {
    return await work();
  } finally {
    timeout.mockRestore();
  }
}
