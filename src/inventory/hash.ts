// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { kinds, recordKinds, type AttributeValue, type NormalisedRecord, type RecordKind } from './kinds.ts';

const columnOrder = new Map<RecordKind, readonly string[]>(
  recordKinds.map((kind) => [kind, Object.keys(kinds[kind].properties)]),
);

/** Names as JSON, with the colon. The same few hundred come again and again; a source that makes up names does not fill memory. */
const names = new Map<string, string>();
const maxNames = 4096;

function nameOf(property: string): string {
  const known = names.get(property);
  if (known !== undefined) return known;
  const made = `${JSON.stringify(property)}:`;
  if (names.size < maxNames) names.set(property, made);
  return made;
}

/**
 * The record as JSON text: its columns in the order of the schema and its attributes with keys sorted. An empty column is left out, so
 * that a column which a later version adds changes nothing of a record that has no value for it. It is put together by hand: to build
 * the objects in this order first, only to have them written, takes twice as long, and this is done for every row of every run.
 */
export function normalForm(kind: RecordKind, record: NormalisedRecord): string {
  const columns = record.columns as Readonly<Record<string, AttributeValue | undefined>>;
  let present = '';
  for (const property of columnOrder.get(kind) ?? []) {
    const value = columns[property];
    if (value === undefined || value === null) continue;
    if (present !== '') present += ',';
    present += nameOf(property) + jsonOf(value);
  }
  return `[${jsonOf(kind)},{${present}},${jsonOf(record.attributes)}]`;
}

/** Printable ASCII without quotation marks and backslashes: nothing to escape. */
const plain = /^[ !#-[\]-~]*$/u;

function jsonOf(value: AttributeValue): string {
  if (typeof value === 'string') return plain.test(value) ? `"${value}"` : JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((one: AttributeValue) => jsonOf(one)).join(',')}]`;
  const map = value as Readonly<Record<string, AttributeValue>>;
  let members = '';
  for (const key of Object.keys(map).toSorted()) {
    if (members !== '') members += ',';
    members += nameOf(key) + jsonOf(map[key] ?? null);
  }
  return `{${members}}`;
}

/**
 * SHA-256 (base64url) over the normal form. Run metadata is no part of it, so an unchanged record has an equal hash in every run.
 * One call of `crypto.hash` is several times faster than a Hash object for rows of a few kilobytes.
 */
export function contentHash(form: string): string {
  return hash('sha256', form, 'base64url');
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
