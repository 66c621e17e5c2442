// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { Compile } from 'typebox/compile';
import { describe, expect, it } from 'vitest';
import { Asset, type AttributeMap, type NormalisedRecord } from '../../src/inventory/kinds.ts';
import { mapped, problems } from './mapping-bench.ts';

describe('a field that is mapped', () => {
  it('is no makeshift any more, and the other columns stay one', () => {
    const makeshift = { columns: ['name', 'managedBy'], whileSame: 'environment' };
    const own = { name: 'id-1', managedBy: 'id-2' };
    const fields = { name: { from: 'n' } };
    const { columns, makeshift: left } = mapped(fields, { n: 'Given' }, own, {}, { makeshift });
    expect(columns).toMatchObject({ name: 'Given', managedBy: 'id-2' });
    expect(left).toEqual({ ...makeshift, columns: ['managedBy'] });
  });

  it('takes the first path that has a value', () => {
    const cost = { environment: { from: ['a', 'b', 'c'] } };
    expect(mapped(cost, { a: '', b: 'B', c: 'C' }).columns).toEqual({ environment: 'B' });
  });

  it('keeps the value of the connector where no path has one, unless there is a default', () => {
    const own = { managedBy: 'Ann' };
    expect(mapped({ managedBy: { from: 'u' } }, {}, own)).toMatchObject({ columns: own, attributes: {} });
    expect(mapped({ managedBy: { from: 'u', default: 'nobody' } }, {}, own)).toMatchObject({
      columns: { managedBy: 'nobody' },
      attributes: { unmapped: { managedBy: 'Ann' } },
    });
  });

  it('is translated by values; one that is not listed keeps the value of the connector, unless there is a default', () => {
    const values = { 117: 'retired', constructor: 'active' };
    const own = { status: 'unknown' } as const;
    const status = (code: string, more: object = {}) =>
      mapped({ status: { from: 'code', values, ...more } }, { code }, own).columns.status;
    expect(['117', '118', 'constructor', 'toString'].map((code) => status(code))).toEqual([
      'retired',
      'unknown',
      'active',
      'unknown',
    ]);
    expect(status('118', { default: 'missing' })).toBe('missing');
  });

  it('may be an attribute, taken from a path or from another attribute', () => {
    const { attributes } = mapped(
      {
        'attributes.floor': { from: 'u_floor' },
        'attributes.copy': { from: 'attributes.rack' },
        'attributes.map': { from: 'attributes.labels', default: 'none' },
        'attributes.a.b': { constant: 'dotted' },
      },
      { u_floor: '3' },
      {},
      { rack: 7, labels: { rack: 'seven' } },
    );
    expect(attributes).toEqual({
      rack: 7,
      labels: { rack: 'seven' },
      floor: '3',
      copy: '7',
      map: 'none',
      'a.b': 'dotted',
    });
  });

  it('keeps what it displaces, of columns and attributes, under a name that is free', () => {
    const record = mapped(
      { name: { from: 'n' }, fqdn: { constant: 'same' }, 'attributes.floor': { constant: '4' } },
      { n: 'new' },
      { name: 'old', fqdn: 'same' },
      { floor: '3', unmapped: 'a field of the vendor' },
    );
    expect(record.columns).toEqual({ name: 'new', fqdn: 'same' });
    expect(record.attributes).toEqual({
      floor: '4',
      unmapped: 'a field of the vendor',
      $unmapped: { name: 'old', 'attributes.floor': '3' },
    });
  });

  it.each<[string, string, string, unknown]>([
    ['a number', 'cpuCount', '16', 16],
    ['true', 'virtual', 'true', true],
    ['1 as true', 'virtual', '1', true],
    ['0 as false', 'virtual', '0', false],
    ['a time with a zone', 'lastDiscoveredAt', '2026-03-01T09:15:00+01:00', '2026-03-01T08:15:00Z'],
    ['a time with a fraction', 'lastDiscoveredAt', '2026-03-01T09:15:00.25Z', '2026-03-01T09:15:00.25Z'],
    ['a time of the vendor', 'lastDiscoveredAt', '20260301', '2026-03-01T00:00:00Z'],
    ['a day', 'purchaseDate', '2024-02-29', '2024-02-29'],
    ['a day of the vendor', 'purchaseDate', '20260301', '2026-03-01'],
    ['midnight as a day', 'purchaseDate', '2026-03-01T00:00:00Z', '2026-03-01'],
  ])('takes %s', (_, column, text, expected) => {
    expect(mapped({ [column]: { from: 'x' } }, { x: text }).columns).toEqual({ [column]: expected });
  });

  it.each([
    ['cpuCount', '1.5', 'is no whole number of 0 or more'],
    ['cpuCount', '-1', 'is no whole number of 0 or more'],
    ['cpuCount', '007', 'is no whole number of 0 or more'],
    ['cpuCount', '99999999999999999', 'is no whole number of 0 or more'],
    ['virtual', 'yes', 'is neither true nor false'],
    ['status', 'gone', 'is none of planned, ordered,'],
    ['lastDiscoveredAt', '2026-02-31T00:00:00Z', 'is no time'],
    ['lastDiscoveredAt', '2026-04-02', 'is no time'],
    ['purchaseDate', '2026-03-01T08:00:00Z', 'is no date'],
    ['purchaseDate', '2026-02-30', 'is no date'],
    ['name', 'n'.repeat(1025), 'is longer than 1024 characters'],
  ])('%s does not take %j, says which field of the spec it is, and not the value', (column, text, reason) => {
    const field = `spec.mapping.assets.${column}`;
    let thrown: unknown;
    try {
      mapped({ [column]: { from: 'x' } }, { x: text });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({
      field,
      message: expect.stringContaining(`${field}: the value of x ${reason}`),
    });
    if (text.length > 4) expect((thrown as Error).message).not.toContain(text);
  });

  it('fits the schema of its record, and nothing of the record is lost, whatever is mapped', () => {
    const check = Compile(Asset);
    const text = fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.constantFrom('1', 'true', 'retired', '2026-03-01', '20260301'),
    );
    const target = fc.constantFrom(
      'name',
      'status',
      'cpuCount',
      'virtual',
      'purchaseDate',
      'lastDiscoveredAt',
      'attributes.x',
      'attributes.name',
    );
    const fields = fc.dictionary(
      target,
      fc.record({ from: fc.constantFrom('a', 'b', ['b', 'a'], 'attributes.x') }),
    );
    const own = { name: 'own', status: 'active', cpuCount: 2 } as const;
    const attributes = { x: 'raw', name: 'other' };
    fc.assert(
      fc.property(fields, fc.dictionary(fc.constantFrom('a', 'b'), text), (given, row) => {
        let record: NormalisedRecord<'Asset'>;
        try {
          record = mapped(given, row, own, attributes);
        } catch (error) {
          expect(error).toHaveProperty('field');
          return;
        }
        expect(check.Check(record.columns)).toBe(true);
        const displaced = (record.attributes['unmapped'] ?? {}) as AttributeMap;
        for (const [name, value] of Object.entries(own))
          expect([record.columns[name as keyof typeof own], displaced[name]]).toContain(value);
        for (const [name, value] of Object.entries(attributes))
          expect([record.attributes[name], displaced[`attributes.${name}`]]).toContain(value);
      }),
    );
  });
});

describe('a mapping is refused', () => {
  it.each<[string, unknown, RegExp]>([
    [
      'for a stream that is not there',
      { servers: { name: { constant: 'x' } } },
      /^spec\.mapping\.servers: fake has no stream.*assets, users/u,
    ],
    [
      'for a field that is not there',
      { assets: { costCentre: { constant: 'x' } } },
      /^spec\.mapping\.assets\.costCentre: Asset has no such field.*attributes\.costCentre, or one of name, type/u,
    ],
    [
      'for the id',
      { assets: { externalId: { constant: 'x' } } },
      /^spec\.mapping\.assets\.externalId: names the record/u,
    ],
    [
      'for an end of a relation',
      { relationships: { parentId: { constant: 'x' } } },
      /^spec\.mapping\.relationships\.parentId: Relationship has no such field/u,
    ],
    [
      'for a member',
      { memberships: { memberId: { constant: 'x' } } },
      /memberId: Membership has no such field/u,
    ],
    [
      'for an attribute without a name',
      { assets: { 'attributes.': { constant: 'x' } } },
      /no name of an attribute/u,
    ],
    [
      'for the place of displaced values',
      { assets: { 'attributes.unmapped': { constant: 'x' } } },
      /use another name/u,
    ],
    [
      'without a source',
      { assets: { name: { default: 'x' } } },
      /^spec\.mapping\.assets\.name: has neither from, expression nor constant/u,
    ],
    ['with two', { assets: { name: { from: 'a', constant: 'x' } } }, /give constant alone/u],
    [
      'with values of a constant',
      { assets: { status: { constant: 'active', values: { a: 'active' } } } },
      /give constant alone/u,
    ],
    [
      'with a value that the field does not take',
      { assets: { status: { from: 'a', values: { 117: 'gone' } } } },
      /^spec\.mapping\.assets\.status\.values\.117: "gone" is none of planned/u,
    ],
    [
      'with such a default',
      { assets: { cpuCount: { from: 'a', default: 'many' } } },
      /^spec\.mapping\.assets\.cpuCount\.default: "many" is no whole number/u,
    ],
    [
      'with such a constant',
      { users: { active: { constant: 'yes' } } },
      /^spec\.mapping\.users\.active\.constant: "yes" is neither/u,
    ],
    [
      'with a path that the connector does not know',
      { assets: { name: { from: ['a', 'b!'] } } },
      /^spec\.mapping\.assets\.name\.from\[1\]: "b!" has a mark/u,
    ],
    [
      'with an empty list',
      { assets: { name: { from: [] } } },
      /^spec\.mapping\.assets\.name\.from: is not of the right form/u,
    ],
    ['with too long a list', { assets: { name: { from: 'abcdefghi'.split('') } } }, /list of at most 8/u],
    ['with a path that is no text', { assets: { name: { from: 3 } } }, /from: is not of the right form/u],
    ['with a list in a list', { assets: { name: { from: [['a']] } } }, /from: is not of the right form/u],
    ['with too long a path', { assets: { name: { from: 'a'.repeat(257) } } }, /1 to 256 characters/u],
  ])('%s', (_, mapping, said) => {
    expect(problems(mapping)).toEqual([expect.stringMatching(said)]);
  });

  it('with everything that is wrong at once', () => {
    expect(problems({ assets: { name: {}, status: { constant: 'gone' } }, x: {} })).toHaveLength(3);
  });
});
