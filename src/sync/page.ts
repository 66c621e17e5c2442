// SPDX-License-Identifier: Apache-2.0
import type { BoundStream } from '../connector/contract.ts';
import { contentHash } from '../inventory/hash.ts';
import type { HashedRecord, RowSetAside } from '../store/port.ts';

/** Largest record that is stored, as JSON; a larger row is set aside. */
export const maxRecordBytes = 256 * 1024;
/** How much of a row that is set aside is kept. */
export const maxRawBytes = 16 * 1024;

export interface SortedPage {
  readonly records: readonly HashedRecord[];
  readonly setAside: readonly RowSetAside[];
  /** Rows whose id could not be read: nobody can say which records this page has seen. */
  readonly unreadableIds: number;
}

/** Sorts the raw rows of one page into records and rows to set aside. Of several rows with one id the last wins. */
export function sortPage(
  stream: BoundStream,
  rows: readonly unknown[],
  redact: (text: string) => string,
): SortedPage {
  const records = new Map<string, HashedRecord>();
  const setAside: RowSetAside[] = [];
  let unreadableIds = 0;
  for (const raw of rows) {
    const outcome = stream.normalise(raw);
    if (outcome.type === 'record') {
      const { record } = outcome;
      const bytes = sizeBound(record.attributes, record.columns);
      if (bytes <= maxRecordBytes) {
        records.set(record.externalId, { record, hash: contentHash(stream.record, record) });
        continue;
      }
      const reason = `record is ${bytes} bytes as JSON, more than ${maxRecordBytes}`;
      setAside.push({ externalId: record.externalId, reason, path: '', raw: excerpt(raw, redact) });
      records.delete(record.externalId);
      continue;
    }
    if (outcome.externalId === undefined) unreadableIds += 1;
    else records.delete(outcome.externalId);
    const { externalId, reason, path } = outcome;
    setAside.push({ externalId, reason: redact(reason), path, raw: excerpt(raw, redact) });
  }
  return { records: [...records.values()], setAside, unreadableIds };
}

/** Bytes of the record as JSON; the cheap upper bound is enough for the many small ones. */
function sizeBound(attributes: object, columns: object): number {
  let characters = 0;
  for (const part of [attributes, columns]) {
    for (const value of Object.values(part)) {
      characters += typeof value === 'string' ? value.length + 64 : 64;
      if (typeof value === 'object' && value !== null) characters += JSON.stringify(value).length;
    }
  }
  if (characters * 4 <= maxRecordBytes) return characters;
  return Buffer.byteLength(JSON.stringify({ columns, attributes }));
}

function excerpt(raw: unknown, redact: (text: string) => string): string {
  const text = redact(JSON.stringify(raw) ?? 'undefined');
  const bytes = Buffer.from(text);
  return bytes.length <= maxRawBytes ? text : `${bytes.subarray(0, maxRawBytes).toString('utf8')}…`;
}
