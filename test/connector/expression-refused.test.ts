// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { expressionOf } from './expression-bench.ts';
import { problems } from './mapping-bench.ts';

/** What it is refused for in a field, without the path. */
function refusal(field: string, expression: string, more: object = {}): string {
  const path = `spec.mapping.assets.${field}.expression: `;
  const said = problems({ assets: { [field]: expressionOf(expression, more) } });
  expect(said).toHaveLength(1);
  expect(said[0]).toContain(path);
  return said[0]?.slice(path.length) ?? '';
}

describe('an expression is refused', () => {
  it.each<[string, string, string, RegExp]>([
    ['that is cut short', 'name', 'row.code +', /^at character 11: Unexpected token: EOF; correct the CEL/u],
    ['with a text without end', 'name', '"x', /^at character 1: Unterminated string/u],
    [
      'with its line, where it has several',
      'name',
      "'a' +\n  row.code +",
      /^at line 2, character 13: Unexpected/u,
    ],
    [
      'with a variable that is not there',
      'name',
      'u_floor',
      /no variable u_floor; use row\.u_floor, attributes/u,
    ],
    [
      'with a function that is not there',
      'name',
      'lower(row.code)',
      /no function lower; use one of bool, double/u,
    ],
    [
      'with a method that is not there',
      'name',
      'row.code.lower()',
      /no function \.lower; use one of.*lowerAscii/u,
    ],
    [
      'with a column that is not there',
      'name',
      "'a' + record.costCentre",
      /^at character 7: Asset has no column costCentre; use/u,
    ],
    [
      'with a path that the connector does not know',
      'name',
      "row['a!']",
      /^"a!" has a mark that no path has/u,
    ],
    [
      'with a path that rows must tell',
      'name',
      'row[row.code]',
      /^at character 5: the field of row must be written as text/u,
    ],
    ['with all of the row', 'name', 'row', /row alone is no value; name a field/u],
    [
      'with a path of dots',
      'name',
      'row.location.city.display',
      /write a path with dots as row\['location\.city\.display'\]/u,
    ],
    ['with has() of a path in brackets', 'name', "has(row['a.b']) ? 'x' : ''", /'u_floor\.display' in row/u],
    [
      'with types that do not go together',
      'name',
      'row.code + 1',
      /no such overload: string \+ int; convert with int/u,
    ],
    ['with branches of two types', 'name', "row.code == 'a' ? 1 : 'x'", /same type.*'' stands for no value/u],
    [
      'with too many arguments',
      'name',
      "row.code.indexOf('a', 1)",
      /'string\.indexOf\(string, int\)'; look at the number/u,
    ],
    ['with dyn, which would hide types', 'name', 'dyn(row.code)', /no function dyn/u],
    [
      'with cel.bind, which would let texts double',
      'name',
      'cel.bind(a, row.code, a + a)',
      /no function \.bind/u,
    ],
    ['with bytes', 'name', "b'x'.string()", /no function \.string/u],
    ['with an unsigned number', 'cpuCount', '1u', /no bytes and no unsigned numbers/u],
    [
      'with the zone of a machine',
      'attributes.x',
      "timestamp(row.code).getHours('Europe/Berlin')",
      /tells UTC; leave the zone out/u,
    ],
    [
      'with a loop in a loop',
      'attributes.x',
      '[1].exists(x, [2].exists(y, x == y))',
      /\.exists stands inside another/u,
    ],
    [
      'with a loop over the name of the row',
      'attributes.x',
      "[row.a].exists(row, row.b == 'c')",
      /needs a name of its own/u,
    ],
    [
      'with a pattern of the row',
      'virtual',
      'row.a.matches(row.b)',
      /what matches takes must be written as text/u,
    ],
    [
      'with a pattern that RE2 does not know',
      'virtual',
      "row.a.matches('(?=a)')",
      /^at character 15: what matches is given is no pattern of RE2/u,
    ],
    ['with a pattern that looks back', 'virtual', "row.a.matches(r'(a)\\1')", /is no pattern of RE2/u],
    ['with too large a pattern', 'virtual', "row.a.matches('(a{900}){1}b{900}c{900}')", /is too large/u],
    [
      'with a duration of the row',
      'attributes.x',
      'timestamp(row.a) + duration(row.b)',
      /what duration takes must be written as text/u,
    ],
    [
      'with a text that is no duration',
      'attributes.x',
      "timestamp(row.a) + duration('1 day')",
      /^at character 29: what duration is given is no duration; use a form such as 90m/u,
    ],
    [
      'with texts that one loop builds for another',
      'name',
      '[row.a].map(x, x + x).map(x, x + x)[0]',
      /with more than one loop, \+ and lists cannot stand inside/u,
    ],
    [
      'with lists that one loop builds for another',
      'virtual',
      '[1].map(x, [x, x]).all(x, x == x)',
      /with more than one loop/u,
    ],
    ['that is nested too deep', 'cpuCount', `${'('.repeat(40)}1${')'.repeat(40)}`, /Exceeded maxDepth/u],
    [
      'with a number for a text',
      'status',
      '1',
      /^comes to int, and a column of type text takes string; write string/u,
    ],
    ['with a fraction for a number', 'cpuCount', '1.5', /^comes to double.*takes int or string; write int/u],
    ['with true for a number', 'cpuCount', 'true', /^comes to bool, and a column of type integer/u],
    ['with a number for true', 'virtual', '1', /^comes to int, and a column of type boolean/u],
    [
      'with a number for a time',
      'lastDiscoveredAt',
      '1',
      /^comes to int, and a column of type time takes Timestamp or string/u,
    ],
    ['with a list', 'attributes.x', "row.a.split('-')", /^comes to list<string>, and an attribute.*\.join/u],
    ['with nothing', 'attributes.x', 'null', /^comes to null/u],
    [
      'with a word that the column does not take',
      'status',
      "row.a == 'b' ? 'gone' : 'active'",
      /^at character 16: "gone" is none of planned/u,
    ],
    [
      'with such a word in a table',
      'type',
      "{'a': 'robot'}[row.a]",
      /^at character 7: "robot" is none of server/u,
    ],
    [
      'with such a word in a list',
      'status',
      "['active', 'gone'][int(row.a)]",
      /^at character 12: "gone" is none/u,
    ],
    ['with a text that is no number', 'cpuCount', "'many'", /^at character 1: "many" is no whole number/u],
    ['with a text that is no time', 'lastDiscoveredAt', "'soon'", /"soon" is no time/u],
  ])('%s', (_, field, expression, said) => {
    expect(refusal(field, expression)).toMatch(said);
  });

  it('beside from, or a constant', () => {
    expect(problems({ assets: { name: { expression: 'row.a', from: 'a' } } })).toEqual([
      'spec.mapping.assets.name: has from and expression; give one of them',
    ]);
    expect(problems({ assets: { name: { expression: 'row.a', constant: 'a' } } })).toEqual([
      'spec.mapping.assets.name: has constant and more; give constant alone, or from with values and default',
    ]);
  });

  it('with values whose keys no result can be', () => {
    const values = { a: 'active' };
    expect(refusal('status', "row.a.split('-')", { values })).toMatch(
      /a table of values takes string or int or bool/u,
    );
    expect(problems({ assets: { status: { expression: "'gone'", values } } })).toEqual([]);
  });

  it('for everything that is wrong with it at once', () => {
    expect(problems({ assets: { name: { expression: 'foo(bar) + row' } } })).toHaveLength(2);
  });
});
