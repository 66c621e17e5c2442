// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { ApiError } from '../../src/operator/api-error.ts';

const answer = (message: string) =>
  ApiError.fromAnswer(422, JSON.stringify({ kind: 'Status', reason: 'Invalid', message }), {}).message;
const denial = (policy: string) =>
  `syncruns "a" is forbidden: ValidatingAdmissionPolicy '${policy}' with binding '${policy}' denied request: leave it out`;

test('an account that our own policy does not let in is told what to set', () => {
  expect(answer(denial('external-system-operator-runs'))).toMatch(
    /leave it out \(asked by this program: .*admissionPolicy\.extraOperators of the chart/u,
  );
});

test('what another policy refuses is given as it is', () => {
  expect(answer(denial('nobody-makes-runs'))).toBe(`API server: 422 Invalid: ${denial('nobody-makes-runs')}`);
});
