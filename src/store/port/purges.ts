// SPDX-License-Identifier: Apache-2.0
import type { RecordKind } from '../../inventory/kinds.ts';
import type { Actor } from './withdrawals.ts';

/** How many records are in which state, each in one: deleted, else withdrawn, else live. */
export interface RecordStates {
  readonly live: number;
  readonly deleted: number;
  readonly withdrawn: number;
}

export interface StreamHoldings extends RecordStates {
  readonly stream: string;
  readonly record: RecordKind;
  /** Rows set aside. */
  readonly quarantined: number;
}

/** What the database has of a system. */
export interface Holdings {
  readonly system: string;
  /** Undefined until a run has read it, and after a purge of all. */
  readonly source: string | undefined;
  readonly streams: readonly StreamHoldings[];
  /** The run that is under way. */
  readonly running: { readonly runName: string; readonly worker: string } | undefined;
}

export interface PurgeRequest extends Actor {
  readonly system: string;
  /** Withdrawn rows, or whatever there is of the system but its runs. */
  readonly what: 'withdrawn' | 'all';
  /** Of this stream only. */
  readonly stream: string | undefined;
  /** Take the system also from a run that is under way, whose process is known to be gone. */
  readonly takeOver: boolean;
}

/** A purge that is under way: every batch checks that nobody has taken the system since. */
export interface Purge {
  readonly request: PurgeRequest;
  readonly uid: string;
  readonly streams: readonly StreamHoldings[];
}

export interface PurgedBatch {
  readonly erased: number;
  /** External id. */
  readonly last: string;
}

/** What a person does to the rows of a system: nothing of it touches the archive of runs. */
export interface PurgeStore {
  /** The systems that the database knows. */
  knownSystems(): Promise<readonly string[]>;
  /** Names of the streams that it knows, of one system or of all, each once. */
  knownStreams(system: string | undefined): Promise<readonly string[]>;
  /** Undefined for a system that it does not know. */
  holdings(system: string): Promise<Holdings | undefined>;
  /**
   * Binds the rows of a system to another source, recorded; the next pass of every stream starts anew and is full. Answers the source
   * that they were bound to, or undefined when it is this one already. A run that it is taken over from may write nothing more.
   * @throws SystemBusy while a run has it, unless it is to be taken over
   */
  adoptSource(system: string, source: string, by: Actor, takeOver: boolean): Promise<string | undefined>;
  /**
   * Takes the fence and records what is about to be erased. From here on a run that begins takes the system away again.
   * @throws SystemBusy while a run has it, unless it is to be taken over
   */
  beginPurge(request: PurgeRequest): Promise<Purge>;
  /**
   * Erases so many rows of a stream, with their sightings and quarantine, in the order of their ids from the one after `after` on.
   * Answers the last of them; undefined when none is left. Throws FenceLost.
   */
  purgeBatch(purge: Purge, stream: string, after: string, limit: number): Promise<PurgedBatch | undefined>;
  /** Erases what is left beside rows, records the purge and gives the system free. Throws FenceLost. */
  endPurge(purge: Purge, erased: number, at: Date): Promise<void>;
}
