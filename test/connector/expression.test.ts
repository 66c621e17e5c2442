// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { compileMapping, MappingMisfit } from '../../src/connector/mapping.ts';
import { columns, comesTo, expressionOf, row } from './expression-bench.ts';
import { mapped, streams } from './mapping-bench.ts';

describe('an expression', () => {
  it.each<[string, unknown]>([
    ["row.code.split('-')[1]", 'ber'],
    ["row.code.split('-', 2)[1]", 'ber-12'],
    ["row.code.split('-', 0).join()", undefined],
    ["row.code.split('')[2]", 'D'],
    ['row.code.substring(4)', 'ber-12'],
    ['row.code.substring(4, 7).upperAscii()', 'BER'],
    ['row.code.lowerAscii()', 'prd-ber-12'],
    ["row.code.indexOf('-')", 3],
    ["row.code.lastIndexOf('-')", 7],
    ["row.code.indexOf('nowhere')", -1],
    ["row.code.replace('-', '/')", 'PRD/ber/12'],
    ["'ab'.replace('', '.')", '.a.b.'],
    ["row.code.replace('-', '$&')", 'PRD$&ber$&12'],
    ["row.code.startsWith('PRD') && row.code.endsWith('12')", true],
    ["row.code.contains('ber') ? 'Berlin' : 'elsewhere'", 'Berlin'],
    ["row.code.matches('^[A-Z]{3}-')", true],
    ["row.code.matches('^[a-z]')", false],
    ["row['owner.display'] + ' on floor ' + row.floor", 'Ann on floor 7'],
    ["'owner.display' in row", true],
    ["'empty' in row || has(row.empty)", false],
    ["has(row.empty) ? row.empty : 'none'", 'none'],
    ["row.tags.split(',').map(t, t.trim()).filter(t, t != '').join(';')", 'web;db'],
    ["row.tags.split(',').exists(t, t.trim() == 'db')", true],
    ["row.tags.split(',').map(t, t.trim()).exists(t, t in ['api', 'db'])", true],
    ["'PRD' in row.code.split('-')", true],
    ["size(row.tags.split(','))", 3],
    ['int(row.floor) * 2 + 1', 15],
    ['double(row.floor) / 2.0', 3.5],
    ['int(7.9)', 7],
    ['string(int(row.floor) % 4)', '3'],
    ['bool("true")', true],
    ["{'7': 'seventh'}[row.floor]", 'seventh'],
    ["attributes.rack + '/' + attributes['cold']", '7/true'],
    ["record.status == 'active' && record.virtual", true],
    ['record.cpuCount * 2', 8],
    ['timestamp(row.found)', '2026-03-01T00:00:00Z'],
    ["timestamp(row.found) + duration('90m')", '2026-03-01T01:30:00Z'],
    ["timestamp(record.lastDiscoveredAt) - timestamp(row.found) > duration('8h')", true],
    ['timestamp(row.found).getFullYear()', 2026],
    ['int(timestamp(row.found)) / 86400', 20_513],
    ['string(timestamp(1))', '1970-01-01T00:00:01Z'],
    ['row.emoji.substring(1, 2)', '😀'],
    ["row.emoji.indexOf('a')", 2],
    ['size(row.emoji)', 3],
    ["row.emoji.split('')[1]", '😀'],
    // Without a value: the row has none, or the result is empty.
    ['row.empty', undefined],
    ["row.nowhere + 'x'", undefined],
    ['record.name', undefined],
    ['attributes.labels', undefined],
    ['attributes.nothing', undefined],
    ["row.code.startsWith('X') ? 'x' : ''", undefined],
    ["{'8': 'eighth'}[row.floor]", undefined],
    // What decides does not wait for what is not there, as everywhere in CEL.
    ["row.nowhere == 'x' || row.floor == '7'", true],
    ["row.floor == '7' || row.nowhere == 'x'", true],
    ["row.nowhere == 'x' || row.floor == '8'", undefined],
  ])('%s', (expression, expected) => {
    expect(comesTo(expression)).toEqual(expected);
  });

  it('keeps the value of the connector where it has none, unless there is a default', () => {
    const environment = (more: object) =>
      mapped({ environment: expressionOf('row.empty', more) }, row, { environment: 'own' }).columns;
    expect(environment({})).toEqual({ environment: 'own' });
    expect(environment({ default: 'other' })).toEqual({ environment: 'other' });
  });

  it('is translated by values, also what is no text; one that is not listed keeps the value of the connector', () => {
    const status = (expression: string, more: object = {}) =>
      mapped(
        {
          status: expressionOf(expression, {
            values: { PRD: 'active', 14: 'retired', true: 'missing' },
            ...more,
          }),
        },
        row,
        { status: 'unknown' },
      ).columns.status;
    expect(status("row.code.split('-')[0]")).toBe('active');
    expect(status('int(row.floor) * 2')).toBe('retired');
    expect(status('has(row.code)')).toBe('missing');
    expect(status("row.code.split('-')[1]")).toBe('unknown');
    expect(status("row.code.split('-')[1]", { default: 'planned' })).toBe('planned');
  });

  it.each<[string, string, unknown]>([
    ['environment', "'x' + row.floor", 'x7'],
    ['status', "row.floor == '7' ? 'retired' : record.status", 'retired'],
    ['status', "{'7': 'missing'}[row.floor]", 'missing'],
    ['cpuCount', 'record.cpuCount + 1', 5],
    ['cpuCount', 'row.floor', 7],
    ['virtual', "row.code.startsWith('X')", false],
    ['virtual', "'1'", true],
    ['lastDiscoveredAt', "timestamp(row.found) - duration('1s')", '2026-02-28T23:59:59Z'],
    ['lastDiscoveredAt', 'row.found', '2026-03-01T00:00:00Z'],
    ['purchaseDate', 'timestamp(row.found)', '2026-03-01'],
    ['purchaseDate', "record.lastDiscoveredAt.split('T')[0]", '2026-03-01'],
    ['attributes.d', '0.5', 0.5],
  ])('gives %s by %s', (field, expression, expected) => {
    const record = mapped({ [field]: expressionOf(expression) }, row, columns);
    expect({ ...record.columns, 'attributes.d': record.attributes['d'] }).toHaveProperty([field], expected);
  });

  it('sees the record as the connector made it, whatever is mapped before it', () => {
    const record = mapped(
      { status: { constant: 'missing' }, environment: expressionOf('record.status') },
      row,
      columns,
    );
    expect(record.columns).toMatchObject({ status: 'missing', environment: 'active' });
  });

  it('asks for the paths that it reads, each once, and for no others', () => {
    const expression =
      "has(row.a) && 'b.display' in row && [row.c, attributes.d].exists(x, x == row['e.f']) ? row.a : record.name";
    const { byStream } = compileMapping({ assets: { environment: { expression } } }, streams, 'fake');
    const field = 'spec.mapping.assets.environment.expression';
    expect(byStream.get('assets')?.paths).toEqual(
      ['a', 'b.display', 'c', 'e.f'].map((path) => ({ path, field })),
    );
  });
});

describe('an expression that fails for a row sets it aside, with the field and the place and without the value:', () => {
  it.each<[string, string, string]>([
    ['cpuCount', 'row.secret', 'the value of the expression is no whole number of 0 or more'],
    ['cpuCount', '0 - 1', 'the value of the expression is no whole number of 0 or more'],
    ['cpuCount', 'int(row.floor) / (int(row.floor) - 7)', 'divides by zero, at character 1'],
    ['status', 'row.secret', 'the value of the expression is none of planned, ordered'],
    ['virtual', 'row.secret', 'the value of the expression is neither true nor false'],
    ['purchaseDate', 'timestamp(record.lastDiscoveredAt)', 'the value of the expression is no date'],
    ['name', "row.secret.split('-')[9]", 'asks for a part that the list does not have, at character 1'],
    [
      'name',
      "'  ' + row.secret.substring(99)",
      'asks for characters that the text does not have, at character 8',
    ],
    ['name', 'string(int(row.secret))', 'int() got a text that is no whole number, at character 8'],
    ['name', 'string(\n  bool(row.secret))', 'is neither true nor false, at line 2, character 3'],
    ['name', 'string(double(row.secret))', 'double() got a text that is no number'],
    ['name', 'string(timestamp(row.secret))', 'timestamp() got a text that is no time'],
    ['name', 'string(9223372036854775807 + int(row.floor))', 'a number is too large'],
    ['name', "string(int('9223372036854775808'))", 'a number is too large'],
    ['name', "row.secret.replace('a', '\\x00')", 'holds a character that no database takes'],
    ['attributes.x', '9007199254740993', 'is too large a number'],
    ['attributes.x', '1.0 / 0.0', 'is no finite number'],
  ])('%s by %s', (field, expression, said) => {
    let thrown: unknown;
    try {
      mapped({ [field]: expressionOf(expression) }, row, columns);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(MappingMisfit);
    expect(thrown).toHaveProperty('field', `spec.mapping.assets.${field}`);
    expect((thrown as Error).message).toContain(said);
    expect((thrown as Error).message).not.toMatch(/canary|4711/u);
  });

  it('a text that is too long to be read', () => {
    const long = { code: 'x'.repeat(32_769) };
    expect(() => mapped({ name: expressionOf('row.code.substring(0, 1)') }, long)).toThrow(
      'spec.mapping.assets.name: the expression failed: the value of code in row is longer than the 32768 characters',
    );
  });
});
