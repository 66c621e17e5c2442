// SPDX-License-Identifier: Apache-2.0
import type { MappableRow } from '../../src/connector/mapping.ts';
import { isBareId, valueOf } from './fields.ts';
import { toRfc3339 } from './stored-time.ts';
import type { Row } from './wire.ts';

const label = '.display';
const fieldPath = /^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*$/u;

/** The field that a path asks for, dots of references included: `location.city` of `location.city.display`. */
export function fieldOfPath(path: string): string {
  return path.endsWith(label) ? path.slice(0, -label.length) : path;
}

/** `field` is the stored value, `field.display` its label, `field.other` a field of the record that a reference leads to. */
export const mappableRow: MappableRow<Row> = {
  valueAt(row, path) {
    const field = fieldOfPath(path);
    if (field === path) return valueOf(row, field);
    const cell = Object.hasOwn(row, field) ? row[field] : undefined;
    // A server that answers plain values gives no labels: the value is all there is.
    const shown = typeof cell === 'object' && cell !== null ? cell.display_value : cell;
    // A reference without a label shows its id, which is no label either.
    return shown === undefined || shown === null || shown === '' || isBareId(shown) ? undefined : shown;
  },
  pathProblem(path) {
    if (fieldPath.test(path)) return undefined;
    return 'is no field of ServiceNow; use a name such as u_floor, u_floor.display or location.city';
  },
  toTime: toRfc3339,
};
