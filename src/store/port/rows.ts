// SPDX-License-Identifier: Apache-2.0
import type { NormalisedRecord } from '../../inventory/kinds.ts';

/** A record with the hash of its normalised form (columns and attributes, not run metadata). */
export interface HashedRecord {
  readonly record: NormalisedRecord;
  readonly hash: string;
}

export interface RowSetAside {
  readonly externalId: string | undefined;
  readonly reason: string;
  readonly path: string;
  /** The row as JSON, secrets removed, cut at a bound. */
  readonly raw: string;
  /** Why `raw` is not the whole row, so that it cannot be read again. */
  readonly unreplayable?: string;
}

export interface PageResult {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
}
