// SPDX-License-Identifier: Apache-2.0
import type { Hold } from './hold.ts';

/** How many live records were last seen in a scope, and how many of them in this very pass. */
export interface ScopeStanding {
  readonly scope: string;
  readonly live: number;
  readonly seen: number;
}

/** A live record that a pass would take for gone: it was not seen, and every scope that ever held it was read in full. */
export interface Candidate {
  readonly externalId: string;
  /** Where it was seen last. */
  readonly scope: string;
}

/** What an open pass has come to so far, for looking at it before it is closed. */
export interface CandidateStore {
  standing(passId: number): Promise<readonly ScopeStanding[]>;
  /** In the order of their ids, so many at most. What the vendor stated as removed is none: that is proven. */
  candidates(passId: number, limit: number): Promise<readonly Candidate[]>;
  /** Candidates that were first seen, changed or came back at or after this time count as seen in this pass; answers how many. */
  sightYoung(hold: Hold, passId: number, changedSince: Date): Promise<number>;
  /** Records that were found by their ids count as seen in this pass. */
  sightAgain(hold: Hold, passId: number, found: readonly Candidate[]): Promise<void>;
  /** Records that the vendor stated as deleted when it was asked for them: as if a page had said so. */
  stateGone(hold: Hold, passId: number, gone: readonly Candidate[]): Promise<void>;
}
