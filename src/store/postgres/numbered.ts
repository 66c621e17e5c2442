// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';

interface Numbered {
  readonly text: string;
  /** The server keeps the plan of a statement under its name. */
  readonly name: string;
}

const known = new Map<string, Numbered>();

/** A statement of the shared SQL (parameters are `?`) in PostgreSQL's form. None of ours holds a question mark otherwise. */
export function numbered(statement: string): Numbered {
  const before = known.get(statement);
  if (before !== undefined) return before;
  let count = 0;
  const text = statement.replaceAll('?', () => `$${(count += 1)}`);
  const made = { text, name: hash('sha256', text, 'hex').slice(0, 32) };
  known.set(statement, made);
  return made;
}
