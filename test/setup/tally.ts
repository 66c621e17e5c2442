// SPDX-License-Identifier: Apache-2.0
import type { TestModule, Vitest } from 'vitest/node';

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * Counts tests. What keeps tests from being seen at all (a file that does not load, a failing hook, an unhandled error, a
 * test that never ended) is a failure of its own, so that nothing can go wrong and still read as "0 failed".
 */
export function tallyOf(vitest: Vitest): Tally {
  const total = { passed: 0, failed: vitest.state.getUnhandledErrors().length, skipped: 0 };
  for (const module of vitest.state.getTestModules()) {
    const { passed, failed, skipped } = tallyOfModule(module);
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  return total;
}

function tallyOfModule(module: TestModule): Tally {
  const tally = { passed: 0, failed: module.errors().length, skipped: 0 };
  for (const suite of module.children.allSuites()) tally.failed += suite.errors().length;
  for (const test of module.children.allTests()) {
    const { state } = test.result();
    tally[state === 'pending' ? 'failed' : state] += 1;
  }
  const ended = module.state() === 'passed' || module.state() === 'skipped';
  if (!ended && tally.failed === 0) tally.failed = 1;
  return tally;
}

/** `3 passed, 0 failed`, and `, 2 skipped` when there are any. */
export function summaryLine(tally: Tally): string {
  const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : '';
  return `${tally.passed} passed, ${tally.failed} failed${skipped}`;
}
