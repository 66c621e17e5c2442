// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { kinds, recordKinds, type AttributeValue, type NormalisedRecord, type RecordKind } from './kinds.ts';

const columnOrder = new Map<RecordKind, readonly string[]>(
  recordKinds.map((kind) => [kind, Object.keys(kinds[kind].properties)]),
);

/**
 * SHA-256 (base64url) over the normalised record: its columns in the order of the schema and its attributes with keys
 * sorted. Run metadata is no part of it, so an unchanged record has an equal hash in every run. One call of
 * `crypto.hash` is several times faster than a Hash object for rows of a few kilobytes.
 */
export function contentHash(kind: RecordKind, record: NormalisedRecord): string {
  const columns = record.columns as Readonly<Record<string, unknown>>;
  const values = (columnOrder.get(kind) ?? []).map((name) => columns[name] ?? null);
  return hash('sha256', JSON.stringify([kind, values, sorted(record.attributes)]), 'base64url');
}

function sorted(value: AttributeValue): AttributeValue {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const map = value as Readonly<Record<string, AttributeValue>>;
  const result: Record<string, AttributeValue> = {};
  for (const key of Object.keys(map).toSorted()) result[key] = sorted(map[key] ?? null);
  return result;
}
