// SPDX-License-Identifier: Apache-2.0
import type { ActionKind } from '../../api/sync-run.ts';
import type { Hold } from './hold.ts';

/** Who did something to a system beside its runs, and when. */
export interface Actor {
  /** `user@host`, or the identity of an operator. */
  readonly actor: string;
  readonly at: Date;
}

/** What was done to a system beside its runs, as it is kept: append-only. */
export interface RecordedAction extends Actor {
  readonly system: string;
  readonly kind: ActionKind;
  /** Canonical JSON of the whole action, and its SHA-256. */
  readonly json: string;
  readonly digest: string;
  /** The run whose record names it; undefined until one has ended. */
  readonly notedIn: string | undefined;
}

/** An action as the record of a run names it. */
export type NotedAction = Pick<RecordedAction, 'kind' | 'at' | 'digest'>;

/** The newest object whose run read a system. */
export interface ObjectOfSystem {
  /** `namespace/name`. */
  readonly system: string;
  readonly uid: string;
}

/** Rows that the configuration no longer asks for: they stay, marked, and are left out of the current views. */
export interface WithdrawalStore {
  /**
   * Marks the rows of all streams but these as withdrawn, and counts them in the run. A stream that is asked for again is read in
   * full. Only for a run that has read all its streams to their ends.
   */
  withdrawStreams(hold: Hold, asked: readonly string[], at: Date): Promise<void>;
  /**
   * Systems whose newest reading was by an object of a cluster, and whose rows are not withdrawn as a whole. Those that were last
   * read from a file are not among them: no object ever stood for them, or no longer does.
   */
  systemsOfObjects(): Promise<readonly ObjectOfSystem[]>;
  /**
   * Marks all rows of a system as withdrawn whose object is gone, once, and answers how many; undefined when there is nothing to do:
   * another object has read it since, or it was done before. The next pass reads it in full.
   * @throws SystemBusy while a run has it
   */
  withdrawSystem(gone: ObjectOfSystem, by: Actor): Promise<number | undefined>;
  /** What was done to a system beside its runs, newest first. */
  actions(system: string, limit: number): Promise<readonly RecordedAction[]>;
}
