// SPDX-License-Identifier: Apache-2.0

/** Proof of a claim: what every later write is checked against. */
export interface Hold {
  readonly system: string;
  readonly runUid: string;
  readonly attempt: number;
  readonly correlationId: string;
  /** When the first attempt of this run claimed. */
  readonly startedAt: Date;
}
