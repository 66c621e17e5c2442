// SPDX-License-Identifier: Apache-2.0
import type { AttributeMap, AttributeValue } from '../../src/inventory/kinds.ts';
import { int32 } from './account-control.ts';
import { parseExtendedDn } from './distinguished-name.ts';
import { fileTime, generalizedTime } from './times.ts';
import type { ObjectRow } from './wire.ts';

/** The first value of an attribute, by its name in any spelling; undefined when there is none. */
export function valueOf(row: ObjectRow, attribute: string): string | undefined {
  const name = attribute.toLowerCase();
  const value = Object.hasOwn(row, name) ? row[name]?.[0] : undefined;
  return value === '' ? undefined : value;
}

/** The value that names the record. Throws when there is none. */
export function required(row: ObjectRow, attribute: string): string {
  const value = valueOf(row, attribute);
  if (value === undefined) throw new Error(`${attribute} is empty`);
  return value;
}

/** A text that a column takes; a longer one is left to the attributes. */
export function short(text: string | undefined, maxLength = 1024): string | undefined {
  return text !== undefined && text.length <= maxLength ? text : undefined;
}

/** How a value is kept: as text, as a number of 32 bits, as a time, as a flag, as a DN, or as the id of the object that a DN leads to. */
export type ValueForm = 'text' | 'int' | 'fileTime' | 'generalizedTime' | 'flag' | 'dn' | 'reference';

const parsers: Readonly<Record<ValueForm, (text: string) => AttributeValue | undefined>> = {
  text: (value) => value,
  int: int32,
  fileTime,
  generalizedTime,
  flag: (value) => (value === 'TRUE' ? true : value === 'FALSE' ? false : undefined),
  dn: (value) => parseExtendedDn(value).dn,
  reference: (value) => parseExtendedDn(value).guid ?? value,
};

export function timeOf(row: ObjectRow, attribute: string): string | undefined {
  const value = valueOf(row, attribute);
  return value === undefined ? undefined : (generalizedTime(value) ?? fileTime(value));
}

export function numberOf(row: ObjectRow, attribute: string): number | undefined {
  const value = valueOf(row, attribute);
  return value === undefined ? undefined : int32(value);
}

/** The id of the object that a DN leads to. */
export function referenceOf(row: ObjectRow, attribute: string): string | undefined {
  const value = valueOf(row, attribute);
  return value === undefined ? undefined : parseExtendedDn(value).guid;
}

/** Attributes that no column of ours holds word for word, under the vendor's names. A value of another form is kept as it is. */
export function attributesOf(
  row: ObjectRow,
  kept: Readonly<Record<string, ValueForm>>,
  columns: Readonly<Record<string, unknown>>,
): AttributeMap {
  const held = new Set(Object.values(columns));
  const attributes: Record<string, AttributeValue> = {};
  for (const [name, form] of Object.entries(kept)) {
    const value = valueOf(row, name);
    if (value === undefined) continue;
    const isPoint = form === 'fileTime' || form === 'generalizedTime';
    // Of a time that is none, as "never", nothing is kept.
    const parsed = parsers[form](value) ?? (isPoint ? undefined : value);
    if (parsed !== undefined && !(form === 'text' && held.has(parsed))) attributes[name] = parsed;
  }
  return attributes;
}

/** Columns without those that are empty. */
export function filled<Columns extends object>(columns: {
  readonly [Name in keyof Columns]: Columns[Name] | undefined;
}): Columns {
  // What is left has its type; the engine checks every record against the schema again.
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined)) as Columns;
}
