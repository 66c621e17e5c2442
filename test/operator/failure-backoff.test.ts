// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import type { FailureCode } from '../../src/api/failure.ts';
import { backoffMs } from '../../src/operator/failure-backoff.ts';

const minute = 60_000;

test.each<[string, number, number, FailureCode, number]>([
  ['the interval doubles with each failure', 15, 1, 'permission', 30],
  ['the interval doubles with each failure', 15, 3, 'permission', 120],
  ['six hours at most', 15, 9, 'configuration', 360],
  ['or the interval, when that is longer', 1440, 2, 'configuration', 1440],
  ['a refused password waits until a directory has forgotten the one before', 1, 1, 'credentials', 31],
  ['a refused password waits until a directory has forgotten the one before', 5, 2, 'credentials', 31],
  ['and for a growing time beyond that', 15, 2, 'credentials', 60],
  ['other refusals are asked again sooner', 1, 1, 'permission', 2],
])('%s', (_, everyMinutes, failures, code, minutes) => {
  expect(backoffMs(everyMinutes * minute, failures, code)).toBe(minutes * minute);
});
