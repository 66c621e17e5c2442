// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { expect, test } from 'vitest';
import { reasonOf } from '../../src/connector/reason.ts';

const definition = {
  row: Type.Object({
    id: Type.String(),
    pin: Type.Optional(Type.String()),
    size: Type.Optional(Type.String()),
  }),
  secretField: (name: string) => name === 'pin',
};
const raw = {
  id: 'a',
  size: 'large',
  pin: '12',
  token: { deep: 'canary "of" mine' },
  list: ['canary', 4711],
};

test.each([
  [new Error('size large does not fit'), 'size large does not fit'],
  [new Error('12 is no pin, 120 neither'), '(text of 2 characters) is no pin, 120 neither'],
  [new Error('cannot read canary "of" mine'), 'cannot read (text of 16 characters)'],
  [new Error(`cannot read ${JSON.stringify(raw.token)}`), 'cannot read {"deep":"(text of 18 characters)"}'],
  [new Error('canary, 4711'), '(text of 6 characters), (text of 4 characters)'],
  [
    new SyntaxError('Unexpected token \'c\', "canary" is not valid JSON'),
    'reading it failed with SyntaxError',
  ],
  [new TypeError('can is no function'), 'reading it failed with TypeError'],
  ['canary', '(text of 6 characters)'],
])('%s is told as %s', (error, told) => {
  expect(reasonOf(error, raw, definition)).toBe(told);
});
