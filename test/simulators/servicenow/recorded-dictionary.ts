// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { textOf, type RecordedRow } from './recorded-cell.ts';

/** Fields that every table of configuration items has, whether or not they were recorded. */
const baseFields = ['sys_id', 'sys_class_name', 'name'] as const;
const secretName = /passw|secret|credential|private_?key|api_?key|token/iu;

/**
 * A recorded dictionary with rows for the columns that the recorded rows have and it lacks: recordings hold the columns of
 * one table at most, and real instances never answer columns that are not in it. Without any recorded row it stays empty.
 * `chainOf` gives a table and those above it.
 */
export function completedDictionary(
  recorded: readonly RecordedRow[],
  fieldsByTable: ReadonlyMap<string, ReadonlySet<string>>,
  chainOf: (table: string) => readonly string[],
): readonly RecordedRow[] {
  if (recorded.length === 0) return [];
  const known = new Set(recorded.map((row) => `${textOf(row['name'])}.${textOf(row['element'])}`));
  const added: RecordedRow[] = [];
  for (const [table, fields] of fieldsByTable) {
    const chain = chainOf(table);
    const isItem = chain.includes('cmdb_ci');
    const home = isItem ? 'cmdb_ci' : (chain.at(-1) ?? table);
    const wanted = isItem ? [...baseFields, ...fields] : fields;
    for (const field of wanted) {
      if (field.includes('.') || field.startsWith('$')) continue;
      if (chain.some((name) => known.has(`${name}.${field}`))) continue;
      known.add(`${home}.${field}`);
      added.push(dictionaryRow(home, field));
    }
  }
  return [...recorded, ...added];
}

function dictionaryRow(name: string, element: string): RecordedRow {
  const cells = {
    sys_id: hash('sha256', `column ${name}.${element}`, 'hex').slice(0, 32),
    name,
    element,
    internal_type: secretName.test(element) ? 'password2' : 'string',
    active: 'true',
  };
  return Object.fromEntries(
    Object.entries(cells).map(([field, value]) => [field, { value, label: undefined }]),
  );
}
