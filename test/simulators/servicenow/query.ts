// SPDX-License-Identifier: Apache-2.0

export interface Condition {
  readonly field: string;
  readonly operator: string;
  readonly operand: string;
  /** Joined to the condition before it by or. */
  readonly or: boolean;
}

export interface Query {
  /** Alternatives (`^NQ`), each a list of conditions. */
  readonly alternatives: readonly (readonly Condition[])[];
  /** Bounds of sys_id that hold for the whole query; they are found by search, not by looking at rows. */
  readonly after: string | undefined;
  readonly upTo: string | undefined;
  /** The only sys_ids that may fit, in their order; found by search likewise. */
  readonly among: readonly string[] | undefined;
  readonly descending: boolean;
  /** The conditions without bounds and ids: what a cached list of rows is kept under. */
  readonly key: string;
}

const operators = [
  'NOT IN',
  'IN',
  'NOT LIKE',
  'LIKE',
  'STARTSWITH',
  'ENDSWITH',
  'ISNOTEMPTY',
  'ISEMPTY',
  'BETWEEN',
  '>=',
  '<=',
  '!=',
  '=',
  '>',
  '<',
];
const condition = new RegExp(String.raw`^([a-z0-9_.]+)(${operators.join('|')})(.*)$`, 'u');

/** Reads an encoded query. What is no condition is ignored, as a real instance does. */
export function parseQuery(text: string): Query {
  let after: string | undefined;
  let upTo: string | undefined;
  let among: readonly string[] | undefined;
  let descending = false;
  const alternatives = text.split('^NQ').map((alternative) => {
    const conditions: Condition[] = [];
    const parts = alternative.split('^');
    for (const [index, part] of parts.entries()) {
      if (part.startsWith('ORDERBY')) descending = part.startsWith('ORDERBYDESC');
      const or = /^OR(?=[a-z])/u.test(part);
      const found = condition.exec(or ? part.slice(2) : part);
      if (found === null) continue;
      const [, field = '', operator = '', operand = ''] = found;
      if (!or && field === 'sys_id' && operator === '>' && !text.includes('^NQ')) after = operand;
      else if (!or && field === 'sys_id' && operator === '<=' && !text.includes('^NQ')) upTo = operand;
      else if (field === 'sys_id' && operator === 'IN' && isAlone(text, or, parts[index + 1], among))
        among = [...new Set(operand.split(','))].toSorted();
      else conditions.push({ field, operator, operand, or });
    }
    return conditions;
  });
  return { alternatives, after, upTo, among, descending, key: JSON.stringify(alternatives) };
}

/** Whether a condition holds for the whole query: joined to nothing by or, and the first of its kind. */
function isAlone(text: string, or: boolean, next = '', before: readonly string[] | undefined): boolean {
  return !or && !/^OR(?=[a-z])/u.test(next) && !text.includes('^NQ') && before === undefined;
}

/** Whether a row fits. A condition on a field that the table does not have holds always: the dangerous default of real instances. */
export function fits(
  query: Query,
  knows: (field: string) => boolean,
  value: (field: string) => string,
): boolean {
  return query.alternatives.some((conditions) => {
    let all = true;
    let group: boolean | undefined;
    for (const one of conditions) {
      const holds = !knows(one.field) || holdsFor(value(one.field), one);
      if (one.or) group = group === true || holds;
      else {
        all = all && group !== false;
        group = holds;
      }
    }
    return all && group !== false;
  });
}

function holdsFor(value: string, { operator, operand }: Condition): boolean {
  switch (operator) {
    case 'NOT IN':
      return !operand.split(',').includes(value);
    case 'IN':
      return operand.split(',').includes(value);
    case 'LIKE':
      return value.includes(operand);
    case 'NOT LIKE':
      return !value.includes(operand);
    case 'STARTSWITH':
      return value.startsWith(operand);
    case 'ENDSWITH':
      return value.endsWith(operand);
    case 'ISEMPTY':
      return value === '';
    case 'ISNOTEMPTY':
      return value !== '';
    case 'BETWEEN': {
      const [low = '', high = ''] = operand.split('@');
      return value >= low && value <= high;
    }
    case '>=':
      return value >= operand;
    case '<=':
      return value <= operand;
    case '!=':
      return value !== operand;
    case '>':
      return value > operand;
    case '<':
      return value < operand;
    default:
      return value === operand;
  }
}
