// SPDX-License-Identifier: Apache-2.0
import type { Entity } from './directory.ts';
import { refuse } from './reply.ts';

type Test = (value: (property: string) => unknown) => boolean;

export interface Filter {
  readonly test: (entity: Entity) => boolean;
  /** Only with `ConsistencyLevel: eventual` and `$count=true`. */
  readonly advanced: boolean;
  readonly properties: readonly string[];
}

const tokens = /\s*('(?:[^']|'')*'|[()]|,|[\w/.:+-]+)/uy;
const operators: Readonly<Record<string, (order: number) => boolean>> = {
  eq: (order) => order === 0,
  ne: (order) => order !== 0,
  ge: (order) => order >= 0,
  gt: (order) => order > 0,
  le: (order) => order <= 0,
  lt: (order) => order < 0,
};
const functions: Readonly<Record<string, (text: string, part: string) => boolean>> = {
  startswith: (text, part) => text.startsWith(part),
  endswith: (text, part) => text.endsWith(part),
};

/** The part of `$filter` that listings of the directory understand: comparisons, `in`, startsWith, endsWith, any, and, or, not. */
export function parseFilter(text: string): Filter {
  return new Parser(text).whole();
}

class Parser {
  private readonly words: string[] = [];
  private at = 0;
  private advanced = false;
  private readonly properties = new Set<string>();

  constructor(text: string) {
    tokens.lastIndex = 0;
    for (let end = 0; end < text.trimEnd().length; end = tokens.lastIndex) {
      const word = tokens.exec(text)?.[1];
      if (word === undefined) return this.fail(text.slice(end));
      this.words.push(word);
    }
  }

  whole(): Filter {
    const test = this.either();
    if (this.peek() !== undefined) this.fail(this.peek());
    const { advanced } = this;
    return {
      test: (entity) => test((property) => entity[property]),
      advanced,
      properties: [...this.properties],
    };
  }

  private either(): Test {
    const tests = [this.both()];
    while (this.accept('or')) tests.push(this.both());
    return (value) => tests.some((test) => test(value));
  }

  private both(): Test {
    const tests = [this.one()];
    while (this.accept('and')) tests.push(this.one());
    return (value) => tests.every((test) => test(value));
  }

  private one(): Test {
    if (this.accept('not')) {
      this.advanced = true;
      const test = this.one();
      return (value) => !test(value);
    }
    if (this.accept('(')) {
      const test = this.either();
      this.expect(')');
      return test;
    }
    const name = this.next();
    const compare = functions[name.toLowerCase()];
    if (compare !== undefined) {
      this.advanced ||= name.toLowerCase() === 'endswith';
      this.expect('(');
      const property = this.property(this.next());
      this.expect(',');
      const part = String(this.literal());
      this.expect(')');
      return (value) => compare(lower(value(property)), part.toLowerCase());
    }
    if (name.endsWith('/any')) return this.any(name.slice(0, -'/any'.length));
    return this.comparison(this.property(name));
  }

  /** `tags/any(t:t eq 'x')` */
  private any(list: string): Test {
    const property = this.property(list);
    this.expect('(');
    const variable = this.next().replace(/:.*$/u, '');
    this.accept(variable);
    const test = this.comparison(variable);
    this.expect(')');
    return (value) => {
      const items = value(property);
      return Array.isArray(items) && items.some((item) => test(() => item));
    };
  }

  private comparison(property: string): Test {
    const operator = this.next();
    if (operator === 'in') {
      const wanted: unknown[] = [];
      this.expect('(');
      do wanted.push(this.literal());
      while (this.accept(','));
      this.expect(')');
      return (value) => wanted.some((one) => order(value(property), one) === 0);
    }
    const holds = operators[operator];
    if (holds === undefined) return this.fail(operator);
    this.advanced ||= operator === 'ne';
    const wanted = this.literal();
    return (value) => holds(order(value(property), wanted));
  }

  private property(name: string): string {
    this.properties.add(name);
    return name;
  }

  private literal(): unknown {
    const word = this.next();
    if (word.startsWith("'")) return word.slice(1, -1).replaceAll("''", "'");
    if (word === 'null') return null;
    if (word === 'true' || word === 'false') return word === 'true';
    return /^-?\d+$/u.test(word) ? Number(word) : word;
  }

  private peek(): string | undefined {
    return this.words[this.at];
  }

  private next(): string {
    const word = this.words[this.at];
    this.at += 1;
    return word ?? this.fail('the end');
  }

  private accept(word: string): boolean {
    if (this.peek() !== word) return false;
    this.at += 1;
    return true;
  }

  private expect(word: string): void {
    if (!this.accept(word)) this.fail(this.peek());
  }

  private fail(at: string | undefined): never {
    refuse(400, 'BadRequest', `Invalid filter clause: at '${at ?? 'the end'}'.`);
  }
}

const lower = (value: unknown) => (typeof value === 'string' ? value.toLowerCase() : '');

/** Below, equal, above; NaN when the two cannot be compared. */
function order(value: unknown, wanted: unknown): number {
  if (wanted === null || value === null || value === undefined)
    return (value ?? null) === wanted ? 0 : Number.NaN;
  if (typeof value === 'string' && typeof wanted === 'string') {
    const [one, other] = [value.toLowerCase(), wanted.toLowerCase()];
    return one === other ? 0 : one < other ? -1 : 1;
  }
  return value === wanted ? 0 : Number(value) - Number(wanted);
}
