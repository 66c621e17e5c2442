// SPDX-License-Identifier: Apache-2.0
import type { Estate } from './estate.ts';
import { readAnswers, type RecordedAnswer } from './recorded-answers.ts';
import { mergedRows, recordedRow, servedCell, textOf, type RecordedRow } from './recorded-cell.ts';
import { RecordedClasses } from './recorded-classes.ts';
import { completedDictionary } from './recorded-dictionary.ts';
import { classField, classifiedItems, itemTables, type AnsweredRows } from './recorded-items.ts';
import { listSource, Table } from './rows.ts';

/** Tables that every instance has; one that was not recorded is empty. */
const alwaysThere = [
  'cmdb_rel_ci',
  'sys_user',
  'sys_user_group',
  'sys_user_grmember',
  'sys_dictionary',
  'sys_audit_delete',
];

/**
 * An estate from a file of recorded answers, see recorded-answers.ts for its form. Rows of one table are merged by sys_id;
 * items of all classes stand in one table, as their common parent shows them, and asking for a class gives those of the
 * classes below. Throws UnreadableRecording.
 */
export function readRecording(file: string): Estate {
  const answered: AnsweredRows[] = readAnswers(file).map((answer) => ({ answer, rows: rowsOf(answer) }));
  const of = (table: string) =>
    answered.filter(({ answer }) => answer.table === table).flatMap(({ rows }) => rows);
  const classes = new RecordedClasses(of('sys_db_object'));
  const tablesOfItems = itemTables(answered, classes);
  const isOfItems = ({ answer }: AnsweredRows) => tablesOfItems.has(answer.table);
  const items = mergedRows(classifiedItems(answered.filter(isOfItems), classes));

  const byTable = new Map<string, readonly RecordedRow[]>();
  for (const table of new Set(answered.map(({ answer }) => answer.table))) {
    if (!tablesOfItems.has(table)) byTable.set(table, mergedRows(of(table)));
  }
  for (const table of alwaysThere) if (!byTable.has(table)) byTable.set(table, []);
  byTable.set('cmdb_ci', items);
  byTable.set('sys_db_object', classes.rows());
  const chainOf = (table: string) => classes.chain(table);
  const dictionary = completedDictionary(byTable.get('sys_dictionary') ?? [], fieldsOf(byTable), chainOf);
  byTable.set('sys_dictionary', dictionary);

  const tables = new Map([...byTable].map(([table, rows]) => [table, toTable(rows)] as const));
  return {
    tables,
    isClass: (name) =>
      classes.isItem(name) || (classes.has(name) && chainOf(name).some((above) => tablesOfItems.has(above))),
    classesBelow: remembered((name) => classes.below(name)),
    // Which table has which column is not in a recording: every class shows whatever was recorded of its items.
    columnsOf: () => undefined,
  };
}

/** The tree stands once it is read, and every request asks for it. */
function remembered<Value>(work: (name: string) => Value): (name: string) => Value {
  const known = new Map<string, Value>();
  return (name) => {
    const value = known.get(name) ?? work(name);
    known.set(name, value);
    return value;
  };
}

function rowsOf(answer: RecordedAnswer): RecordedRow[] {
  const rows = answer.rows.map((raw) => recordedRow(raw, answer.labelsOnly));
  const [single] = rows;
  if (answer.id === undefined || single === undefined || rows.length > 1) return rows;
  return [
    single['sys_id'] === undefined ? { ...single, sys_id: { value: answer.id, label: undefined } } : single,
  ];
}

/** The fields that the rows of each table have; of items those of each class. */
function fieldsOf(byTable: ReadonlyMap<string, readonly RecordedRow[]>): Map<string, Set<string>> {
  const fields = new Map<string, Set<string>>([['cmdb_ci', new Set()]]);
  for (const [table, rows] of byTable) {
    if (table === 'sys_dictionary' || table === 'sys_db_object') continue;
    for (const row of rows) {
      const name = table === 'cmdb_ci' ? textOf(row['sys_class_name']) || textOf(row[classField]) : table;
      const known = fields.get(name) ?? new Set<string>();
      for (const field of Object.keys(row)) known.add(field);
      fields.set(name, known);
    }
  }
  return fields;
}

function toTable(rows: readonly RecordedRow[]): Table {
  const served = rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([field, cell]) => [field, servedCell(cell)])),
  );
  return new Table(listSource(served));
}
