// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import type { Dictionary } from './dictionary.ts';
import { followPath } from './field-path.ts';

const where = 'spec.connector.serviceNowCmdb.query';

interface Condition {
  /** As written, bounded, for messages. */
  readonly text: string;
  /** The field, with the references that lead to it. */
  readonly path: readonly string[];
}

/** Operators of encoded queries that need nothing, and those that need something to compare with. */
const unary = ['ISNOTEMPTY', 'ISEMPTY'];
const binary = [
  ...['NOT IN', 'IN', 'NOT LIKE', 'LIKE', 'STARTSWITH', 'ENDSWITH', 'BETWEEN'],
  ...['>=', '<=', '!=', '=', '>', '<'],
];
const operators = new RegExp(`^(?:(${unary.join('|')})$|(${binary.join('|')})(.*)$)`, 'u');

/**
 * Checks the query of the configuration. ServiceNow ignores a condition on a field or with an operator that it does not know,
 * which then matches everything, so both must be known for every scope. Parts that would break paging are refused.
 */
export async function checkQuery(
  query: string,
  tables: readonly string[],
  dictionary: Dictionary,
): Promise<void> {
  for (const condition of query.split('^').map(parsed)) {
    for (const table of tables) await checkPath(condition, table, dictionary);
  }
}

/** Whether a query holds a condition for which the database has no index: through a reference, or on the end of a text. */
export function isUnindexed(query: string): boolean {
  return query
    .split('^')
    .some((condition) => /^(?:OR(?=[a-z]))?[a-z][a-z0-9_]*(?:\.|ENDSWITH)/u.test(condition));
}

function parsed(condition: string): Condition {
  const text = condition.slice(0, 40);
  if (/^(NQ|ORDERBY|GROUPBY|EQ$)/u.test(condition)) {
    throw refusal(`${text} cannot be used here; give conditions only`);
  }
  const found = /^(?:OR(?=[a-z]))?([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)(.*)$/su.exec(condition);
  const [, path, rest = ''] = found ?? [];
  if (path === undefined) throw refusal(`"${text}" names no field; write field, operator, value`);
  const [, alone, operator, operand = ''] = operators.exec(rest) ?? [];
  if (alone === undefined && operator === undefined) {
    const known = [...binary, ...unary].join(', ');
    throw refusal(`"${text}" has no known operator, and ServiceNow would ignore it; use one of ${known}`);
  }
  const mayBeEmpty = alone !== undefined || operator === '=' || operator === '!=';
  if (operand === '' && !mayBeEmpty) throw refusal(`"${text}" has nothing to compare with`);
  return { text, path: path.split('.') };
}

async function checkPath({ text, path }: Condition, scope: string, dictionary: Dictionary): Promise<void> {
  const trouble = await followPath(path, scope, dictionary);
  switch (trouble?.kind) {
    case undefined:
      return;
    case 'noDictionary':
      throw new Failure(
        'permission',
        `table sys_dictionary gives no rows for ${trouble.table}, so ${where} cannot be checked, and an unknown field would match everything; grant read access to sys_dictionary or remove the query`,
      );
    case 'unknown':
    case 'secret':
      throw refusal(
        `${trouble.table} has no field ${trouble.name}, and ServiceNow would ignore the condition; correct the name`,
      );
    case 'noReference':
      throw refusal(
        `"${text}": ${trouble.name} of ${trouble.table} is no reference, so nothing can be asked beyond it`,
      );
  }
}

function refusal(what: string): Failure {
  return new Failure('configuration', `${where}: ${what}`);
}
