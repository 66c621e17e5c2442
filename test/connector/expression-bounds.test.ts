// SPDX-License-Identifier: Apache-2.0
import { performance } from 'node:perf_hooks';
import fc from 'fast-check';
import { Compile } from 'typebox/compile';
import { describe, expect, it } from 'vitest';
import { MappingMisfit } from '../../src/connector/mapping.ts';
import { Asset, type NormalisedRecord } from '../../src/inventory/kinds.ts';
import { attributes, columns, comesTo, expressionOf, row } from './expression-bench.ts';
import { mapped, problems } from './mapping-bench.ts';

/** Longest time of one evaluation that does not hold up a Lease, with room for a slow machine. */
const bearableMs = 1000;

describe('the work of an expression is bounded', () => {
  const comesToAnEnd = 'n';
  it.each<[string, string, string, string]>([
    [
      'a pattern that no backtracking engine survives',
      "row.a.matches('^(a+)+$') ? 'y' : 'n'",
      `${'a'.repeat(5000)}!`,
      comesToAnEnd,
    ],
    ['a pattern of many choices', "row.a.matches('^(a|a|a?)+b') ? 'y' : 'n'", 'a'.repeat(5000), comesToAnEnd],
    [
      'a large pattern over a long text',
      "row.a.matches('(a?){300}a{300}b') ? 'y' : 'n'",
      'a'.repeat(32_000),
      'too much work',
    ],
    [
      'texts that grow',
      "row.a.replace('a', row.a).replace('a', row.a).replace('a', row.a)",
      'a'.repeat(1000),
      'too much work',
    ],
    [
      'texts that grow by joining',
      "row.a.split('').join(row.a).split('').join(row.a)",
      'a'.repeat(450),
      'too much work',
    ],
    [
      'sizes of long texts',
      `row.a.split(',').all(x, ${'size(row.a + x) > 1 && '.repeat(25)}true) ? 'y' : 'n'`,
      `${'a,'.repeat(450)}${'😀'.repeat(15_000)}`,
      'too much work',
    ],
    [
      'work that an || lets pass',
      "row.a.replace('a', row.a) == 'b' || true ? 'y' : 'n'",
      'a'.repeat(30_000),
      'too much work',
    ],
    [
      'numbers that do not end',
      `row.a.split(',').all(x, ${'double(row.a + x) > 1.0 || int(row.a + x) > 1 || '.repeat(8)}true) ? 'n' : 'y'`,
      `${'1,'.repeat(450)}${'1'.repeat(30_000)}`,
      comesToAnEnd,
    ],
    [
      'growing in a loop',
      `row.a.split(',').map(x, ${'x + row.a + '.repeat(30)}x).join()`,
      `${'a,'.repeat(450)}${'a'.repeat(30_000)}`,
      'too much work',
    ],
    [
      'a result that is longer than anything read',
      'row.a + row.a',
      'a'.repeat(30_000),
      'is longer than 32768',
    ],
    [
      'a long list',
      "string(row.a.split('').all(x, row.a.contains(x + row.a)))",
      'a'.repeat(30_000),
      'too much work',
    ],
    [
      'lists of lists',
      "string(row.a.split(',').all(x, row.a.split(',') != [x]))",
      'a,'.repeat(400),
      'too much work',
    ],
    [
      'comparing in a loop',
      "row.a.split(',').all(x, x + row.a + row.a != row.a + row.a + x) ? 'n' : 'y'",
      `${'a,'.repeat(450)}${'a'.repeat(20_000)}`,
      comesToAnEnd,
    ],
  ])('for %s', (_, expression, text, outcome) => {
    const started = performance.now();
    let said: unknown;
    try {
      said = mapped({ name: expressionOf(expression) }, { a: text }).columns.name;
    } catch (error) {
      expect(error).toBeInstanceOf(MappingMisfit);
      said = (error as Error).message;
    }
    expect(said).toContain(outcome);
    expect(performance.now() - started).toBeLessThan(bearableMs);
  });

  it('and it tells the same by the pattern as it would without bounds', () => {
    expect(comesTo("'aaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('^(a+)+$')")).toBe(false);
    expect(comesTo("'aaaaaaaaaaaaaaaaaaaaaaaaaaaa'.matches('^(a+)+$')")).toBe(true);
  });
});

/** Expressions of text, number and truth, as a careless person might write them. */
const { text } = fc.letrec<{ text: string; number: string; truth: string }>((tie) => {
  const literal = fc.constantFrom("''", "'a'", "'-'", "'PRD'", "'7'", "'😀'");
  const field = fc.constantFrom(
    ...['row.code', 'row.floor', 'row.empty', "row['owner.display']", 'row.tags', 'row.emoji'],
    ...['attributes.rack', 'record.status', 'record.lastDiscoveredAt', 'record.name'],
  );
  const call = (form: string, ...parts: fc.Arbitrary<string>[]) =>
    fc.tuple(...parts).map((given) => given.reduce((whole, part) => whole.replace('§', () => part), form));
  const [words, count, question] = [tie('text'), tie('number'), tie('truth')];
  return {
    text: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      literal,
      field,
      call('(§ + §)', words, words),
      call('(§ ? § : §)', question, words, words),
      call('§.split(§)[§]', words, words, count),
      call('§.split(§).map(x, x + §).join(§)', words, words, field, words),
      call('§.replace(§, §)', words, words, words),
      call('§.substring(§)', words, count),
      call('§.upperAscii().trim()', words),
      call('string(§)', count),
      call('string(timestamp(§))', words),
    ),
    number: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      fc.integer({ min: 0, max: 12 }).map(String),
      fc.constant('record.cpuCount'),
      call('size(§)', words),
      call('int(§)', words),
      call('§.indexOf(§)', words, words),
      call('(§ * §)', count, count),
      call('(§ / §)', count, count),
    ),
    truth: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      fc.constantFrom('true', 'false', 'record.virtual', 'has(row.empty)'),
      call('(§ == §)', words, words),
      call('(§ < §)', count, count),
      call('(§ && !§)', question, question),
      call('(§ || §)', question, question),
      call("§.matches('(a|[A-Z]+)+$')", words),
      call('§.split(§).exists(x, x == §)', words, words, field),
    ),
  };
});

describe('whatever is written', () => {
  it('an expression that is valid gives the same for the same row, or sets it aside the same way', () => {
    const check = Compile(Asset);
    const outcome = (expression: string): NormalisedRecord<'Asset'> | string => {
      try {
        return mapped({ environment: expressionOf(expression) }, row, columns, attributes);
      } catch (error) {
        expect(error).toBeInstanceOf(MappingMisfit);
        return (error as Error).message;
      }
    };
    let values = 0;
    fc.assert(
      fc.property(text, (expression) => {
        fc.pre(expression.length <= 1024);
        fc.pre(problems({ assets: { environment: expressionOf(expression) } }).length === 0);
        const first = outcome(expression);
        expect(outcome(expression)).toEqual(first);
        if (typeof first === 'string') return;
        expect(check.Check(first.columns)).toBe(true);
        if (first.columns.environment !== undefined) values += 1;
      }),
      { numRuns: 500 },
    );
    // The grammar is of use only while many of its expressions come to something.
    expect(values).toBeGreaterThan(100);
  });

  it('a text that is no expression is refused with the name of its field', () => {
    const word = fc.constantFrom(
      ...[
        'row',
        '.',
        'a',
        '[',
        ']',
        '(',
        ')',
        "'",
        '"',
        '+',
        '?',
        ':',
        '1',
        'in',
        'has',
        '{',
        '}',
        ',',
        '\n',
      ],
      ...[
        'record',
        'x',
        '.map(x, ',
        '.matches(',
        '==',
        '&&',
        '!',
        '-',
        '9'.repeat(25),
        '1e999',
        '\\',
        'b"',
        'r"',
      ],
    );
    const anything = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.array(word, { maxLength: 25 }).map((words) => words.join('')),
    );
    fc.assert(
      fc.property(anything, (expression) => {
        const field = 'spec.mapping.assets.name';
        const said = problems({ assets: { name: { expression } } });
        for (const each of said) expect(each.startsWith(`${field}.expression: `)).toBe(true);
        if (said.length > 0) return;
        try {
          mapped({ name: expressionOf(expression) }, row, columns);
        } catch (error) {
          expect(error).toHaveProperty('field', field);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
