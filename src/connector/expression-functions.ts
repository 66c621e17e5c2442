// SPDX-License-Identifier: Apache-2.0
import { EvaluationError, type Environment } from '@marcbachmann/cel-js';
import { RE2JS } from 're2js';

/** Marks our own form of a function of the language: the library does not let its own be replaced. */
const mark = '_bounded';

/** The most that one evaluation may do, in steps of some ten nanoseconds. */
const maxSteps = 1_000_000;
/** A part of a list costs as much as this many characters, which bounds the lists, and what is done for each part. */
const stepsPerPart = 2000;
/** Size of a compiled pattern, in instructions: a hundred times what a person writes. */
const maxProgramSize = 2000;

/** Code of the error by which an evaluation is cut short. */
export const tooMuchWork = 'too_much_work';

/** What is left to one evaluation. It counts work and not time, so the same row has the same outcome on any machine. */
export class Steps {
  private left = maxSteps;

  /** True when the evaluation was cut short: the language lets an error pass where the other side of || is true. */
  get areSpent(): boolean {
    return this.left < 0;
  }

  restart(): void {
    this.left = maxSteps;
  }

  /** @throws EvaluationError when the evaluation has done enough */
  spend(count: number): void {
    this.left -= count;
    if (this.areSpent) throw failed(tooMuchWork);
  }
}

/** Longest text that is read as a number, a time or a duration. */
const maxNumberLength = 64;
const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/u;

/** Why a pattern cannot be used, a phrase that follows it; undefined when it can. */
export function patternProblem(pattern: string): string | undefined {
  try {
    const size = RE2JS.compile(pattern).programSize();
    return size > maxProgramSize ? 'is too large; use a shorter pattern' : undefined;
  } catch (error) {
    if (!(error instanceof Error) || !error.name.startsWith('RE2JS')) throw error;
    return `is no pattern of RE2 (${error.message}); correct it`;
  }
}

/**
 * Why a text is no duration, a phrase that follows it; undefined when it is one. The library looks for the end of a number in
 * a way that takes the third power of its length, so it is given none but short ones.
 */
export function durationProblem(text: string): string | undefined {
  if (text.length <= maxNumberLength && /^-?(?:\d+(?:\.\d+)?(?:ns|us|ms|s|m|h))+$/u.test(text))
    return undefined;
  return 'is no duration; use a form such as 90m, 36h or 1.5s';
}

/** Functions of one argument list, and methods of a text or a list, by their names in the language. */
const calls = ['bool', 'double', 'duration', 'int', 'size', 'string', 'timestamp'] as const;
const methods = [
  ...['contains', 'endsWith', 'indexOf', 'join', 'lastIndexOf', 'lowerAscii', 'matches', 'replace', 'size'],
  ...['split', 'startsWith', 'substring', 'trim', 'upperAscii'],
  ...['getDate', 'getDayOfMonth', 'getDayOfWeek', 'getFullYear', 'getHours', 'getMilliseconds', 'getMinutes'],
  ...['getMonth', 'getSeconds'],
] as const;
export const callNames: ReadonlySet<string> = new Set(calls);
export const methodNames: ReadonlySet<string> = new Set(methods);

/** Those that the library has too, but without bounds, or by the clock and zone of the machine. */
const ours = new Set([
  ...[
    'timestamp',
    'int',
    'double',
    'size',
    'contains',
    'endsWith',
    'indexOf',
    'join',
    'lastIndexOf',
    'lowerAscii',
    'matches',
  ],
  ...['replace', 'split', 'startsWith', 'substring', 'trim', 'upperAscii'],
]);

/** The name under which a function is known to the library. */
export function boundName(name: string): string {
  return ours.has(name) ? `${name}${mark}` : name;
}

/** A message of the library in the names that people use. */
export function inOwnNames(message: string): string {
  return message.replaceAll(mark, '').replaceAll('google.protobuf.', '');
}

/**
 * Makes the functions of the language known to an environment.
 * @param toTime reads a time as RFC 3339, UTC; undefined when it is none
 */
export function registerFunctions(
  environment: Environment,
  steps: Steps,
  toTime: (text: string) => string | undefined,
): void {
  const timestamp = 'google.protobuf.Timestamp';
  const search = (text: string, part: string) => {
    steps.spend(text.length * (1 + part.length / 8));
  };
  const charged = (...texts: readonly string[]) => {
    steps.spend(texts.reduce((sum, { length }) => sum + length, 0));
  };
  const size = (text: string) => {
    charged(text);
    return characters(text, text.length);
  };
  const length = (list: readonly unknown[]) => BigInt(list.length);
  const split = (text: string, separator: string, limit = -1n) => {
    search(text, separator);
    // With a limit the last part is the rest of the text.
    const parts = separator === '' ? codePoints(text) : text.split(separator);
    const kept = limit < 0n || parts.length <= limit ? parts : parts.slice(0, Number(limit));
    if (kept !== parts && limit > 0n) {
      kept[kept.length - 1] = parts.slice(Number(limit) - 1).join(separator);
    }
    steps.spend(kept.length * stepsPerPart);
    return kept;
  };
  const join = (parts: readonly string[], separator = '') => {
    steps.spend(parts.reduce((sum, { length }) => sum + length + separator.length, 0));
    return parts.join(separator);
  };
  const patterns = new Map<string, RE2JS>();
  const compiled = (pattern: string): RE2JS => {
    const known = patterns.get(pattern) ?? RE2JS.compile(pattern);
    patterns.set(pattern, known);
    return known;
  };
  const functions: Readonly<Record<string, (...args: never[]) => unknown>> = {
    [`timestamp${mark}(string): ${timestamp}`]: (text: string) =>
      time(text.length > maxNumberLength ? undefined : toTime(text)),
    [`timestamp${mark}(int): ${timestamp}`]: (seconds: bigint) => time(Number(seconds) * 1000),
    [`string(${timestamp}): string`]: toRfc3339,
    [`int${mark}(int): int`]: (value: bigint) => value,
    [`int${mark}(double): int`]: (value: number) => {
      if (!Number.isFinite(value)) throw failed('int_conversion_error');
      return whole(BigInt(Math.trunc(value)));
    },
    [`int${mark}(string): int`]: (text: string) => {
      if (!/^-?\d{1,19}$/u.test(text)) throw failed('int_conversion_error');
      return whole(BigInt(text));
    },
    [`double${mark}(double): double`]: (value: number) => value,
    [`double${mark}(int): double`]: Number,
    [`double${mark}(string): double`]: (text: string) => {
      if (text.length > maxNumberLength || !decimal.test(text)) throw failed('double_conversion_error');
      return Number(text);
    },
    [`size${mark}(string): int`]: size,
    [`string.size${mark}(): int`]: size,
    [`size${mark}(list): int`]: length,
    [`list.size${mark}(): int`]: length,
    [`int${mark}(${timestamp}): int`]: (date: Date) => BigInt(Math.floor(date.getTime() / 1000)),
    [`string.contains${mark}(string): bool`]: (text: string, part: string) => {
      search(text, part);
      return text.includes(part);
    },
    [`string.startsWith${mark}(string): bool`]: (text: string, part: string) => {
      charged(part);
      return text.startsWith(part);
    },
    [`string.endsWith${mark}(string): bool`]: (text: string, part: string) => {
      charged(part);
      return text.endsWith(part);
    },
    [`string.indexOf${mark}(string): int`]: (text: string, part: string) => {
      search(text, part);
      return characters(text, text.indexOf(part));
    },
    [`string.lastIndexOf${mark}(string): int`]: (text: string, part: string) => {
      search(text, part);
      return characters(text, text.lastIndexOf(part));
    },
    [`string.substring${mark}(int): string`]: (text: string, from: bigint) => {
      charged(text);
      return substring(text, from);
    },
    [`string.substring${mark}(int, int): string`]: (text: string, from: bigint, to: bigint) => {
      charged(text);
      return substring(text, from, to);
    },
    [`string.lowerAscii${mark}(): string`]: (text: string) => {
      charged(text);
      return text.replaceAll(/[A-Z]+/gu, (letters) => letters.toLowerCase());
    },
    [`string.upperAscii${mark}(): string`]: (text: string) => {
      charged(text);
      return text.replaceAll(/[a-z]+/gu, (letters) => letters.toUpperCase());
    },
    [`string.trim${mark}(): string`]: (text: string) => {
      charged(text);
      return text.trim();
    },
    [`string.replace${mark}(string, string): string`]: (text: string, part: string, by: string) => {
      search(text, part);
      return join(part === '' ? ['', ...codePoints(text), ''] : text.split(part), by);
    },
    [`string.split${mark}(string): list<string>`]: (text: string, separator: string) =>
      split(text, separator),
    [`string.split${mark}(string, int): list<string>`]: split,
    [`list<string>.join${mark}(): string`]: (parts: readonly string[]) => join(parts),
    [`list<string>.join${mark}(string): string`]: join,
    [`string.matches${mark}(string): bool`]: (text: string, pattern: string) => {
      const regex = compiled(pattern);
      // Linear in text and program, whatever the pattern is.
      steps.spend(text.length * regex.programSize());
      return regex.test(text);
    },
  };
  for (const [signature, handler] of Object.entries(functions)) {
    environment.registerFunction(signature, handler as (...args: unknown[]) => unknown, { async: false });
  }
}

/** RFC 3339, UTC, without a fraction that is none. */
export function toRfc3339(date: Date): string {
  return date.toISOString().replace('.000Z', 'Z');
}

function failed(code: string): EvaluationError {
  return new EvaluationError({ code, message: code });
}

function time(at: string | number | undefined): Date {
  const date = new Date(at ?? Number.NaN);
  const year = date.getUTCFullYear();
  if (Number.isNaN(year) || year < 1 || year > 9999) throw failed('invalid_timestamp');
  return date;
}

function whole(value: bigint): bigint {
  if (BigInt.asIntN(64, value) !== value) throw failed('numeric_overflow');
  return value;
}

const surrogate = /[\uD800-\uDFFF]/;

/** Characters as the language counts them. */
function codePoints(text: string): string[] {
  return Array.from(text);
}

/** An index of UTF-16 as one of characters, as the language counts. */
function characters(text: string, index: number): bigint {
  const before = text.slice(0, Math.max(index, 0));
  return BigInt(index > 0 && surrogate.test(before) ? codePoints(before).length : index);
}

function substring(text: string, from: bigint, to?: bigint): string {
  // A character is never cut in two.
  const units: string | readonly string[] = surrogate.test(text) ? codePoints(text) : text;
  const end = to ?? BigInt(units.length);
  if (from < 0n || end < from || end > BigInt(units.length)) throw failed('index_out_of_range');
  const part = units.slice(Number(from), Number(end));
  return typeof part === 'string' ? part : part.join('');
}
