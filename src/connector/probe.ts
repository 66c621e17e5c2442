// SPDX-License-Identifier: Apache-2.0

/**
 * What a vendor says of one record, asked for by its id:
 * present: it stands where the stream reads, and is given; hidden: it is there, and not given to this account;
 * gone: the vendor itself states that it was deleted. An id without an answer is unknown: neither counted nor stated as deleted.
 */
export type Presence = 'present' | 'hidden' | 'gone';

/** How a stream looks single records up, before they are taken for gone. */
export interface StreamProbe<Session> {
  /** Most ids in one call; a call should cost one request, or a handful. */
  readonly idsPerCall: number;
  /** Where the stream reads now, with the filter of the configuration. Throws a Failure. */
  ask(session: Session, ids: readonly string[]): Promise<ReadonlyMap<string, Presence>>;
}

export interface BoundProbe {
  readonly idsPerCall: number;
  ask(ids: readonly string[]): Promise<ReadonlyMap<string, Presence>>;
}
