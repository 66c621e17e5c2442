// SPDX-License-Identifier: Apache-2.0
import {
  ExpressionFailed,
  placeOf,
  type Expression,
  type ExpressionLanguage,
  type ExpressionValue,
  type ExpressionView,
} from './expression.ts';
import { convert, type MappableColumn, type MappedValue, type ToTime } from './mapped-value.ts';

/** Types that a column takes from an expression, the best first; what is text is converted as any value of the source is. */
const takenBy: Readonly<Record<MappableColumn['type'], readonly string[]>> = {
  text: ['string'],
  integer: ['int', 'string'],
  boolean: ['bool', 'string'],
  time: ['Timestamp', 'string'],
  date: ['Timestamp', 'string'],
};
const takenByAttribute = ['string', 'int', 'double', 'bool', 'Timestamp'];
/** `values` compares texts. */
const takenByTable = ['string', 'int', 'bool'];

/** Where the result of an expression goes. */
export interface ExpressionTarget {
  /** Undefined for an attribute. */
  readonly column: MappableColumn | undefined;
  readonly values: ReadonlyMap<string, MappedValue> | undefined;
  readonly toTime: ToTime | undefined;
}

/** The expression of a field, ready to be applied, or everything that is wrong with it. */
export function compileMapped(
  text: string,
  language: ExpressionLanguage,
  target: ExpressionTarget,
): { readonly expression: Expression } | { readonly problems: readonly string[] } {
  const compiled = language.compile(text);
  if (!('evaluate' in compiled)) {
    return { problems: compiled.map(({ message, at }) => `at ${placeOf(text, at)}: ${message}`) };
  }
  const problems = [...typeProblems(compiled, target), ...literalProblems(compiled, target, text)];
  return problems.length > 0 ? { problems } : { expression: compiled };
}

function typeProblems({ type }: Expression, { column, values }: ExpressionTarget): readonly string[] {
  let taken = takenByAttribute;
  if (values !== undefined) taken = takenByTable;
  else if (column !== undefined) taken = [...takenBy[column.type]];
  // What the language cannot tell before it sees a row is looked at then.
  if (type === 'dyn' || taken.includes(type)) return [];
  const kind = column === undefined ? 'an attribute' : `a column of type ${column.type}`;
  const takes = `${values === undefined ? kind : 'a table of values'} takes ${taken.join(' or ')}`;
  return [`comes to ${type}, and ${takes}; ${remedyFor(type, taken)}`];
}

function remedyFor(type: string, taken: readonly string[]): string {
  if (type.startsWith('list')) return 'take one part, as in [0], or join them with .join(", ")';
  if (['int', 'double', 'bool', 'Timestamp'].includes(type) && taken.includes('string')) {
    return type === 'double' && taken.includes('int') ? 'write int(…)' : 'write string(…)';
  }
  return `make it ${taken[0] ?? 'string'}`;
}

function literalProblems(
  { literals }: Expression,
  { column, values, toTime }: ExpressionTarget,
  text: string,
): readonly string[] {
  if (column === undefined || values !== undefined) return [];
  return literals.flatMap((literal) => {
    // Empty text is no value.
    if (literal.text === '') return [];
    const converted = convert(literal.text, column, toTime);
    if ('value' in converted) return [];
    return [
      `at ${placeOf(text, literal.at)}: ${JSON.stringify(literal.text.slice(0, 80))} ${converted.problem}`,
    ];
  });
}

/** What an expression comes to in its field: a value, none, or why not (a phrase without values of the row). */
export type Outcome = { readonly value: MappedValue | undefined } | { readonly problem: string };

/** Evaluates the expression for a row. `fallback` stands in where it has no value, or the table does not list it. */
export function evaluateMapped(
  expression: Expression,
  view: ExpressionView,
  { column, values, toTime }: ExpressionTarget,
  fallback: MappedValue | undefined,
): Outcome {
  let value: ExpressionValue | undefined;
  try {
    value = expression.evaluate(view);
  } catch (error) {
    if (!(error instanceof ExpressionFailed)) throw error;
    return { problem: `the expression failed: ${error.message}` };
  }
  if (value === undefined) return { value: fallback };
  if (values !== undefined) return { value: values.get(String(value)) ?? fallback };
  const converted = column === undefined ? attributeValue(value) : convert(String(value), column, toTime);
  return 'value' in converted ? converted : { problem: `the value of the expression ${converted.problem}` };
}

/** An attribute keeps the type; JSON has no whole numbers beyond those that a double holds. */
function attributeValue(value: ExpressionValue): Outcome {
  if (typeof value !== 'bigint') return { value };
  const number = Number(value);
  return Number.isSafeInteger(number) ? { value: number } : { problem: 'is too large a number' };
}
