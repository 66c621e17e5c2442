// SPDX-License-Identifier: Apache-2.0
import type { HashedRecord, PageResult, RowSetAside } from './rows.ts';
import type { Hold } from './hold.ts';

export interface QuarantinedRow {
  readonly id: number;
  /** `namespace/name` of the ExternalSystem. */
  readonly system: string;
  readonly stream: string;
  readonly externalId: string | undefined;
  readonly reason: string;
  readonly path: string;
  readonly raw: string;
  /** Why the kept text is not the whole row, so that it cannot be read again; undefined when it can. */
  readonly unreplayable: string | undefined;
  /** Fingerprint of the reading that the row did not fit: connector, configuration, mapping, schema. Empty for old rows. */
  readonly revision: string;
  readonly runUid: string;
  readonly firstAt: Date;
  /** When it came last. */
  readonly at: Date;
  /** How often it came. */
  readonly times: number;
}

export interface QuarantineFilter {
  readonly system?: string | undefined;
  readonly stream?: string | undefined;
  /** A part of the reason. */
  readonly reason?: string | undefined;
  /** Only rows with a smaller id: the last one of the page before. */
  readonly before?: number | undefined;
  readonly limit: number;
}

/** A kept row that another reading than the present one set aside. */
export interface KeptRow {
  readonly id: number;
  readonly externalId: string;
  readonly raw: string;
}

/** What became of a page of kept rows. */
export interface Replay {
  readonly passId: number;
  /** Those that fit now. */
  readonly fitting: readonly { readonly id: number; readonly hashed: HashedRecord }[];
  /** Those that still do not; `unreplayable` when they never will. */
  readonly failing: readonly {
    readonly id: number;
    readonly row: Pick<RowSetAside, 'reason' | 'path' | 'unreplayable'>;
  }[];
  readonly at: Date;
}

/** Kept rows that are read once more at the start of a pass. */
export interface ReplayStore {
  /** Rows of the stream of a pass that can be read again and failed with another reading, by id, from behind `after`. */
  rowsToReplay(passId: number, after: number, limit: number): Promise<readonly KeptRow[]>;
  /**
   * Stores what fits now, never over anything newer: a record that is deleted, stated as removed, or missing from a scope that
   * was read in full since stays as it is. The kept rows go either way. No record is sighted by it.
   */
  replay(hold: Hold, replay: Replay): Promise<PageResult>;
}

/** How many rows of a system are set aside. */
export interface RowsSetAside {
  /** Those that have any, by name. */
  readonly streams: readonly { readonly stream: string; readonly rows: number }[];
  /** The reason that most rows of one stream have, cut at 160 characters. */
  readonly most: { readonly stream: string; readonly reason: string; readonly rows: number };
}

/** Rows that were set aside. */
export interface QuarantineStore {
  /**
   * Takes rows out that came last before that time, or before the start of the newest complete full pass of their stream: that one
   * would have met them. Where they explain why a live record is flagged, they stay. Answers how many went, `limit` at most.
   */
  pruneQuarantine(system: string, before: Date, limit: number): Promise<number>;
  /** Rows set aside and not yet replayed, newest first, by page. */
  quarantinedRows(filter: QuarantineFilter): Promise<readonly QuarantinedRow[]>;
  quarantinedRow(id: number): Promise<QuarantinedRow | undefined>;
}
