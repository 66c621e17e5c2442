// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bounded, boundedName } from '../../src/api/bounded.ts';

const scopeOf = (role: string, id = '62e90394-69f5-4237-9190-012177145e10') =>
  `directoryRole ${id} (eligible): ${role}`;

describe('a name that has to fit', () => {
  test.each([
    ['fits', 'group g1: x', 'group g1: x'],
    ['fits just', scopeOf('x'), scopeOf('x')],
    [
      'is too long: what it begins and ends with stays',
      scopeOf('payroll-admin'),
      expect.stringMatching(/^directoryRole 62e9…[0-9a-f]{6}…[0-9a-f]{12} \(eligible\): payroll-admin$/u),
    ],
  ])('%s', (_, name, shown) => {
    expect(boundedName(name, 64)).toEqual(shown);
  });

  test('is told apart from another one, whichever part they differ in', () => {
    const names = [
      scopeOf('payroll-admin'),
      scopeOf('payroll-admin', '62e90394-69f5-4237-9190-012177145e11'),
      scopeOf('payroll-admin', '62e90394-0000-4237-9190-012177145e10'),
      scopeOf('a'.repeat(60)),
      scopeOf(`b${'a'.repeat(59)}`),
    ];
    expect(new Set(names.map((name) => boundedName(name, 64))).size).toBe(names.length);
  });

  test('has room and is well-formed, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 200 }),
        fc.integer({ min: 16, max: 64 }),
        (name, room) => {
          for (const shown of [boundedName(name, room), bounded(name, room)]) {
            expect(shown.length).toBeLessThanOrEqual(room);
            expect(shown.isWellFormed()).toBe(true);
          }
        },
      ),
    );
  });
});
