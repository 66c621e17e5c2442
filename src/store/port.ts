// SPDX-License-Identifier: Apache-2.0
import type { FailureCode } from '../api/failure.ts';
import type { FinalPhase, RunMode, RunTrigger, UnverifiedScope } from '../api/sync-run.ts';
import type { NormalisedRecord, RecordKind } from '../inventory/kinds.ts';

export {
  DatabaseRefused,
  DatabaseTrouble,
  FenceLost,
  RunEnded,
  SlotTaken,
  SourceChanged,
} from './refusals.ts';

/**
 * The inventory database as the rest of the program sees it. One engine: one implementation; one contract suite
 * runs over all. Every method is one transaction and ends within a bound of the engine's own. Methods that take a Hold hold
 * the fence until their transaction ends, and throw FenceLost when another attempt or run has the system. Callbacks are
 * pure: an engine calls them again when the database asks for a transaction to be repeated.
 */
export interface Store {
  /** Applies migrations under a lock. Throws DatabaseRefused for a newer schema, or one that is not ours. */
  open(): Promise<void>;
  /**
   * For an operator: binds the database to its installation the first time, and checks that from then on; the CLI binds nothing and
   * may use the database of any. `adopt` names the installation that it may be taken over from. Answers whom it was taken over
   * from, if it was. Throws DatabaseRefused.
   */
  bind(installation: string, adopt?: string): Promise<string | undefined>;
  close(): Promise<void>;
  /** Cheap check for readiness; throws when the database cannot be used, DatabaseRefused when it may no longer be. */
  ping(): Promise<void>;

  /** Writes the run's open row and takes the system's fence. Throws SlotTaken, RunEnded or DatabaseRefused. */
  claim(claim: RunClaim): Promise<Hold>;
  /** Opens or continues the pass of a stream. */
  beginPass(hold: Hold, pass: PassRequest): Promise<Pass>;
  /** Page and checkpoint, in one transaction. */
  writePage(hold: Hold, page: PageWrite): Promise<PageResult>;
  /** The verdict on a scope. Its cursor waits with the pass until that is closed. */
  endScope(hold: Hold, end: ScopeEnd): Promise<void>;
  /**
   * Decides deletions of a stream after all its scopes and closes the pass. `decide` gets the numbers that the transaction
   * sees; what it answers is applied, and its verdict on the stream kept for the run's record, in that same transaction.
   */
  endPass(hold: Hold, end: PassEnd, decide: (tally: PassTally) => PassVerdict): Promise<void>;
  /** What the database has of a run's streams: a taken-over run goes on from it. */
  progress(runUid: string): Promise<readonly StreamProgress[]>;

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
  /** Full: cursors are not offered, unless the stream has a complete full pass begun at or after `fullSince`. */
  readonly mode: 'Incremental' | 'Full';
  readonly fullSince: Date;
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
  readonly startedAt: Date;
  readonly continued: boolean;
  readonly scopes: ReadonlyMap<string, PassScope>;
  readonly cursors: ReadonlyMap<string, unknown>;
  /** Start of the stream's newest complete full pass. */
  readonly lastFullAt: Date | undefined;
}

export interface PassScope {
  readonly checkpoint?: unknown;
  /** Set once its end was verified in this pass, by an earlier attempt or run. */
  readonly ended?: { readonly coverage: 'Full' | 'Window'; readonly cursor?: unknown };
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

/**
 * A page, in the order in which its parts are applied: what the vendor states as removed, then records, then rows set
 * aside. An id stands at most once in each part, and not in both of the last two.
 */
export interface PageWrite {
  readonly passId: number;
  readonly scope: string;
  readonly removed: readonly string[];
  readonly records: readonly HashedRecord[];
  readonly setAside: readonly RowSetAside[];
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
  /** notRead: the scope is no part of this pass, but holds records that the vendor stated as gone. */
  readonly coverage: 'Full' | 'Window' | 'unverified' | 'notRead';
  /** Its end was verified by this very attempt. */
  readonly confirmed: boolean;
  /** Live records that were last seen in this scope, candidates included. */
  readonly live: number;
  /** Of these, those not seen in this pass although every scope that ever held them was read in full in it. */
  readonly absent: number;
  /** Of these, those that the vendor stated as gone and that were not seen afterwards; also from passes before. */
  readonly removed: number;
  /** Deleted since budgetSince. */
  readonly recentlyDeleted: number;
}

/** What a pass has come to. */
export interface PassTally {
  readonly scopes: readonly ScopeTally[];
  /** Over all streams of the system. */
  readonly systemLive: number;
  readonly systemRecentlyDeleted: number;
  /** Rows read and rows set aside in the whole pass, which may span several runs. */
  readonly fetched: number;
  readonly setAside: number;
}

export interface PassVerdict {
  /** Which candidates go. */
  readonly delete: { readonly absent: boolean; readonly removed: boolean };
  /** Whether the next incremental reading starts where the verified scopes ended. */
  readonly keepCursors: boolean;
  readonly stream: StreamVerdict;
}

/** How one stream of a run ended; kept as JSON, its texts redacted and bounded. */
export interface StreamVerdict {
  readonly mode?: 'Incremental' | 'Full';
  readonly complete: boolean;
  readonly incompleteReason?: string;
  readonly scopesTotal: number;
  readonly scopesVerified: number;
  /** Ten at most. */
  readonly unverified: readonly UnverifiedScope[];
  /** Candidates that were not deleted. */
  readonly withheld: number;
  readonly failure?: StreamFailure;
  /** What is said of rows that were set aside, when nothing worse happened. */
  readonly setAside?: StreamFailure;
  /** Start of the newest complete full pass of the stream, RFC 3339. */
  readonly fullAt?: string;
}

export interface StreamFailure {
  readonly code: FailureCode;
  readonly message: string;
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

/** A stream of a run as the database has it: its counts, and its verdict once its pass is closed. */
export interface StreamProgress {
  readonly tally: StreamTally;
  readonly verdict: StreamVerdict | undefined;
}

/** What is known when a run's record is built. */
export interface ChainLink {
  readonly sequence: number;
  readonly previousDigest: string | undefined;
  readonly startedAt: Date;
  readonly streams: readonly StreamProgress[];
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
  /** Tests count neither as success nor as failure. */
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

export interface QuarantinedRow {
  readonly stream: string;
  readonly externalId: string | undefined;
  readonly reason: string;
  readonly path: string;
  readonly raw: string;
  readonly runUid: string;
  readonly at: Date;
}
