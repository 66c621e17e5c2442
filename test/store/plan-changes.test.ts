// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { tableOf } from '../../src/inventory/columns.ts';
import { changesOf, shown } from '../../src/store/sql/plan-changes.ts';

const assets = tableOf('Asset');
const record = (columns: object, attributes: object = {}) =>
  ({ externalId: 'a', columns: { name: 'a', class: 'host', ...columns }, attributes }) as never;
const row = (given: object = {}) => ({
  external_id: 'a',
  name: 'a',
  class: 'host',
  attributes: '{}',
  ...given,
});

describe('the fields in which a record differs from its row', () => {
  test.each([
    ['nothing', row(), record({}), []],
    ['a name', row(), record({ name: 'b' }), [{ field: 'name', before: 'a', after: 'b' }]],
    [
      'a text that was none',
      row({ serial_number: null }),
      record({ serialNumber: 'x' }),
      [{ field: 'serialNumber', before: undefined, after: 'x' }],
    ],
    [
      'a text that is no more',
      row({ serial_number: 'x' }),
      record({}),
      [{ field: 'serialNumber', before: 'x', after: undefined }],
    ],
    [
      'the same time in another form',
      row({ last_discovered_at: new Date(0) }),
      record({ lastDiscoveredAt: '1970-01-01T00:00:00Z' }),
      [],
    ],
    [
      'a time',
      row({ last_discovered_at: '1970-01-01T00:00:00.000Z' }),
      record({ lastDiscoveredAt: '1970-01-01T00:00:01Z' }),
      [{ field: 'lastDiscoveredAt', before: '1970-01-01T00:00:00.000Z', after: '1970-01-01T00:00:01.000Z' }],
    ],
    [
      'a row that was deleted comes back',
      row({ deleted_at: '2026-01-01T00:00:00.000Z' }),
      record({}),
      [{ field: 'deletedAt', before: '2026-01-01T00:00:00.000Z', after: undefined }],
    ],
    [
      'a row that was withdrawn comes back',
      row({ withdrawn_at: new Date('2026-01-01T00:00:00Z') }),
      record({}),
      [{ field: 'withdrawnAt', before: '2026-01-01T00:00:00.000Z', after: undefined }],
    ],
    [
      'attributes in another order',
      row({ attributes: { x: { b: 1, a: [2] } } }),
      record({}, { x: { a: [2], b: 1 } }),
      [],
    ],
    [
      'attributes as text, by their names',
      row({ attributes: '{"kept":1,"gone":"x","other":[1]}' }),
      record({}, { kept: 1, other: [2], new: true }),
      [
        { field: 'attributes.gone', before: 'x', after: undefined },
        { field: 'attributes.new', before: undefined, after: 'true' },
        { field: 'attributes.other', before: '[1]', after: '[2]' },
      ],
    ],
  ])('%s', (_, before, after, changes) => {
    expect(changesOf(assets, before, after)).toEqual(changes);
  });

  test('are shown cut, free of secrets, without what there is not', () => {
    const redact = (text: string) => text.replaceAll('hunter2', '***');
    expect(shown({ field: 'name', before: `hunter2${'x'.repeat(300)}`, after: undefined }, redact)).toEqual({
      field: 'name',
      before: `***${'x'.repeat(196)}…`,
    });
  });
});
