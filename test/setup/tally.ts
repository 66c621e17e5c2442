// SPDX-License-Identifier: Apache-2.0
import type { TestModule, Vitest } from 'vitest/node';

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  /** Why each skipped test was: its own reason, or an empty text where it gave none. */
  readonly skipped: readonly string[];
}

/**
 * Counts tests. What keeps tests from being seen at all (a file that does not load, a failing hook, an unhandled error, a
 * test that never ended) is a failure of its own, so that nothing can go wrong and still read as "0 failed".
 */
export function tallyOf(vitest: Vitest): Tally {
  const modules = vitest.state.getTestModules().map(tallyOfModule);
  const unhandled = vitest.state.getUnhandledErrors().length;
  return {
    passed: modules.reduce((sum, { passed }) => sum + passed, 0),
    failed: modules.reduce((sum, { failed }) => sum + failed, unhandled),
    skipped: modules.flatMap(({ skipped }) => skipped),
  };
}

function tallyOfModule(module: TestModule): Tally {
  const tally = { passed: 0, failed: module.errors().length, skipped: [] as string[] };
  for (const suite of module.children.allSuites()) tally.failed += suite.errors().length;
  for (const test of module.children.allTests()) {
    const result = test.result();
    if (result.state === 'skipped') tally.skipped.push(result.note ?? '');
    else tally[result.state === 'passed' ? 'passed' : 'failed'] += 1;
  }
  const ended = module.state() === 'passed' || module.state() === 'skipped';
  if (!ended && tally.failed === 0) tally.failed = 1;
  return tally;
}

/** The last line is `3 passed, 0 failed`; what was skipped is told on a line before it, with the reasons. */
export function summary({ passed, failed, skipped }: Tally): string {
  const reasons = [...new Set(skipped)].filter((reason) => reason !== '').join('; ');
  const told = reasons === '' ? '' : `: ${reasons}`;
  const before = skipped.length > 0 ? `${skipped.length} skipped${told}\n` : '';
  return `${before}${passed} passed, ${failed} failed`;
}
