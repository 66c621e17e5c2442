// SPDX-License-Identifier: Apache-2.0
import { contentHash, normalForm } from '../inventory/hash.ts';
import type { NormalisedRecord, RecordKind } from '../inventory/kinds.ts';
import type { HashedRecord, StoredValueReader } from '../store/port.ts';

/**
 * Records as they are to be written: what a reading could not tell of one stays as it stands. Without it a right that is missing for
 * a day would empty a column of every record, and fill it again the next.
 */
export async function withUntold(
  store: StoredValueReader,
  stream: { readonly system: string; readonly stream: string; readonly record: RecordKind },
  records: readonly HashedRecord[],
): Promise<readonly HashedRecord[]> {
  const incomplete = records.filter(({ record }) => askedOf(record).length > 0);
  if (incomplete.length === 0) return records;
  const columns = [...new Set(incomplete.flatMap(({ record }) => askedOf(record)))];
  const ids = incomplete.map(({ record }) => record.externalId);
  const stored = await store.storedValues(stream, ids, columns);
  return records.map((hashed) => {
    const standing = stored.get(hashed.record.externalId);
    if (standing === undefined) return hashed;
    const kept = [...lackingIn(hashed.record), ...makeshiftIn(hashed.record, standing)].filter(
      (column) => standing[column] !== undefined,
    );
    if (kept.length === 0) return hashed;
    const values = Object.fromEntries(kept.map((column) => [column, standing[column]]));
    const record = { ...hashed.record, columns: { ...hashed.record.columns, ...values } };
    return { record, hash: contentHash(normalForm(stream.record, record)) };
  });
}

/** The columns of which the stored values matter. */
function askedOf(record: NormalisedRecord): readonly string[] {
  const { makeshift } = record;
  const ofMakeshift = makeshift === undefined ? [] : [...makeshift.columns, makeshift.whileSame];
  return [...lackingIn(record), ...ofMakeshift];
}

/** What was not told, and no mapping gave either. */
function lackingIn({ untold = [], columns }: NormalisedRecord): readonly string[] {
  const given: Readonly<Record<string, unknown>> = columns;
  return untold.filter((column) => given[column] === undefined);
}

function makeshiftIn(
  { makeshift, columns }: NormalisedRecord,
  standing: Readonly<Record<string, unknown>>,
): readonly string[] {
  const given: Readonly<Record<string, unknown>> = columns;
  if (makeshift === undefined || given[makeshift.whileSame] !== standing[makeshift.whileSame]) return [];
  return makeshift.columns;
}
