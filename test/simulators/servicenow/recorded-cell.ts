// SPDX-License-Identifier: Apache-2.0
import { isObject, type RawRow } from './recorded-answers.ts';
import type { Cell } from './rows.ts';

/** A cell as far as an answer shows it; several answers may show the same one in different shapes. */
export type RecordedCell =
  | { readonly odd: unknown }
  | {
      readonly value: string;
      /** Undefined when the answer does not show it. */
      readonly label: string | null | undefined;
      readonly currency?: string;
      /** Only the label is known and stands for the value. */
      readonly labelOnly?: true;
    };
export type RecordedRow = Readonly<Record<string, RecordedCell>>;

export function recordedRow(raw: RawRow, labelsOnly: boolean): RecordedRow {
  return Object.fromEntries(
    Object.entries(raw).map(([field, cell]) => [field, recordedCell(cell, labelsOnly)]),
  );
}

function recordedCell(raw: unknown, labelsOnly: boolean): RecordedCell {
  if (typeof raw === 'string') {
    return labelsOnly && raw !== ''
      ? { value: raw, label: raw, labelOnly: true }
      : { value: raw, label: undefined };
  }
  if (!isObject(raw)) return { odd: raw };
  const { value = idIn(raw['link']), display_value: label, currency_display_value: currency } = raw;
  if (typeof value !== 'string') return { odd: raw };
  if (label !== undefined && label !== null && typeof label !== 'string') return { odd: raw };
  return { value, label, ...(typeof currency === 'string' ? { currency } : {}) };
}

/** The sys_id at the end of a reference's link. */
function idIn(link: unknown): string | undefined {
  return typeof link === 'string' ? /\/table\/\w+\/([^/?#]+)/u.exec(link)?.[1] : undefined;
}

/** One cell of two answers: the later value counts, and a label is kept as long as it belongs to that value. */
function mergedCell(older: RecordedCell, newer: RecordedCell): RecordedCell {
  if ('odd' in older || 'odd' in newer) return newer;
  if (newer.labelOnly === true && older.labelOnly !== true) return { ...older, label: newer.label };
  const sameValue = newer.value === older.value || older.labelOnly === true;
  if (!sameValue || newer.label !== undefined || older.label === undefined) return newer;
  const { label, currency } = older;
  return { ...newer, label, ...(currency === undefined ? {} : { currency }) };
}

export function mergedRow(older: RecordedRow, newer: RecordedRow): RecordedRow {
  const row: Record<string, RecordedCell> = { ...older };
  for (const [field, cell] of Object.entries(newer)) {
    const known = row[field];
    row[field] = known === undefined ? cell : mergedCell(known, cell);
  }
  return row;
}

/** Rows with the same sys_id are one; a row without one is no other's. */
export function mergedRows(rows: readonly RecordedRow[]): RecordedRow[] {
  const byId = new Map<string, RecordedRow>();
  const nameless: RecordedRow[] = [];
  for (const row of rows) {
    const id = textOf(row['sys_id']);
    const known = byId.get(id);
    if (id === '') nameless.push(row);
    else byId.set(id, known === undefined ? row : mergedRow(known, row));
  }
  return [...byId.values(), ...nameless];
}

/** The stored text of a cell; empty when there is none. */
export function textOf(cell: RecordedCell | undefined): string {
  return cell === undefined || 'odd' in cell ? '' : cell.value;
}

export function servedCell(cell: RecordedCell): Cell {
  if ('odd' in cell) return cell;
  const { value, label, currency } = cell;
  if (label === undefined && currency === undefined) return value;
  return {
    value,
    display_value: label === undefined ? value : label,
    ...(currency === undefined ? {} : { currency_display_value: currency }),
  };
}
