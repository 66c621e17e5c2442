// SPDX-License-Identifier: Apache-2.0

export interface QuarantinedRow {
  readonly stream: string;
  readonly externalId: string | undefined;
  readonly reason: string;
  readonly path: string;
  readonly raw: string;
  readonly runUid: string;
  readonly at: Date;
}

/** Rows that were set aside. */
export interface QuarantineStore {
  /** Rows set aside and not yet replayed, newest first. */
  quarantine(system: string, limit: number): Promise<readonly QuarantinedRow[]>;
}
