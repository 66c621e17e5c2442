// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { listed } from '../../src/api/listed.ts';

test.each([
  [['a', 'b'], {}, 'a, b'],
  [['a', 'b'], { total: 39 }, 'a, b … and 37 more'],
  [['aaaa', 'bbbb', 'cccc', 'dddd'], { separator: '; ', room: 18 }, 'aaaa … and 3 more'],
  [['abcdefghijklmnopq', 'b'], { room: 16 }, 'ab… … and 1 more'],
  [['abcdefghij'], { room: 5 }, 'abcd…'],
] as const)('%j with %j is "%s"', (items, listing, text) => {
  expect(listed(items, listing)).toBe(text);
});

test('names what fits, in its order, counts the rest, and is never longer than there is room', () => {
  const items = fc.array(fc.stringMatching(/^[a-z]{1,30}$/u), { minLength: 1, maxLength: 20 });
  const property = fc.property(
    items,
    fc.nat({ max: 1e9 }),
    fc.integer({ min: 60, max: 400 }),
    (names, more, room) => {
      const text = listed(names, { total: names.length + more, room });
      expect(text.length).toBeLessThanOrEqual(room);
      const [, shown = '', left = '0'] = /^(.*?)(?: … and (\d+) more)?$/u.exec(text) ?? [];
      const first = shown.split(', ');
      expect(first).toEqual(names.slice(0, first.length));
      expect(first.length + Number(left)).toBe(names.length + more);
      const next = names[first.length];
      if (next !== undefined)
        expect(text.length + 2 + next.length, 'no room for one more').toBeGreaterThan(room);
    },
  );
  fc.assert(property);
});

test('an empty list is refused', () => {
  expect(() => listed([])).toThrow(RangeError);
});
