// SPDX-License-Identifier: Apache-2.0
import type { FinalPhase, RunMode, RunTrigger } from '../api/sync-run.ts';
import type { NormalisedRecord, RecordKind } from '../inventory/kinds.ts';

/**
 * The inventory database as the rest of the program sees it. One engine: one implementation; one contract suite
 * runs over all. Every method is one transaction. Methods that take a Hold check the fence first and throw
 * FenceLost when another attempt or run holds the system.
 */
export interface Store {
  /** Applies migrations under a lock; refuses a newer schema and a database of another installation. */
  open(options: { readonly installation?: string }): Promise<void>;
  close(): Promise<void>;
  /** Cheap check for readiness; throws when the database cannot be used. */
  ping(): Promise<void>;

  /** Writes the run's open row and takes the system's fence. Throws SlotTaken or RunEnded. */
  claim(claim: RunClaim): Promise<Hold>;
  /** Opens or continues the pass of a stream. */
  beginPass(hold: Hold, pass: PassRequest): Promise<Pass>;
  /** Page and checkpoint, in one transaction. */
  writePage(hold: Hold, page: PageWrite): Promise<PageResult>;
  /** The verdict on a scope; stores the cursor when there is one. */
  endScope(hold: Hold, end: ScopeEnd): Promise<void>;
  /**
   * Decides deletions of a stream after all its scopes and closes the pass. `decide` is pure and synchronous: it gets
   * the numbers that the transaction sees, and what it answers is applied in that same transaction.
   */
  endPass(
    hold: Hold,
    end: PassEnd,
    decide: (tally: DeletionTally) => DeletionVerdict,
  ): Promise<DeletionResult>;
  /** The counts a taken-over run goes on from; writePage and endPass keep them in their own transactions. */
  tallies(runUid: string): Promise<readonly StreamTally[]>;

  /**
   * Ends a run: appends its record to the chain and archives it in one transaction. `build` is pure; it gets the link and
   * answers the hashed bytes and digest. A run that ended already answers its archived record unchanged.
   */
  finish(hold: Hold, outcome: RunOutcome, build: (link: ChainLink) => SealedRecord): Promise<ArchivedRun>;
  /** Archives a run that never ran (Skipped, Cancelled before a claim): same chain, no fence. */
  finishUnclaimed(
    claim: RunClaim,
    outcome: RunOutcome,
    build: (link: ChainLink) => SealedRecord,
  ): Promise<ArchivedRun>;

  archivedRun(runUid: string): Promise<ArchivedRun | undefined>;
  archivedSlot(systemUid: string, slot: Date): Promise<ArchivedRun | undefined>;
  /** Newest first. */
  archivedRuns(system: string, limit: number): Promise<readonly ArchivedRun[]>;
  /** Newest first, all but those marked pruned: what may still stand in the cluster. */
  unprunedRuns(system: string): Promise<readonly ArchivedRun[]>;
  markPruned(runUids: readonly string[]): Promise<void>;
  /** What scheduling and status need, in one read. */
  history(system: string): Promise<SystemHistory>;

  /** Rows set aside and not yet replayed, newest first. */
  quarantine(system: string, limit: number): Promise<readonly QuarantinedRow[]>;
  /** Live and tombstoned records by kind, for metrics. */
  recordCounts(
    system: string,
  ): Promise<readonly { readonly kind: RecordKind; readonly live: number; readonly deleted: number }[]>;
}

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

/** Proof of a claim: what every later write is checked against. */
export interface Hold {
  readonly system: string;
  readonly runUid: string;
  readonly attempt: number;
  readonly correlationId: string;
  /** When the first attempt of this run claimed. */
  readonly startedAt: Date;
}

export interface PassRequest {
  readonly stream: string;
  readonly record: RecordKind;
  /** Full: cursors are not offered. */
  readonly mode: 'Incremental' | 'Full';
  /** Of the source: rows and cursors of another source are refused (SourceChanged). */
  readonly source: string;
  /** Of the reading: where it differs an open pass is abandoned and cursors are dropped. */
  readonly fingerprint: string;
  /** An open pass older than this is abandoned. */
  readonly notBefore: Date;
  readonly at: Date;
}

export interface Pass {
  readonly id: number;
  readonly stream: string;
  readonly record: RecordKind;
  /** What the pass was begun as; a continued pass keeps its own. Full when no cursor exists. */
  readonly mode: 'Incremental' | 'Full';
  readonly continued: boolean;
  readonly scopes: ReadonlyMap<string, PassScope>;
  readonly cursors: ReadonlyMap<string, unknown>;
}

export interface PassScope {
  readonly checkpoint?: unknown;
  readonly ended?: 'Full' | 'Window';
  /** A row without a readable id was set aside in this scope: its absence proves nothing. Survives a takeover. */
  readonly tainted: boolean;
}

/** A record with the hash of its normalised form (columns and attributes, not run metadata). */
export interface HashedRecord {
  readonly record: NormalisedRecord;
  readonly hash: string;
}

export interface RowSetAside {
  readonly externalId: string | undefined;
  readonly reason: string;
  readonly path: string;
  /** The row as JSON, secrets removed, cut at a bound. */
  readonly raw: string;
}

export interface PageWrite {
  readonly passId: number;
  readonly scope: string;
  /** One per external id: the last statement of a page wins before it gets here. */
  readonly records: readonly HashedRecord[];
  readonly setAside: readonly RowSetAside[];
  readonly removed: readonly string[];
  readonly checkpoint: unknown;
  /** Rows of the page before duplicates were folded. */
  readonly fetched: number;
  readonly at: Date;
}

export interface PageResult {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
}

export interface ScopeEnd {
  readonly passId: number;
  readonly scope: string;
  readonly verdict:
    | {
        readonly type: 'verified';
        readonly coverage: 'Full' | 'Window';
        readonly evidence: unknown;
        readonly cursor?: unknown;
      }
    | { readonly type: 'unverified'; readonly reason: string };
  readonly at: Date;
}

export interface PassEnd {
  readonly passId: number;
  readonly at: Date;
  /** Deletions since then count against the budget. */
  readonly budgetSince: Date;
}

export interface ScopeTally {
  readonly scope: string;
  readonly coverage: 'Full' | 'Window' | 'unverified';
  /** Live records last seen in this scope, candidates included. */
  readonly live: number;
  /** Live records of this scope that a verified Full pass did not see, and that no other scope saw in it. */
  readonly absent: number;
  /** Live records of this scope that the vendor stated as gone and that were not seen afterwards. */
  readonly removed: number;
  /** Deleted since budgetSince. */
  readonly recentlyDeleted: number;
}

export interface DeletionTally {
  readonly scopes: readonly ScopeTally[];
  /** Over all streams of the system. */
  readonly systemLive: number;
  readonly systemRecentlyDeleted: number;
}

/** Per scope: which candidates go. A scope that is not named deletes nothing. */
export type DeletionVerdict = ReadonlyMap<string, { readonly absent: boolean; readonly removed: boolean }>;

export interface DeletionResult {
  readonly deleted: number;
  /** Candidates that were not deleted. */
  readonly withheld: number;
}

export interface StreamTally {
  readonly stream: string;
  readonly record: RecordKind;
  readonly pages: number;
  readonly fetched: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly deleted: number;
  readonly failed: number;
}

export interface RunOutcome {
  readonly phase: FinalPhase;
  readonly failureCode: string | undefined;
  readonly endedAt: Date;
  /** A Full run whose every stream was verified: the next full is counted from here. */
  readonly fullComplete: boolean;
}

export interface ChainLink {
  readonly sequence: number;
  readonly previousDigest: string | undefined;
  readonly startedAt: Date;
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
  readonly lastSuccessAt: Date | undefined;
  readonly lastFailureAt: Date | undefined;
  readonly lastFullAt: Date | undefined;
  readonly lastScheduledSlot: Date | undefined;
  /** Start of the newest run, for minimumInterval. */
  readonly lastStartedAt: Date | undefined;
  readonly consecutiveFailures: number;
  readonly chainHead: { readonly sequence: number; readonly digest: string } | undefined;
}

export interface QuarantinedRow {
  readonly stream: string;
  readonly externalId: string | undefined;
  readonly reason: string;
  readonly path: string;
  readonly raw: string;
  readonly runUid: string;
  readonly at: Date;
}

/** Another attempt or run holds the system: the caller must stop without a further write. */
export class FenceLost extends Error {
  constructor(system: string) {
    super(`the hold on ${system} was lost to another run or attempt`);
    this.name = 'FenceLost';
  }
}

/** Another run of the same system has taken the slot. */
export class SlotTaken extends Error {
  constructor(system: string, slot: Date) {
    super(`slot ${slot.toISOString()} of ${system} was taken by another run`);
    this.name = 'SlotTaken';
  }
}

/** The run has ended already; its archived record is the truth. */
export class RunEnded extends Error {
  readonly archived: ArchivedRun;
  constructor(archived: ArchivedRun) {
    super(`run ${archived.runName} has ended as ${archived.phase}`);
    this.name = 'RunEnded';
    this.archived = archived;
  }
}

/** The rows under this name come from another source. */
export class SourceChanged extends Error {
  constructor(system: string, bound: string, source: string) {
    super(
      `the rows of ${system} come from ${bound}, not from ${source}; give the ExternalSystem another name, so that two sources are not mixed`,
    );
    this.name = 'SourceChanged';
  }
}
