// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  byEnd,
  factsOfHolding,
  scopeOf,
  withTimes,
  type Holding,
} from '../../../connectors/entra-id/role-holdings.ts';

const holding = (id: string, more: Partial<Holding> = {}): Holding => ({
  ...{ id, principalId: 'P', roleDefinitionId: 'r', directoryScopeId: '/' },
  ...more,
});
const idsOf = (groups: ReturnType<typeof byEnd>) =>
  groups.map((together) => [...together.values()].map(({ id }) => id).toSorted());
const soon = '2026-03-05T00:00:00Z';
const late = '2026-12-31T00:00:00.1234567Z';

describe('holdings by their end', () => {
  test.each<[string, readonly Holding[], readonly (readonly string[])[]]>([
    [
      'the last to end first, that without an end before all',
      [
        holding('a', { endDateTime: soon }),
        holding('b', { endDateTime: null }),
        holding('c', { endDateTime: late }),
      ],
      [['b'], ['c'], ['a']],
    ],
    [
      'times that were never set are no end',
      [holding('a', { endDateTime: late }), holding('b', { endDateTime: '0001-01-01T00:00:00Z' })],
      [['b'], ['a']],
    ],
    [
      'its own before one through a group, of one end',
      [holding('a', { memberType: 'Direct' }), holding('b', { memberType: 'Group' })],
      [['a']],
    ],
    [
      'its own before one through a group, the other way round',
      [holding('a', { memberType: 'Inherited' }), holding('b', { memberType: 'Direct' })],
      [['b']],
    ],
    [
      'one through a group without an end before its own with one',
      [holding('a', { memberType: 'Direct', endDateTime: soon }), holding('b', { memberType: 'Group' })],
      [['b'], ['a']],
    ],
    [
      'the first to begin, of one end',
      [
        holding('a', { startDateTime: '2026-02-01T00:00:00Z' }),
        holding('b', { startDateTime: '2026-01-01T00:00:00Z' }),
      ],
      [['b']],
    ],
    [
      'principals apart, whatever the case of their ids',
      [holding('a'), holding('b', { principalId: 'p' }), holding('c', { principalId: 'Q' })],
      [['a', 'c']],
    ],
  ])('%s', (_, holdings, expected) => {
    expect(idsOf(byEnd(holdings))).toEqual(expected);
  });

  test('are the same whatever the order in which they come', () => {
    const some = fc.record({
      principalId: fc.constantFrom('p', 'q'),
      endDateTime: fc.constantFrom(null, soon, late),
      startDateTime: fc.constantFrom('2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z'),
      memberType: fc.constantFrom('Direct', 'Group'),
    });
    const told = (holdings: readonly Holding[]) =>
      byEnd(holdings).map((together) => Object.fromEntries([...together].map(([who, { id }]) => [who, id])));
    fc.assert(
      fc.property(fc.array(some, { maxLength: 12 }), fc.infiniteStream(fc.nat()), (drawn, order) => {
        const holdings = drawn.map((one, index) => holding(String(index), one));
        const shuffled = holdings
          .map((one) => [order.next().value, one] as const)
          .toSorted(([a], [b]) => a - b)
          .map(([, one]) => one);
        expect(told(shuffled)).toEqual(told(holdings));
      }),
    );
  });
});

test.each<[Partial<Holding>, string]>([
  [{ directoryScopeId: '/' }, '/'],
  [{ directoryScopeId: '/administrativeUnits/u', appScopeId: null }, '/administrativeUnits/u'],
  [{ directoryScopeId: null, appScopeId: '/AccessPackageCatalog/c' }, '/appScope/AccessPackageCatalog/c'],
  [{ directoryScopeId: null, appScopeId: '/' }, '/appScope/'],
  [{ directoryScopeId: '', appScopeId: 'x' }, '/appScope/x'],
])('%j is held in %s', (more, scope) => {
  expect(scopeOf(holding('a', more))).toBe(scope);
});

test.each<Partial<Holding>>([{ directoryScopeId: null }, { directoryScopeId: '', appScopeId: '' }])(
  '%j is held nowhere that is told',
  (more) => {
    expect(() => scopeOf(holding('a', more))).toThrow(/role assignment a: neither/u);
  },
);

test('times are those of the same principal, role and part of the directory, in whatever case', () => {
  const schedule = (id: string, more: Partial<Holding> = {}) => holding(id, { endDateTime: soon, ...more });
  const found = withTimes(
    [holding('a'), holding('b', { principalId: 'Q' })],
    [
      schedule('s1', { principalId: 'p', assignmentType: 'Activated' }),
      schedule('s2', { roleDefinitionId: 'other' }),
      schedule('s3', { directoryScopeId: '/administrativeUnits/u' }),
      schedule('s4', { directoryScopeId: null, appScopeId: '/' }),
    ],
  );
  expect(found.map((one) => [one.id, factsOfHolding(one)])).toEqual([
    ['a', { endsAt: soon, activated: true }],
    ['b', {}],
  ]);
});
