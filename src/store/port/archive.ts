// SPDX-License-Identifier: Apache-2.0
import type { ChainHead } from './runs.ts';

/**
 * An archived run as it stands in its row, whoever wrote it: nothing of it is trusted yet, and a column may hold anything. Times are RFC
 * 3339 as far as they are times.
 */
export interface StoredRun {
  readonly system: string;
  readonly sequence: number;
  readonly runUid: string;
  readonly runName: string;
  readonly systemUid: string | undefined;
  readonly generation: number;
  readonly attempt: number;
  readonly worker: string | undefined;
  readonly mode: string | undefined;
  readonly trigger: string | undefined;
  readonly slot: string | undefined;
  readonly correlationId: string | undefined;
  readonly startedAt: string | undefined;
  readonly endedAt: string | undefined;
  readonly phase: string | undefined;
  readonly failureCode: string | undefined;
  readonly previousDigest: string | undefined;
  readonly digest: string | undefined;
  readonly json: string | undefined;
  /** Deleted from the cluster by the history of its system. */
  readonly pruned: boolean;
  /** Archived again from the cluster, after a restored backup. */
  readonly recovered: boolean;
}

/** A chain that went on behind the head that the cluster knew, after a restored backup: `after` < sequence <= `head.sequence` may be lost. */
export interface Recovery {
  readonly after: number;
  readonly head: ChainHead;
}

/** What a system's chain must end in, and where it may have a gap. */
export interface ChainFrame {
  /** Of the row that the next run goes on from; undefined when there is none. */
  readonly head: ChainHead | undefined;
  readonly recoveries: readonly Recovery[];
  /** Tables other than `runs` that have rows of the system. */
  readonly traces: readonly string[];
  /** Whether a run of it has not ended. */
  readonly unfinished: boolean;
}

/** An action as it stands in its row: nothing of it is trusted, as with `StoredRun`. */
export interface StoredAction {
  readonly system: string | undefined;
  readonly kind: string | undefined;
  readonly at: string | undefined;
  readonly actor: string | undefined;
  readonly json: string | undefined;
  readonly digest: string | undefined;
  /** The uid of the run whose record names it. */
  readonly notedIn: string | undefined;
}

/** Who looks at what a system's chain is made of. */
export interface ChainVisitor {
  run(run: StoredRun): void;
  action(action: StoredAction): void;
  /** Whether runs that it has seen name actions that it has not: then actions are handed over before further runs. */
  waits(): boolean;
}

/** An archived run that stands in no chain, or two of one slot: the indexes and triggers that prevent it were taken away. */
export interface Misplaced {
  readonly system: string;
  readonly runUid: string;
  readonly runName: string;
  readonly reason: string;
}

/** Which runs to list; newest first. */
export interface RunQuery {
  readonly system?: string | undefined;
  readonly phase?: string | undefined;
  readonly since?: Date | undefined;
  readonly limit: number;
  /** Only what stands behind this one in the list: the next page. */
  readonly after?: StoredRun | undefined;
}

/**
 * Reads the archive and changes nothing: no migration, no lock that a writer would wait for, no right but to read. For auditors and for
 * people who look something up.
 */
export interface ArchiveReader {
  /** @throws DatabaseRefused when the schema is not that of this program, which alone knows what to compare. */
  open(): Promise<void>;
  close(): Promise<void>;
  /** Tables of the archive that are not there, though the schema is this program's; nothing else can be asked then. */
  missingTables(): Promise<readonly string[]>;
  /** Every system of which there is a run, or anything that runs leave, in the order of their names. */
  systems(): Promise<readonly string[]>;
  /**
   * Hands over a system's archived runs by rising sequence and its actions in their order, all of one moment and a few at a time. `begin`
   * is given the frame and answers who looks at them; it is called again when the database asks for the reading to be repeated.
   */
  chain(system: string, begin: (frame: ChainFrame) => ChainVisitor): Promise<void>;
  misplaced(): Promise<readonly Misplaced[]>;
  list(query: RunQuery): Promise<readonly StoredRun[]>;
  /** The runs of the same system one sequence before and behind. */
  around(run: StoredRun): Promise<readonly StoredRun[]>;
  /** By uid, or all of that name, newest first, at most ten. */
  find(nameOrUid: string): Promise<readonly StoredRun[]>;
}
