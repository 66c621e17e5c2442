// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { failureCodes } from '../../src/api/failure.ts';
import { isVerdict } from '../../src/sync/plan-run.ts';

test.each(['Incremental', 'Full', 'Test'] as const)(
  'whatever ends a connected %s run is a verdict',
  (mode) => {
    for (const code of [undefined, ...failureCodes]) expect(isVerdict(mode, true, code)).toBe(true);
  },
);

test('the end of a connected plan is one when it succeeded or failed by the connection', () => {
  const verdicts = failureCodes.filter((code) => isVerdict('Plan', true, code));
  expect(verdicts.toSorted()).toEqual(['credentials', 'permission', 'throttled', 'unavailable']);
  expect(isVerdict('Plan', true, undefined)).toBe(true);
});

test.each(['Incremental', 'Plan', 'Test'] as const)(
  'a %s run that did not connect says so, unless it was stopped',
  (mode) => {
    const silent = failureCodes.filter((code) => !isVerdict(mode, false, code));
    expect(silent).toEqual(['cancelled']);
  },
);
