// SPDX-License-Identifier: Apache-2.0
import type { AttributeMap, AttributeValue } from '../../src/inventory/kinds.ts';
import { isObject, propertyOf, type Raw } from './raw-row.ts';

/** Stands where a time was never set (observed). */
const neverSet = '0001-01-01T00:00:00Z';
/** Stands where an id is not known (observed): to join by it would make one of all that have it. */
const zeroId = '00000000-0000-0000-0000-000000000000';

/** A time as columns hold it; undefined for the sentinel and for what is none. Graph writes up to seven decimals. Pure. */
export function timeOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const [, local, fraction = ''] =
    /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d{1,3})?\d{0,6}Z$/u.exec(value) ?? [];
  if (local === undefined || `${local}Z` === neverSet) return undefined;
  const time = new Date(`${local}Z`);
  // Date rolls 31 February over to March; only what comes back as it went in is a time.
  if (Number.isNaN(time.getTime()) || time.toISOString().slice(0, 19) !== local) return undefined;
  return `${local}${/^\.0*$/u.test(fraction) ? '' : fraction}Z`;
}

/** An id in lower case, as ids are stored; undefined for an empty one and for the one of zeros. Pure. */
export function idOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '' || value === zeroId) return undefined;
  return value.toLowerCase();
}

/** A text that a column takes; a longer one stays in the attributes only. Pure. */
export function textOf(value: unknown, maxLength = 1024): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= maxLength ? value : undefined;
}

export function flagOf(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

/** Columns without those that have no value. */
export function present<Columns extends object>(columns: {
  readonly [Name in keyof Columns]: Columns[Name] | undefined;
}): Columns {
  const kept = Object.entries(columns).filter(([, value]) => value !== undefined);
  // Only what is undefined was taken out, and such columns are optional; the engine checks every record against its schema.
  return Object.fromEntries(kept) as Columns;
}

/**
 * What of a row no column holds word for word, under the vendor's names. `held` names what is kept elsewhere or not at all, besides the id. Empty values
 * say nothing and are left out, and so are Graph's own annotations.
 */
export function attributesOf(
  row: Raw,
  columns: Readonly<Record<string, unknown>>,
  held: Readonly<Record<string, string | readonly string[] | true>>,
): AttributeMap {
  const attributes: Record<string, AttributeValue> = {};
  for (const [name, value] of Object.entries(row)) {
    const where = Object.hasOwn(held, name) ? held[name] : undefined;
    if (name === 'id' || where === true) continue;
    const kept = typeof where === 'string' ? [where] : (where ?? []);
    if (kept.some((column) => columns[column] !== undefined && sameWord(columns[column], value))) continue;
    const attribute = attributeOf(value);
    if (attribute !== undefined) attributes[name] = attribute;
  }
  return attributes;
}

/** Whether a column tells all that a value says: times and ids are written in another form. */
function sameWord(column: unknown, value: unknown): boolean {
  return column === value || column === timeOf(value) || column === idOf(value);
}

function attributeOf(value: unknown): AttributeValue | undefined {
  if (typeof value === 'string')
    return value === '' || value === neverSet || value === zeroId ? undefined : value;
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) {
    const items = value.flatMap((item) => attributeOf(item) ?? []);
    return items.length === 0 ? undefined : items;
  }
  if (!isObject(value)) return undefined;
  const members = Object.entries(value).flatMap(([name, member]) => {
    const attribute = name.startsWith('@') ? undefined : attributeOf(member);
    return attribute === undefined ? [] : [[name, attribute] as const];
  });
  return members.length === 0 ? undefined : Object.fromEntries(members);
}

/** Ids of what a relation leads to, of one type where the type is told. */
export function relatedIds(value: unknown, type: string): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.flatMap((one) => {
    const told = propertyOf(one, '@odata.type');
    return told === undefined || told === `#microsoft.graph.${type}`
      ? (idOf(propertyOf(one, 'id')) ?? [])
      : [];
  });
}
