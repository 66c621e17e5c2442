// SPDX-License-Identifier: Apache-2.0
import type { TSchema } from 'typebox';
import { tableOf } from '../inventory/columns.ts';
import { kinds, type RecordKind } from '../inventory/kinds.ts';

export type MappedValue = string | number | boolean;

export type ColumnType = ReturnType<typeof tableOf>['columns'][number]['type'];

/** Reads a time of the vendor as RFC 3339, UTC; undefined when it is none of the vendor's form. */
export type ToTime = (text: string) => string | undefined;

/** What a text becomes in a field, or why it fits there not: a phrase that follows the value. */
export type Conversion = { readonly value: MappedValue } | { readonly problem: string };

/** A field of a record kind that may be mapped. */
export interface MappableColumn {
  readonly property: string;
  readonly type: ColumnType;
  convert(text: string, toTime?: ToTime): Conversion;
}

/** The columns of a kind that may be mapped: all but those that are required, since they name the record. */
export function mappableColumns(kind: RecordKind): ReadonlyMap<string, MappableColumn> {
  const properties = kinds[kind].properties as Readonly<Record<string, TSchema>>;
  const { columns } = tableOf(kind);
  const required = new Set(columns.filter((column) => column.required).map(({ property }) => property));
  const mappable = [...columnTypes(kind)].filter(([property]) => !required.has(property));
  return new Map(
    mappable.map(([property, type]) => {
      const schema = properties[property] ?? {};
      const converter = converters[type];
      return [property, { property, type, convert: (text, toTime) => converter(text, schema, toTime) }];
    }),
  );
}

/** The type of each column of a kind, in the order of its schema. */
export function columnTypes(kind: RecordKind): ReadonlyMap<string, ColumnType> {
  const types = new Map(tableOf(kind).columns.map(({ property, type }) => [property, type]));
  // `name` is one of the common columns, of every kind that has it a text.
  return new Map(Object.keys(kinds[kind].properties).map((name) => [name, types.get(name) ?? 'text']));
}

/** A text in a field; an attribute, which has no column, takes any. */
export function convert(
  text: string,
  column: MappableColumn | undefined,
  toTime: ToTime | undefined,
): Conversion {
  return column === undefined ? { value: text } : column.convert(text, toTime);
}

type Converter = (text: string, schema: TSchema, toTime?: ToTime) => Conversion;

/** Only what loses nothing: the same value could be read back. */
const converters: Readonly<Record<ColumnType, Converter>> = {
  text(value, schema) {
    const { maxLength, enum: allowed } = schema as { maxLength?: number; enum?: readonly string[] };
    if (allowed !== undefined && !allowed.includes(value)) {
      return { problem: `is none of ${allowed.join(', ')}` };
    }
    if (maxLength !== undefined && value.length > maxLength) {
      return { problem: `is longer than ${maxLength} characters` };
    }
    return { value };
  },
  integer(text) {
    const value = Number(text);
    const whole = /^(?:0|[1-9]\d{0,15})$/u.test(text) && Number.isSafeInteger(value);
    return whole ? { value } : { problem: 'is no whole number of 0 or more' };
  },
  boolean(text) {
    if (text === 'true' || text === '1') return { value: true };
    if (text === 'false' || text === '0') return { value: false };
    return { problem: 'is neither true nor false' };
  },
  time(text, _, toTime) {
    const value = toTime?.(text) ?? toUtc(text);
    return value === undefined
      ? { problem: 'is no time; use a form such as 2026-03-01T08:15:00Z' }
      : { value };
  },
  date(text, _, toTime) {
    const midnight = toUtc(`${text}T00:00:00Z`) ?? toTime?.(text) ?? toUtc(text);
    const day = /^(\d{4}-\d{2}-\d{2})T00:00:00Z$/u.exec(midnight ?? '')?.[1];
    return day === undefined ? { problem: 'is no date; use a form such as 2026-03-01' } : { value: day };
  },
};

const rfc3339 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d{1,3})?(?:Z|[+-]\d{2}:\d{2})$/u;

/** A time with its zone, in UTC; undefined when it is none or does not exist in the calendar. */
export function toUtc(text: string): string | undefined {
  const [, local, fraction = ''] = rfc3339.exec(text) ?? [];
  if (local === undefined) return undefined;
  const asUtc = new Date(`${local}Z`);
  // Date rolls 31 February over to March; only what comes back as it went in is a time.
  if (Number.isNaN(asUtc.getTime()) || asUtc.toISOString().slice(0, 19) !== local) return undefined;
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? undefined : `${time.toISOString().slice(0, 19)}${fraction}Z`;
}
