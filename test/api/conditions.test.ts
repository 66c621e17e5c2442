// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { mergeConditions, type Verdict } from '../../src/api/conditions.ts';

const verdict: Verdict = { type: 'Ready', status: 'True', reason: 'Connected', message: '' };
const at = new Date('2026-03-01T10:00:00.700Z');

test('a message is cut between characters, with a mark where it was cut', () => {
  const [ready] = mergeConditions([], [{ ...verdict, message: '🙂'.repeat(600) }], 1, at);
  expect(ready?.message).toMatch(/…$/u);
  expect(ready?.message.length).toBeLessThanOrEqual(1024);
  expect(ready?.message.isWellFormed()).toBe(true);
});

test('the time of a transition moves only with the status', () => {
  const first = mergeConditions([], [verdict], 1, at);
  const later = new Date('2026-03-01T11:00:00Z');
  expect(mergeConditions(first, [{ ...verdict, reason: 'Suspended' }], 2, later)).toMatchObject([
    { reason: 'Suspended', observedGeneration: 2, lastTransitionTime: '2026-03-01T10:00:00Z' },
  ]);
  expect(mergeConditions(first, [{ ...verdict, status: 'False' }], 2, later)).toMatchObject([
    { lastTransitionTime: '2026-03-01T11:00:00Z' },
  ]);
});
