// SPDX-License-Identifier: Apache-2.0

/** The deletions that a run proposed, over all its streams. */
export interface DeletionProposal {
  readonly runName: string;
  /** `sha256:` and hex, over all streams of the run; with the name of the run it is what a person approves. */
  readonly digest: string;
  /** Of the whole list, whatever became of it since. */
  readonly records: number;
  /** When the first of its passes was closed: it expires with the oldest of its lists. */
  readonly proposedAt: Date;
  /** A few of the records, at most five of each stream. */
  readonly sample: readonly ProposedRecord[];
  /** open while a stream of it waits; else used where a stream of it was deleted, whatever became of the others. */
  readonly state: 'open' | 'used' | 'superseded' | 'settled';
  /** The run that deleted by its approval. */
  readonly usedBy: string | undefined;
  /** Records of the streams that still wait. */
  readonly waiting: number;
}

export interface ProposedRecord {
  readonly stream: string;
  readonly externalId: string;
  readonly name: string;
}

/** What a run writes into its record of proposals. */
export interface RunProposals {
  /** What it proposed. */
  readonly proposed: { readonly records: number; readonly digest: string } | undefined;
  /** The approval that it used, `RUN@DIGEST`, and how many records it deleted by it. */
  readonly approved: { readonly token: string; readonly deleted: number } | undefined;
}

/** An approval as a run brings it to the end of a pass. */
export interface GivenApproval {
  readonly runName: string;
  readonly digest: string;
  /** A proposal of before has expired. */
  readonly notBefore: Date;
}

/** Deletions that passed the budget and wait for a person. */
export interface ProposalStore {
  /** The one that waits; expired or not. */
  openProposal(system: string): Promise<DeletionProposal | undefined>;
  /** The newest of a run of this name. */
  proposalOfRun(system: string, runName: string): Promise<DeletionProposal | undefined>;
  /** A page of the list of the open proposal, or of a used one, sorted bytewise by stream and id; `after` is the last of the page before. */
  proposedRecords(
    system: string,
    runName: string,
    after: { readonly stream: string; readonly externalId: string } | undefined,
    limit: number,
  ): Promise<readonly ProposedRecord[]>;
}
