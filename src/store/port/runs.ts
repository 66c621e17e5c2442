// SPDX-License-Identifier: Apache-2.0
import type { FinalPhase, RunMode, RunTrigger } from '../../api/sync-run.ts';
import type { Hold } from './hold.ts';
import type { StreamProgress } from './passes.ts';
import type { RowsSetAside } from './quarantine.ts';
import type { NotedAction } from './withdrawals.ts';
import type { DeletionProposal, RunProposals } from './proposals.ts';

export interface RunClaim {
  /** `namespace/name` of the ExternalSystem. */
  readonly system: string;
  readonly systemUid: string;
  readonly systemGeneration: number;
  readonly runUid: string;
  readonly runName: string;
  readonly attempt: number;
  readonly mode: RunMode;
  readonly trigger: RunTrigger;
  readonly slot: Date | undefined;
  readonly correlationId: string;
  readonly worker: string;
  readonly demo: boolean;
  readonly at: Date;
}

/** What is known when a run's record is built. */
export interface ChainLink {
  readonly sequence: number;
  readonly previousDigest: string | undefined;
  readonly startedAt: Date;
  readonly streams: readonly StreamProgress[];
  /** What was done to the system beside its runs and no record names yet; the record of this run does. */
  readonly actions?: readonly NotedAction[];
  readonly proposals?: RunProposals;
}

/** A run's end: what is looked for later, and its record. */
export interface RunEnd extends SealedRecord {
  readonly phase: FinalPhase;
  readonly failureCode: string | undefined;
  readonly endedAt: Date;
  /** Since then every stream has had a complete full pass: the next full run is counted from here. */
  readonly fullAt: Date | undefined;
  /** The run says something of the connection: it was carried out, and proved it or failed by it. */
  readonly verdict: boolean;
}

/** A run that was claimed and has not ended. */
export interface OpenRun extends Omit<RunClaim, 'demo' | 'at'> {
  readonly startedAt: Date;
  /** False when another run has taken the system. */
  readonly holdsFence: boolean;
}

/** The record of a run as it is hashed (canonical JSON) and its digest. */
export interface SealedRecord {
  readonly json: string;
  readonly digest: string;
}

export interface ArchivedRun {
  readonly system: string;
  readonly systemUid: string;
  readonly runUid: string;
  readonly runName: string;
  readonly attempt: number;
  readonly mode: RunMode;
  readonly trigger: RunTrigger;
  readonly slot: Date | undefined;
  readonly phase: FinalPhase;
  readonly failureCode: string | undefined;
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly sequence: number;
  readonly previousDigest: string | undefined;
  readonly digest: string;
  readonly json: string;
}

export interface SystemHistory {
  readonly last: ArchivedRun | undefined;
  /** Newest run that says something of the connection. */
  readonly lastVerdict: ArchivedRun | undefined;
  /** Plans and tests count neither as success nor as failure. */
  readonly lastSuccessAt: Date | undefined;
  readonly lastFailureAt: Date | undefined;
  readonly consecutiveFailures: number;
  readonly lastScheduledSlot: Date | undefined;
  /** Start of the newest run that reads records, for minimumInterval. */
  readonly lastStartedAt: Date | undefined;
  /** Of the data, whichever object had them read. */
  readonly lastFullAt: Date | undefined;
  /** Records that looked gone to the newest full passes, and stay because the deletion budget was passed. */
  readonly withheld: number;
  /** Deletions that wait for a person, expired or not. */
  readonly proposal?: DeletionProposal | undefined;
  /** Undefined when none are. */
  readonly setAside?: RowsSetAside | undefined;
  readonly chainHead: ChainHead | undefined;
}

/** The newest record of a system's chain. */
export interface ChainHead {
  readonly sequence: number;
  readonly digest: string;
}

/** A run that has ended, as the cluster has it. */
export interface RecoveredRun extends Omit<RunEnd, 'fullAt'> {
  readonly claim: Omit<RunClaim, 'at'>;
  readonly startedAt: Date;
  readonly sequence: number;
  readonly previousDigest: string | undefined;
}

/** The runs of all systems: their holds, their ends, the archive. */
export interface RunStore {
  /** Writes the run's open row and takes the system's fence. Throws SlotTaken, RunEnded or DatabaseRefused. */
  claim(claim: RunClaim): Promise<Hold>;

  /**
   * Ends a run: appends its record to the chain, archives it and gives up the fence, in one transaction. `build` gets the link
   * and answers the record. A run that ended already answers its archived record unchanged. Only Cancelled may be recorded
   * after the system went to another run.
   */
  finish(hold: Hold, build: (link: ChainLink) => RunEnd): Promise<ArchivedRun>;
  /**
   * Archives a run that nobody works on: one that never ran, or one whose workers were lost. Its hold, if any, is void after it.
   * A slot that another run has taken stays with that one.
   */
  finishUnclaimed(claim: RunClaim, build: (link: ChainLink) => RunEnd): Promise<ArchivedRun>;

  /**
   * After a restored backup: archives the runs of a system that the cluster knows and this database does not, marked as recovered,
   * lets the chain go on from `head`, and has every stream read in full next. Answers how many were archived; none when the database
   * is not behind that head.
   */
  recover(system: string, head: ChainHead, runs: readonly RecoveredRun[]): Promise<number>;

  archivedRun(runUid: string): Promise<ArchivedRun | undefined>;
  /** Runs that were claimed and have not ended, of all systems. */
  openRuns(): Promise<readonly OpenRun[]>;
  /** Newest slot before this one that got a run of this very object. */
  slotBefore(systemUid: string, slot: Date): Promise<Date | undefined>;
  /** Whether a run of this object has read anything with this generation of its spec. One cheap read. */
  hasRead(system: string, systemUid: string, generation: number): Promise<boolean>;
  /** Newest first. */
  archivedRuns(system: string, limit: number): Promise<readonly ArchivedRun[]>;
  /** The newest with this name: a name that follows from its cause tells whether that was acted on. */
  archivedRunNamed(system: string, runName: string): Promise<ArchivedRun | undefined>;
  /** Newest first, all but those marked pruned: what may still stand in the cluster. */
  unprunedRuns(system: string): Promise<readonly ArchivedRun[]>;
  /** Systems of which an archived run may still stand in the cluster. */
  unprunedSystems(): Promise<readonly string[]>;
  markPruned(runUids: readonly string[]): Promise<void>;
  /**
   * What scheduling and status need, in one cheap read. Except for the chain and the data, it is that of the object with this
   * uid: neither an object of the same name before it nor a run from a file speaks of it.
   */
  history(system: string, systemUid: string): Promise<SystemHistory>;
}
