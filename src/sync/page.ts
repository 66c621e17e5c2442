// SPDX-License-Identifier: Apache-2.0
import { bounded } from '../api/bounded.ts';
import type { BoundStream, ReadEvent, RowOutcome } from '../connector/contract.ts';
import { contentHash, isUnstorable, normalForm } from '../inventory/hash.ts';
import type { HashedRecord, RowSetAside } from '../store/port.ts';

/** Largest record that is stored, as JSON; a larger row is set aside. */
export const maxRecordBytes = 256 * 1024;
/** How much of a row that is set aside is kept. */
const maxRawCharacters = 16 * 1024;

export interface SortedPage {
  readonly removed: readonly string[];
  readonly removedMembers: readonly string[];
  readonly records: readonly HashedRecord[];
  readonly setAside: readonly RowSetAside[];
  readonly complete: readonly string[];
  /** Rows whose id could not be read: nobody can say which records this page has seen. */
  readonly unreadableIds: number;
}

/**
 * Sorts the raw rows of one page into records and rows to set aside. Of several rows with one id the last wins, whether it is
 * good or not.
 */
export function sortPage(
  stream: BoundStream,
  page: Pick<Extract<ReadEvent, { type: 'page' }>, 'rows' | 'removed' | 'removedMembers' | 'complete'>,
  redact: (text: string) => string,
): SortedPage {
  const records = new Map<string, HashedRecord>();
  const bad = new Map<string, RowSetAside>();
  const nameless: RowSetAside[] = [];
  for (const raw of page.rows) {
    const outcome = outcomeOf(stream, raw);
    if (outcome.type === 'record') {
      const { externalId } = outcome.hashed.record;
      bad.delete(externalId);
      records.set(externalId, outcome.hashed);
      continue;
    }
    const { externalId, reason, path } = outcome;
    const row = { externalId, reason: bounded(redact(reason), 512), path, ...excerpt(stream, raw, redact) };
    if (externalId === undefined) nameless.push(row);
    else {
      records.delete(externalId);
      bad.set(externalId, row);
    }
  }
  return {
    removed: [...new Set(page.removed)],
    removedMembers: [...new Set(page.removedMembers)],
    records: [...records.values()],
    setAside: [...bad.values(), ...nameless],
    complete: [...new Set(page.complete)],
    unreadableIds: nameless.length,
  };
}

type Outcome =
  { readonly type: 'record'; readonly hashed: HashedRecord } | Extract<RowOutcome, { type: 'invalid' }>;

export function outcomeOf(stream: BoundStream, raw: unknown): Outcome {
  const outcome = stream.normalise(raw);
  if (outcome.type === 'invalid') return outcome;
  const { record } = outcome;
  const { externalId } = record;
  const form = normalForm(stream.record, record);
  // Three bytes of UTF-8 at most for one unit: the exact count is needed for large ones only.
  const bytes = form.length * 3 <= maxRecordBytes ? form.length : Buffer.byteLength(form);
  if (bytes > maxRecordBytes) {
    const reason = `record is ${bytes} bytes as JSON, more than ${maxRecordBytes}`;
    return { type: 'invalid', externalId, reason, path: '' };
  }
  if (isUnstorable(form)) {
    const reason =
      'a text holds the character NUL or half of a surrogate pair, which no database text can hold';
    return { type: 'invalid', externalId, reason, path: '' };
  }
  return { type: 'record', hashed: { record, hash: contentHash(form) } };
}

/** What is kept of a row: what its schema allows, without the secrets that are known, within the bound. */
function excerpt(
  stream: BoundStream,
  raw: unknown,
  redact: (text: string) => string,
): Pick<RowSetAside, 'raw' | 'unreplayable'> {
  const { value, whole } = stream.keepable(raw);
  const form = JSON.stringify(value) ?? 'undefined';
  const safe = redact(form);
  const kept = bounded(safe, maxRawCharacters);
  if (kept !== safe) return { raw: kept, unreplayable: `it was cut at ${maxRawCharacters} characters` };
  if (safe !== form) return { raw: kept, unreplayable: 'a secret was taken out of it' };
  return whole
    ? { raw: kept }
    : { raw: kept, unreplayable: 'a value that its schema does not know was taken out' };
}
