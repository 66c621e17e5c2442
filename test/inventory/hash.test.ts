// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { normalForm } from '../../src/inventory/hash.ts';
import { kinds, type AttributeValue, type NormalisedRecord } from '../../src/inventory/kinds.ts';

type Asset = NormalisedRecord<'Asset'>;

/** What the normal form says in words: the columns in the order of the schema, without empty ones; keys of attributes sorted. */
function asObjects({ columns, attributes }: Asset): unknown {
  const known = columns as Readonly<Record<string, unknown>>;
  const present = Object.keys(kinds.Asset.properties)
    .filter((name) => known[name] !== undefined && known[name] !== null)
    .map((name) => [name, known[name]]);
  return ['Asset', Object.fromEntries(present), attributes];
}

function keysSorted(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  const keys = Array.isArray(value) ? [] : Object.keys(value);
  return keys.join('\n') === keys.toSorted().join('\n') && Object.values(value).every(keysSorted);
}

const words = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('"', '\\', '\n', '\0', '\ud800', '__proto__'),
);
/**
 * No vendor has names that are numbers, which JSON.stringify puts first, or that hold a backslash, which V8's JSON.parse (13.6) takes for
 * another name once it knows an object with a field called "\\".
 */
const fieldNames = words.filter((name) => !/^\d+$|\\/u.test(name));
const { attributes } = fc.letrec<{ value: AttributeValue; attributes: Record<string, AttributeValue> }>(
  (tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      words,
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value')),
      tie('attributes'),
    ),
    attributes: fc.dictionary(fieldNames, tie('value'), { noNullPrototype: false }),
  }),
);
const columns = fc.record(
  { name: words, class: words, cpuCount: fc.integer(), virtual: fc.boolean() },
  { requiredKeys: [] },
);

test('the normal form is the JSON of the record, in one order', () => {
  fc.assert(
    fc.property(columns, attributes, (known, more) => {
      const asset = { externalId: 'a', columns: known, attributes: more } as Asset;
      const form = normalForm('Asset', asset);
      const read: unknown = JSON.parse(form);
      expect(read).toEqual(JSON.parse(JSON.stringify(asObjects(asset))));
      expect(keysSorted((read as unknown[])[2])).toBe(true);
      // Byte for byte what JSON.stringify writes: stored hashes stay true whoever puts the text together.
      expect(form).toBe(JSON.stringify(read));
    }),
  );
});

test('the order in which a source gives fields changes nothing', () => {
  const one = {
    externalId: 'a',
    columns: { name: 'n', class: 'c' },
    attributes: { x: '1', y: { b: '2', a: ['3'] } },
  };
  const other = {
    externalId: 'a',
    columns: { class: 'c', name: 'n' },
    attributes: { y: { a: ['3'], b: '2' }, x: '1' },
  };
  expect(normalForm('Asset', one as Asset)).toBe(normalForm('Asset', other as Asset));
  expect(normalForm('Asset', one as Asset)).toBe(
    '["Asset",{"name":"n","class":"c"},{"x":"1","y":{"a":["3"],"b":"2"}}]',
  );
});
