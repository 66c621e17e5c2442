// SPDX-License-Identifier: Apache-2.0
import { UnreadableRecording, type RecordedAnswer } from './recorded-answers.ts';
import { textOf, type RecordedCell, type RecordedRow } from './recorded-cell.ts';
import type { RecordedClasses } from './recorded-classes.ts';

/** Rows of one answer. */
export interface AnsweredRows {
  readonly answer: RecordedAnswer;
  readonly rows: readonly RecordedRow[];
}

/** Where the class of a row that shows none is kept; no field of an instance can have this name. */
export const classField = '$class';

/**
 * The tables of configuration items: by their place in the class tree, or, where the tree does not hold them or what they
 * hang on, custom and CMDB tables whose rows have a class.
 */
export function itemTables(answered: readonly AnsweredRows[], classes: RecordedClasses): ReadonlySet<string> {
  const found = answered.filter(({ answer: { table }, rows }) => {
    if (classes.isItem(table)) return true;
    const top = classes.chain(table).at(-1) ?? table;
    return /^(u_|x_|cmdb_ci_)/u.test(top) && rows.some((row) => textOf(row['sys_class_name']) !== '');
  });
  return new Set(found.map(({ answer }) => answer.table));
}

/**
 * The rows of configuration items with their classes by name, and the classes that the tree does not hold hung below the
 * table whose answer held them. Throws UnreadableRecording for a class of which only a label is known that the tree does
 * not resolve.
 */
export function classifiedItems(answered: readonly AnsweredRows[], classes: RecordedClasses): RecordedRow[] {
  const items = answered.flatMap(({ answer, rows }) =>
    rows.map((row) => ({ table: answer.table, row: withClassName(row, answer, classes) })),
  );
  // A custom table that nothing is known of is one of configuration items, since its rows have a class.
  for (const { table } of items) if (!classes.has(table)) classes.hang(table, 'cmdb_ci');
  const deeper = (one: string, other: string | undefined) =>
    other === undefined || classes.chain(one).length > classes.chain(other).length;
  const tableOfClass = new Map<string, string>();
  const tableOfItem = new Map<string, string>();
  for (const { table, row } of items) {
    const name = textOf(row['sys_class_name']);
    const id = textOf(row['sys_id']);
    if (name !== '' && deeper(table, tableOfClass.get(name))) tableOfClass.set(name, table);
    if (deeper(table, tableOfItem.get(id))) tableOfItem.set(id, table);
  }
  for (const [name, table] of tableOfClass) classes.hang(name, table);
  return items.map(({ table, row }) => {
    const id = textOf(row['sys_id']);
    const value = (id === '' ? undefined : tableOfItem.get(id)) ?? table;
    return { ...row, [classField]: { value, label: undefined } };
  });
}

function withClassName(row: RecordedRow, answer: RecordedAnswer, classes: RecordedClasses): RecordedRow {
  const cell = row['sys_class_name'];
  if (cell === undefined) return row;
  const shown = shownClass(cell);
  const odd = 'odd' in cell;
  if (shown === '' || (classes.has(shown) && !odd)) return row;
  const name = classes.has(shown) ? shown : classes.byLabel(shown);
  if (name !== undefined) return { ...row, sys_class_name: { value: name, label: shown } };
  // The names of tables are of lower case with underscores; a label of one lower-case word could be either.
  const isName = /^[a-z][a-z0-9]*(_[a-z0-9]+)+$/u.test(shown) || shown === answer.table;
  if (isName && !odd) return row;
  throw new UnreadableRecording(
    `${answer.where}: sys_class_name "${shown}" is the label of a class that the tree does not hold; record with sysparm_display_value=all or false, or add the rows of sys_db_object with name and label`,
  );
}

/** The class as the row shows it: by name, or by label where nothing else is there. */
function shownClass(cell: RecordedCell): string {
  if (!('odd' in cell)) return cell.value;
  const { odd } = cell;
  const label: unknown =
    typeof odd === 'object' && odd !== null && 'display_value' in odd ? odd.display_value : '';
  return typeof label === 'string' ? label : '';
}
