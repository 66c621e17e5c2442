// SPDX-License-Identifier: Apache-2.0
import { Environment, EvaluationError, type ASTNode } from '@marcbachmann/cel-js';
import type { RecordKind } from '../inventory/kinds.ts';
import { inOwnNames, registerFunctions, Steps, toRfc3339, tooMuchWork } from './expression-functions.ts';
import { readingOf, resultLiterals, type SyntaxProblem } from './expression-syntax.ts';
import { columnTypes, toUtc, type ColumnType, type ToTime } from './mapped-value.ts';

/** Longest text that an expression reads or comes to, in UTF-16 units: the longest that vendors let people type. */
const maxTextLength = 32_768;

/** Nesting and size of what is written; the length of the text is bounded by the schema of the spec. */
const limits = {
  maxAstNodes: 256,
  maxDepth: 24,
  maxListElements: 128,
  maxMapEntries: 128,
  maxCallArguments: 4,
};

export type ExpressionValue = string | bigint | number | boolean;

/** What one evaluation looks at. */
export interface ExpressionView {
  path(path: string): string | undefined;
  attribute(name: string): string | undefined;
  /** The columns of the record, as the connector made them. */
  readonly columns: Readonly<Record<string, unknown>>;
}

/** An expression that is checked and ready. */
export interface Expression {
  /** Paths into the source's rows. */
  readonly paths: readonly string[];
  /** Type of its result, in the words of the language: `string`, `int`, `Timestamp`. */
  readonly type: string;
  /** Texts that it may come to as they stand in it. */
  readonly literals: readonly { readonly text: string; readonly at: number }[];
  /**
   * Undefined when it has no value: empty text, or a field that the row does not have.
   * @throws ExpressionFailed
   */
  evaluate(view: ExpressionView): ExpressionValue | undefined;
}

/** An expression that could not be evaluated for a row. Its message says nothing of the row's values. */
export class ExpressionFailed extends Error {}

/** The expression language for the records of one kind. */
export class ExpressionLanguage {
  private readonly kind: RecordKind;
  private readonly environment: Environment;
  private readonly steps = new Steps();
  private readonly columns: ReadonlyMap<string, ColumnType>;

  constructor(kind: RecordKind, toTime: ToTime | undefined) {
    this.kind = kind;
    this.columns = columnTypes(kind);
    const fields = Object.fromEntries([...this.columns].map(([name, type]) => [name, celTypes[type]]));
    this.environment = new Environment({ limits })
      .registerType(kind, { ctor: RecordColumns, fields })
      .registerVariable('row', 'map<string, string>')
      .registerVariable('attributes', 'map<string, string>')
      .registerVariable('record', kind);
    registerFunctions(this.environment, this.steps, (text) => toTime?.(text) ?? toUtc(text));
  }

  /** The expression, or everything that is wrong with it. */
  compile(text: string): Expression | readonly SyntaxProblem[] {
    let parsed: ReturnType<Environment['parse']>;
    try {
      parsed = this.environment.parse(text);
    } catch (error) {
      return [problemOf(error)];
    }
    const ast: ASTNode = parsed.ast;
    const { names, problems } = readingOf(ast);
    const columns = [...names.record];
    const unknown = columns.filter((name) => !this.columns.has(name));
    if (problems.length > 0 || unknown.length > 0) {
      return [...problems, ...unknown.map((name) => this.unknownColumn(name, text))];
    }
    const checked = parsed.check();
    if (!checked.valid) return [problemOf(checked.error)];
    const paths = [...names.row];
    const attributes = [...names.attributes];
    return {
      paths,
      type: inOwnNames(checked.type ?? 'dyn'),
      literals: resultLiterals(ast),
      evaluate: (view) => {
        const context = {
          row: textMap(paths, (path) => view.path(path), 'row'),
          attributes: textMap(attributes, (name) => view.attribute(name), 'attributes'),
          record: recordColumns(columns, view.columns),
        };
        this.steps.restart();
        const value = result(() => parsed(context) as unknown, text);
        if (this.steps.areSpent) throw new ExpressionFailed(reasons[tooMuchWork]);
        return value;
      },
    };
  }

  private unknownColumn(name: string, text: string): SyntaxProblem {
    const known = [...this.columns.keys()].join(', ');
    return {
      message: `${this.kind} has no column ${name}; use attributes.${name}, or one of ${known}`,
      at: Math.max(text.search(new RegExp(`record\\s*\\.\\s*${name}\\b`, 'u')), 0),
    };
  }
}

/** A place as people count: `at character 5`, `at line 2, character 3`. */
export function placeOf(text: string, at: number): string {
  const lines = text.slice(0, at).split('\n');
  const character = `character ${(lines.at(-1) ?? '').length + 1}`;
  return text.includes('\n') ? `line ${lines.length}, ${character}` : character;
}

/** Columns as the language sees them; times and days are texts, as in the inventory. */
const celTypes: Readonly<Record<ColumnType, string>> = {
  text: 'string',
  integer: 'int',
  boolean: 'bool',
  time: 'string',
  date: 'string',
};

/** The library tells types by their constructors. */
class RecordColumns {
  [column: string]: ExpressionValue;
}

function recordColumns(names: readonly string[], columns: Readonly<Record<string, unknown>>): RecordColumns {
  const record = new RecordColumns();
  for (const name of names) {
    const value = columns[name];
    if (typeof value === 'number') record[name] = BigInt(value);
    else if (typeof value === 'string' || typeof value === 'boolean') record[name] = value;
  }
  return record;
}

function textMap(
  names: readonly string[],
  textOf: (name: string) => string | undefined,
  root: string,
): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (const name of names) {
    const text = textOf(name);
    if (text === undefined) continue;
    if (text.length > maxTextLength) {
      throw new ExpressionFailed(
        `the value of ${name} in ${root} is longer than the ${maxTextLength} characters that an expression reads`,
      );
    }
    map.set(name, text);
  }
  return map;
}

function result(evaluate: () => unknown, text: string): ExpressionValue | undefined {
  let value: unknown;
  try {
    value = evaluate();
  } catch (error) {
    // The language knows no value that is absent: it fails where a field has none. For a mapping that means no value.
    if (error instanceof EvaluationError && error.code === 'no_such_key') return undefined;
    throw new ExpressionFailed(failureOf(error, text));
  }
  switch (typeof value) {
    case 'string':
      if (value.length > maxTextLength)
        throw new ExpressionFailed(`the result is longer than ${maxTextLength}`);
      if (value.includes('\0') || !value.isWellFormed())
        throw new ExpressionFailed('the result holds a character that no database takes');
      return value === '' ? undefined : value;
    case 'number':
      if (!Number.isFinite(value)) throw new ExpressionFailed('the result is no finite number');
      return value;
    case 'bigint':
    case 'boolean':
      return value;
    default:
      if (value instanceof Date) return toRfc3339(value);
      throw new ExpressionFailed('the result is neither text, number, true or false, nor a time');
  }
}

/** Reasons by the library's codes. Its own messages hold values, which may be nobody's business. */
const reasons: Readonly<Record<string, string>> = {
  [tooMuchWork]: 'takes too much work; use shorter lists and patterns',
  index_out_of_bounds: 'asks for a part that the list does not have',
  index_out_of_range: 'asks for characters that the text does not have',
  int_conversion_error: 'int() got a text that is no whole number',
  double_conversion_error: 'double() got a text that is no number',
  bool_conversion_error: 'bool() got a text that is neither true nor false',
  invalid_timestamp: 'timestamp() got a text that is no time',
  division_by_zero: 'divides by zero',
  modulo_by_zero: 'divides by zero',
  numeric_overflow: 'a number is too large',
};

function failureOf(error: unknown, text: string): string {
  if (!(error instanceof EvaluationError)) return 'could not be evaluated';
  const reason = reasons[error.code] ?? `could not be evaluated (${error.code})`;
  return error.range === undefined ? reason : `${reason}, at ${placeOf(text, error.range.start)}`;
}

interface LanguageError {
  readonly code?: string;
  readonly summary?: string;
  readonly message: string;
  readonly range?: { readonly start: number };
}

/** What to do about an error of a kind that people make. */
const remedies: Readonly<Record<string, string>> = {
  no_such_overload: 'convert with int(…), double(…) or string(…)',
  no_matching_overload: 'look at the number and types of its arguments',
  incompatible_ternary_branches: "give both the same type; '' stands for no value",
  invalid_regular_expression: 'correct the pattern',
  limit_exceeded: 'write it shorter, or in two fields',
  invalid_macro_argument: 'name a variable first, such as x',
};

function problemOf(error: unknown): SyntaxProblem {
  if (!(error instanceof Error)) throw error;
  const { code = '', summary, message, range }: LanguageError = error;
  const remedy = remedies[code] ?? 'correct the CEL expression';
  return { message: `${inOwnNames(summary ?? message)}; ${remedy}`, at: range?.start ?? 0 };
}
