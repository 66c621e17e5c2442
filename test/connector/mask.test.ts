// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { Type } from 'typebox';
import { expect, test } from 'vitest';
import { mask } from '../../src/connector/mask.ts';

const Row = Type.Object({
  id: Type.String(),
  name: Type.Optional(Type.Union([Type.String(), Type.Object({ value: Type.String() })])),
  tags: Type.Optional(Type.Array(Type.Object({ key: Type.String() }))),
});
const anyFields = Type.Record(Type.String(), Type.Unknown());

test.each([
  [
    'a row that its schema knows stays',
    Row,
    { id: 'a', name: { value: 'b' }, tags: [{ key: 'k' }] },
    undefined,
  ],
  ['a scalar of another type stays: it may be what did not fit', Row, { id: 'a', name: 7 }, undefined],
  [
    'a field that the schema does not know',
    Row,
    { id: 'a', x: 'four' },
    { id: 'a', x: '(text of 4 characters)' },
  ],
  ['an object where a text belongs', Row, { id: { a: 'b' } }, { id: '(object of 1 fields)' }],
  ['a field within', Row, { name: { value: 'v', x: [1] } }, { name: { value: 'v', x: '(list of 1)' } }],
  ['a field within a list', Row, { tags: [{ x: true }] }, { tags: [{ x: '(boolean)' }] }],
  ['a list where a text belongs', Row, { id: ['a'] }, { id: '(list of 1)' }],
  ['a row that is none', Row, 'text', '(text of 4 characters)'],
  ['a record keeps what it does not name', anyFields, { a: { b: ['c'] } }, undefined],
  ['a secret by name', anyFields, { a: { password: 'c' } }, { a: { password: '(text of 1 characters)' } }],
])('%s', (_, schema, raw, masked) => {
  expect(mask(raw, schema, (name) => name === 'password')).toEqual({
    value: masked ?? raw,
    whole: masked === undefined,
  });
});

test('no text under an unknown field is ever kept', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const { value: kept } = mask({ id: 'a', unknown: { canary: 'hunter2hunter2', value } }, Row);
      expect(JSON.stringify(kept)).not.toContain('hunter2hunter2');
    }),
  );
});
