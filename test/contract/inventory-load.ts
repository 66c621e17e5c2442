// SPDX-License-Identifier: Apache-2.0
import { contentHash, normalForm } from '../../src/inventory/hash.ts';
import type { NormalisedRecord, RecordKind } from '../../src/inventory/kinds.ts';
import type { HashedRecord, PassVerdict, Store } from '../../src/store/port.ts';
import { at, claimOf, deleteAll, ended, endOf, full, page, pass } from './contract-bench.ts';

export type Columns = Readonly<Record<string, string | number | boolean>>;

/** Records of one kind by their external ids, as a stream of a system sends them. */
export interface Load {
  readonly kind: RecordKind;
  readonly system: string;
  readonly stream: string;
  readonly rows: Readonly<Record<string, Columns>>;
  readonly demo?: boolean;
  /** The part of the stream that is read; what stood in others alone is withdrawn. */
  readonly scope?: string;
}

export function hashed(kind: RecordKind, externalId: string, columns: Columns): HashedRecord {
  const record = { externalId, columns, attributes: {} } as NormalisedRecord;
  return { record, hash: contentHash(normalForm(kind, record)) };
}

/** A run that reads the stream to its end: what it does not see is gone from then on. Answers what it counted. */
export async function load(store: Store, runUid: string, given: Load) {
  const { kind, system, stream, rows, demo = false, scope = 'all' } = given;
  const hold = await store.claim(claimOf(runUid, { system, systemUid: `uid of ${system}`, demo }));
  const { id } = await store.beginPass(hold, { ...pass, stream, record: kind, fullSince: at(50) });
  const records = Object.entries(rows).map(([externalId, columns]) => hashed(kind, externalId, columns));
  await store.writePage(hold, page(id, records, { scope }));
  await store.endScope(hold, { ...full(id), scope });
  await store.endPass(hold, ended(id), (): PassVerdict => ({ ...deleteAll(), withdraw: true }));
  const [progress] = await store.progress(runUid);
  await store.finish(hold, endOf(runUid));
  return progress?.tally;
}
