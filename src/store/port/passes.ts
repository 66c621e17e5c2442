// SPDX-License-Identifier: Apache-2.0
import type { FailureCode } from '../../api/failure.ts';
import type { StreamEvidence, UnverifiedScope } from '../../api/sync-run.ts';
import type { RecordKind } from '../../inventory/kinds.ts';
import type { CandidateStore } from './candidates.ts';
import type { ReplayStore } from './quarantine.ts';
import type { GivenApproval } from './proposals.ts';
import type { Hold } from './hold.ts';
import type { HashedRecord, PageResult, RowSetAside } from './rows.ts';
import type { StoredValueReader } from './stored-values.ts';

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
  readonly ended?: {
    readonly coverage: 'Full' | 'Window';
    readonly cursor?: unknown;
    readonly evidence?: unknown;
  };
  /** A row without a readable id was set aside in this scope: its absence proves nothing. Survives a takeover. */
  readonly tainted: boolean;
}

/**
 * A page, in the order in which its parts are applied: what the vendor states as removed, then edges to members that it states as
 * removed, then records, then rows set aside, then what became complete by it. An id stands at most once in each part, and not in both of records and rows set aside.
 */
export interface PageWrite {
  readonly passId: number;
  readonly scope: string;
  readonly removed: readonly string[];
  /** Members to which no edge leads any more: live ones of the stream that lead to one are removed. Only of kinds that have a member. */
  readonly removedMembers?: readonly string[];
  readonly records: readonly HashedRecord[];
  readonly setAside: readonly RowSetAside[];
  /**
   * Parents whose edges were all given: live ones of the stream that this pass has not seen in any scope are removed, as if the vendor
   * had stated them. Only of kinds that have a parent.
   */
  readonly complete?: readonly string[];
  readonly checkpoint: unknown;
  /** Rows of the page before duplicates were folded. */
  readonly fetched: number;
  readonly at: Date;
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
    | { readonly type: 'unverified'; readonly reason: string; readonly evidence?: unknown };
  readonly at: Date;
}

export interface PassEnd {
  readonly passId: number;
  readonly at: Date;
  /** Deletions since then count against the budget. */
  readonly budgetSince: Date;
  /** What a person has approved; it speaks only for a pass that turned out to be full. */
  readonly approval?: GivenApproval | undefined;
}

export interface ScopeTally {
  readonly scope: string;
  /** notRead: the scope is no part of this pass, but holds records that the vendor stated as gone. */
  readonly coverage: 'Full' | 'Window' | 'unverified' | 'notRead';
  /** Its end was verified by this very attempt. */
  readonly confirmed: boolean;
  /** Records that are not deleted and were last seen in this scope, candidates and withdrawn ones included. */
  readonly live: number;
  /** Of these, those not seen in this pass although every scope that ever held them was read in full in it. */
  readonly absent: number;
  /** Of these, those that the vendor stated as gone and that were not seen afterwards; also from passes before. */
  readonly removed: number;
  /** Of absent and removed, those on the list that a person has approved. */
  readonly approved?: { readonly absent: number; readonly removed: number };
  /** Deleted since budgetSince, without those that were approved. */
  readonly recentlyDeleted: number;
}

/** What a pass has come to. */
export interface PassTally {
  /**
   * What the pass turned out to be: Full also where cursors were offered and every scope of the stream was read in full all the same, as by a
   * system that has forgotten the cursor. Such a pass knows as much as one that was begun as full.
   */
  readonly mode: Pass['mode'];
  readonly scopes: readonly ScopeTally[];
  /** Over all streams of the system, without withdrawn ones. */
  readonly systemLive: number;
  readonly systemRecentlyDeleted: number;
  /** Rows read and rows set aside in the whole pass, which may span several runs. */
  readonly fetched: number;
  readonly setAside: number;
  /** Of these, rows that the mapping of the owner did not fit. */
  readonly setAsideByMapping: number;
}

export interface PassVerdict {
  /** Which candidates go; `approved`: those on the list that a person has approved, whatever becomes of the others. */
  readonly delete: { readonly absent: boolean; readonly removed: boolean; readonly approved?: boolean };
  /** The candidates that stay are proposed to a person: those that the vendor stated as gone and, with `absent`, those not seen. */
  readonly propose?: { readonly absent: boolean } | undefined;
  /** Whether rows that stand only in scopes which this pass did not read are no longer asked for. Absent: no. */
  readonly withdraw?: boolean;
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
  /** Ten at most, those first that most need a person; `scopesTotal` less `scopesVerified` is their number. */
  readonly unverified: readonly UnverifiedScope[];
  /** Candidates that were not deleted. */
  readonly withheld: number;
  /** What proves the reading, summed up over its scopes; that of each stands in the database. */
  readonly evidence?: StreamEvidence;
  /** Why, when there are any. */
  readonly withheldReason?: string;
  readonly failure?: StreamFailure;
  /** What is said of rows that were set aside, when nothing worse happened. */
  readonly setAside?: StreamFailure;
  /** Start of the newest complete full pass of the stream, RFC 3339. */
  readonly fullAt?: string;
}

export interface StreamFailure {
  readonly code: FailureCode;
  readonly message: string;
  /** Who must act, where that is not who usually must of such a failure. */
  readonly audience?: string | undefined;
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
  /** Rows that the configuration no longer asks for, marked by this run; absent when none. */
  readonly withdrawn?: number;
}

/** A stream of a run as the database has it: its counts, and its verdict once its pass is closed. */
export interface StreamProgress {
  readonly tally: StreamTally;
  readonly verdict: StreamVerdict | undefined;
}

/** What a run reads, written under its hold: into the inventory, or beside it by a plan. */
export interface PassWriter extends CandidateStore, ReplayStore, StoredValueReader {
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
}

/** The inventory, as runs that change it write it. */
export interface PassStore extends PassWriter {
  /** The source that the rows of a system belong to; undefined before its first pass. */
  boundSource(system: string): Promise<string | undefined>;
  /** What the database has of a run's streams: a taken-over run goes on from it. */
  progress(runUid: string): Promise<readonly StreamProgress[]>;
}
