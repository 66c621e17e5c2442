// SPDX-License-Identifier: Apache-2.0
import type { StoredAction } from '../store/port/archive.ts';
import { digestOf } from './run-record.ts';
import { jsonObject, shown } from './stored-run.ts';

/** Every column that repeats what is hashed, by the field of the record that has the same name. */
const columns = ['system', 'kind', 'at', 'actor'] as const;

/** What in the row of an action contradicts what is hashed, in words; empty for a sound one. */
export function actionDifferences(action: StoredAction): readonly string[] {
  const { json, digest } = action;
  if (json === undefined) return ['the record is empty'];
  const computed = digestOf(json);
  const hashed =
    computed === digest ? [] : [`the record has the digest ${computed}, not ${shown(digest)} of its row`];
  const record = jsonObject(json);
  if (record === undefined) return [...hashed, 'the record is no JSON object'];
  const differing = columns.filter((column) => record[column] !== action[column]);
  return [
    ...hashed,
    ...differing.map(
      (column) => `column ${column} is ${shown(action[column])}, the record says ${shown(record[column])}`,
    ),
  ];
}
