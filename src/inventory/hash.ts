// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { kinds, recordKinds, type AttributeValue, type NormalisedRecord, type RecordKind } from './kinds.ts';

const columnOrder = new Map<RecordKind, readonly string[]>(
  recordKinds.map((kind) => [kind, Object.keys(kinds[kind].properties)]),
);

/**
 * The record as text: its columns in the order of the schema and its attributes with keys sorted. An empty column is left out, so
 * that a column which a later version adds changes nothing of a record that has no value for it.
 */
export function normalForm(kind: RecordKind, record: NormalisedRecord): string {
  const columns = record.columns as Readonly<Record<string, unknown>>;
  const present: Record<string, unknown> = {};
  for (const name of columnOrder.get(kind) ?? []) {
    const value = columns[name];
    if (value !== undefined && value !== null) present[name] = value;
  }
  return JSON.stringify([kind, present, sorted(record.attributes)]);
}

/**
 * SHA-256 (base64url) over the normal form. Run metadata is no part of it, so an unchanged record has an equal hash in every run.
 * One call of `crypto.hash` is several times faster than a Hash object for rows of a few kilobytes.
 */
export function contentHash(form: string): string {
  return hash('sha256', form, 'base64url');
}

function sorted(value: AttributeValue): AttributeValue {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const map = value as Readonly<Record<string, AttributeValue>>;
  // Without a prototype, so that a field called __proto__ is a field like any other.
  const result = Object.create(null) as Record<string, AttributeValue>;
  for (const key of Object.keys(map).toSorted()) result[key] = sorted(map[key] ?? null);
  return result;
}

/** In JSON both show as an escape; a backslash that is itself escaped may stand before what only looks like one. */
const unstorableInJson = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/iu;

/**
 * Whether a text (as JSON) holds what no text column of every database can hold: the character NUL, or half of a surrogate pair.
 */
export function isUnstorable(json: string): boolean {
  // The search is a few times faster than the pattern, and nearly always says no.
  if (!json.includes('\\u0000') && !json.includes('\\ud') && !json.includes('\\uD')) return false;
  return unstorableInJson.test(json);
}
