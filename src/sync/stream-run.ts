// SPDX-License-Identifier: Apache-2.0
import type { UnverifiedScope } from '../api/sync-run.ts';
import { bounded } from '../api/bounded.ts';
import type { BoundStream, Json, ReadEvent, ReadRequest } from '../connector/contract.ts';
import { Failure } from '../connector/failure.ts';
import type { RecordKind } from '../inventory/kinds.ts';
import {
  FenceLost,
  SourceChanged,
  type Hold,
  type Pass,
  type PassTally,
  type PassVerdict,
  type PassWriter,
  type RowSetAside,
  type StreamFailure,
  type StreamTally,
  type StreamVerdict,
} from '../store/port.ts';
import { failureOf, stopFailure } from './control.ts';
import { decideDeletions, deleteNothing, type DeletionBudget, type DeletionDecision } from './deletion.ts';
import { worstFailure } from './outcome.ts';
import { sortPage, type SortedPage } from './page.ts';
import { prefetch } from './prefetch.ts';
import { ScopeLedger } from './scope-ledger.ts';
import { fewSetAside, misread } from './set-aside.ts';

/** A pass that was interrupted is gone on with for this long; then it starts anew. */
const maxPassAgeMs = 24 * 3_600_000;
const budgetWindowMs = 24 * 3_600_000;

type PageEvent = Extract<ReadEvent, { type: 'page' }>;

export interface StreamContext {
  readonly store: PassWriter;
  readonly hold: Hold;
  readonly source: string;
  readonly fingerprint: string;
  readonly mode: 'Incremental' | 'Full';
  /** A stream with a complete full pass begun since then is read incrementally, also in mode Full. */
  readonly fullSince: Date;
  readonly deletionPolicy: 'Tombstone' | 'Keep';
  readonly deletionBudget: DeletionBudget;
  readonly now: () => Date;
  /** Fires when the attempt must stop; its reason is a RunStop, or what made it give up. */
  readonly signal: AbortSignal;
  readonly softReached: () => boolean;
  /** What is said of a reading that the soft time limit ended. */
  readonly atSoftLimit: string;
  /** Where rows that are set aside can be looked at. */
  readonly setAsideWhere: string;
  /** Ends what is under way upstream, when nothing more may be written. */
  readonly giveUp: (reason: unknown) => void;
  readonly redact: (text: string) => string;
  readonly onPage: (tally: StreamTally) => void;
  readonly onFailure: (failure: Failure) => void;
}

/** How one stream went; its counts are in the database. */
export interface StreamReport {
  readonly stream: string;
  readonly record: RecordKind;
  readonly verdict: StreamVerdict;
  /** A failure stopped the reading; else it came to the end of all its scopes, proven or not. */
  readonly brokeOff: boolean;
}

export function emptyTally(stream: { name: string; record: RecordKind }): StreamTally {
  const zero = { pages: 0, fetched: 0, created: 0, updated: 0, unchanged: 0, deleted: 0, failed: 0 };
  return { stream: stream.name, record: stream.record, ...zero };
}

/**
 * Reads one stream through to its verdict. What goes wrong with the stream is part of the report.
 * @throws what ends the attempt without a record: shutdown, a lost fence, a database that is away
 */
export async function runStream(
  stream: BoundStream,
  start: StreamTally,
  context: StreamContext,
): Promise<StreamReport> {
  const pass = await beginPass(stream, context);
  if (pass instanceof Failure) return reportOf(stream, undefined, new ScopeLedger(), pass, context.redact);
  const reading = new Reading(stream, pass, start, context);
  const failure = await reading.readAll();
  return failure === undefined ? reading.close() : reading.report(failure);
}

async function beginPass(stream: BoundStream, context: StreamContext): Promise<Pass | Failure> {
  const { store, hold, now } = context;
  const request = {
    stream: stream.name,
    record: stream.record,
    mode: context.mode,
    fullSince: context.fullSince,
    source: context.source,
    fingerprint: `${context.fingerprint} ${stream.schema}`,
    notBefore: new Date(now().getTime() - maxPassAgeMs),
    at: now(),
  };
  try {
    return await store.beginPass(hold, request);
  } catch (error) {
    if (!(error instanceof SourceChanged)) throw error;
    return new Failure('configuration', error.message, { cause: error });
  }
}

/** The report of a stream whose pass stays open, or was never opened. */
export function reportOf(
  stream: { readonly name: string; readonly record: RecordKind },
  pass: Pass | undefined,
  ledger: ScopeLedger,
  failure: { readonly code: Failure['code']; readonly message: string },
  redact: (text: string) => string,
): StreamReport {
  const message = redact(failure.message);
  return {
    stream: stream.name,
    record: stream.record,
    brokeOff: true,
    verdict: {
      ...(pass === undefined ? {} : { mode: pass.mode }),
      complete: false,
      incompleteReason: bounded(`${failure.code}: ${message}`, 128),
      scopesTotal: ledger.total,
      scopesVerified: ledger.verified,
      unverified: unverifiedOf(stream.name, ledger, redact),
      withheld: 0,
      failure: { code: failure.code, message: bounded(message, 512) },
    },
  };
}

function unverifiedOf(
  stream: string,
  ledger: ScopeLedger,
  redact: (text: string) => string,
): readonly UnverifiedScope[] {
  return ledger.unverified.slice(0, 10).map(({ scope, failure }) => ({
    stream,
    scope: bounded(redact(scope), 64),
    reason: bounded(redact(`${failure.code}: ${failure.message}`), 96),
  }));
}

class Reading {
  private readonly stream: BoundStream;
  private readonly pass: Pass;
  private readonly context: StreamContext;
  private readonly ledger: ScopeLedger;
  /** For progress only; the database counts for the record. */
  private tally: StreamTally;
  /** The page that is being written, or was last. */
  private written: Promise<void> = Promise.resolve();
  /** The first row that this attempt set aside, as an example. */
  private firstSetAside: RowSetAside | undefined;

  constructor(stream: BoundStream, pass: Pass, start: StreamTally, context: StreamContext) {
    this.stream = stream;
    this.pass = pass;
    this.tally = start;
    this.context = context;
    this.ledger = new ScopeLedger(pass.scopes);
  }

  /** Answers what stopped the reading, or undefined when it came to its end. */
  async readAll(): Promise<Failure | undefined> {
    const { context, ledger, stream } = this;
    try {
      const stopped = await this.readEvents();
      if (stopped !== undefined) return stopped;
      for (const { scope, failure } of ledger.leftOpen(stream.name)) await this.setUnverified(scope, failure);
    } catch (error) {
      if (error instanceof FenceLost) throw error;
      // An aborted request looks like any other failure; the reason of the stop is the truth.
      if (context.signal.aborted) return stopFailure(context.signal.reason);
      const failure = failureOf(error);
      context.onFailure(failure);
      return failure;
    }
    if (ledger.total > 0) return undefined;
    return new Failure('contract', `${stream.name}: nothing was read, not even an empty scope`);
  }

  /** Whatever ends the reading, the page that is under way to the database is waited for: what becomes of it comes first. */
  private async readEvents(): Promise<Failure | undefined> {
    const { context, ledger, stream } = this;
    let softReached = false;
    try {
      for await (const event of prefetch(stream.read(this.request()), context.signal)) {
        // The scope in hand still gets its end: what was read to there needs no other run.
        if (softReached && !(event.type === 'end' && ledger.isOpen(event.scope))) {
          return new Failure('cancelled', context.atSoftLimit);
        }
        await this.take(event);
        softReached = context.softReached();
      }
      return undefined;
    } finally {
      await this.written;
    }
  }

  /**
   * A scope that ended before in this pass is caught up from where it ended: records may have moved into it since. One without a
   * cursor cannot be, and is left as it is.
   */
  private request(): ReadRequest {
    const { pass } = this;
    const ended = (scope: string) => pass.scopes.get(scope)?.ended;
    return {
      cursor: (scope) => {
        const before = ended(scope)?.cursor ?? (pass.mode === 'Full' ? undefined : pass.cursors.get(scope));
        return before as Json | undefined;
      },
      checkpoint: (scope) =>
        ended(scope) === undefined ? (pass.scopes.get(scope)?.checkpoint as Json | undefined) : undefined,
      ended: (scope) => ended(scope) !== undefined && ended(scope)?.cursor === undefined,
    };
  }

  private async take(event: ReadEvent): Promise<void> {
    switch (event.type) {
      case 'page':
        return this.takePage(event);
      case 'end':
        await this.written;
        return this.takeEnd(event);
      case 'unverified':
        await this.written;
        return this.setUnverified(event.scope, event.failure);
    }
  }

  /** The rows become records while the page before is still being written; then its turn comes. */
  private async takePage(event: PageEvent): Promise<void> {
    const sorted = sortPage(this.stream, event, this.context.redact);
    this.ledger.page(event.scope, sorted.unreadableIds);
    this.firstSetAside ??= sorted.setAside[0];
    await this.written;
    this.written = this.writePage(event, sorted);
    // Whoever waits for it hears of it; until then nobody does.
    this.written.catch(() => undefined);
  }

  private async writePage({ scope, checkpoint, rows }: PageEvent, sorted: SortedPage): Promise<void> {
    const { store, hold, now, onPage } = this.context;
    const fetched = rows.length;
    const { removed, records, setAside } = sorted;
    const page = { passId: this.pass.id, scope, removed, records, setAside, checkpoint, fetched, at: now() };
    const result = await this.unlessLost(store.writePage(hold, page));
    const { tally } = this;
    this.tally = {
      ...tally,
      pages: tally.pages + 1,
      fetched: tally.fetched + fetched,
      created: tally.created + result.created,
      updated: tally.updated + result.updated,
      unchanged: tally.unchanged + result.unchanged,
      failed: tally.failed + setAside.length,
    };
    onPage(this.tally);
  }

  /** When the hold is lost nothing more may be written: the page that is under way upstream is not waited for. */
  private unlessLost<T>(write: Promise<T>): Promise<T> {
    return write.catch((error: unknown) => {
      if (error instanceof FenceLost) this.context.giveUp(error);
      throw error;
    });
  }

  private async takeEnd(event: Extract<ReadEvent, { type: 'end' }>): Promise<void> {
    const tainted = this.ledger.end(this.stream.name, event.scope);
    if (tainted !== undefined) return this.setUnverified(event.scope, tainted);
    const { store, hold, now } = this.context;
    const { coverage, evidence, cursor } = event;
    const end = {
      passId: this.pass.id,
      scope: event.scope,
      verdict: {
        type: 'verified',
        coverage,
        evidence,
        ...(cursor === undefined ? {} : { cursor }),
      },
      at: now(),
    } as const;
    await this.unlessLost(store.endScope(hold, end));
    this.ledger.setVerified(event.scope);
  }

  private async setUnverified(scope: string, failure: Failure): Promise<void> {
    const { store, hold, now, redact } = this.context;
    const reason = bounded(redact(`${failure.code}: ${failure.message}`), 512);
    const end = { passId: this.pass.id, scope, verdict: { type: 'unverified', reason }, at: now() } as const;
    await this.unlessLost(store.endScope(hold, end));
    this.ledger.setUnverified(scope, failure);
  }

  /** The verdict on the stream after all its scopes, decided and kept in the transaction that closes the pass. */
  async close(): Promise<StreamReport> {
    const { store, hold, now } = this.context;
    const { stream } = this;
    let decided: PassVerdict | undefined;
    await store.endPass(
      hold,
      { passId: this.pass.id, at: now(), budgetSince: new Date(now().getTime() - budgetWindowMs) },
      (tally) => (decided = this.decide(tally)),
    );
    if (decided === undefined) throw new Error('the store closed a pass without asking for its verdict');
    return { stream: stream.name, record: stream.record, verdict: decided.stream, brokeOff: false };
  }

  private decide(tally: PassTally): PassVerdict {
    const { stream, ledger, firstSetAside } = this;
    const { deletionPolicy, deletionBudget, setAsideWhere } = this.context;
    const wrong = misread(stream.name, tally, firstSetAside, setAsideWhere);
    if (wrong !== undefined) {
      // The same rows are read again next time: whoever mends the reading loses none.
      return { ...this.incomplete(deleteNothing(tally, undefined), wrong), keepCursors: false };
    }
    const decision = decideDeletions(tally, deletionPolicy, deletionBudget);
    const failure = worstFailure(ledger.unverified.map((scope) => scope.failure));
    if (failure !== undefined) return this.incomplete(decision, failure);
    const { budgetPassed, withheldReason = '' } = decision;
    const remedy = 'nothing was deleted; check the source, or raise deletion.budget for one run';
    const passed = `${stream.name}: ${withheldReason}; ${remedy}`;
    const setAside = fewSetAside(stream.name, tally, firstSetAside, setAsideWhere);
    return {
      delete: decision.delete,
      keepCursors: true,
      stream: {
        ...this.facts(decision, true),
        complete: true,
        ...(budgetPassed ? { failure: this.said(new Failure('deletionBudget', passed)) } : {}),
        ...(setAside === undefined ? {} : { setAside: this.said(setAside) }),
      },
    };
  }

  private incomplete(decision: DeletionDecision, failure: Failure): PassVerdict {
    const said = this.said(failure);
    return {
      delete: decision.delete,
      keepCursors: true,
      stream: {
        ...this.facts(decision, false),
        complete: false,
        incompleteReason: bounded(`${said.code}: ${said.message}`, 128),
        failure: said,
      },
    };
  }

  private facts(decision: DeletionDecision, complete: boolean) {
    const { pass, ledger, stream, context } = this;
    const { withheldReason } = decision;
    const { redact } = context;
    const fullAt = complete && pass.mode === 'Full' ? pass.startedAt : pass.lastFullAt;
    return {
      mode: pass.mode,
      scopesTotal: ledger.total,
      scopesVerified: ledger.verified,
      unverified: unverifiedOf(stream.name, ledger, redact),
      withheld: decision.withheld,
      ...(withheldReason === undefined ? {} : { withheldReason: bounded(redact(withheldReason), 512) }),
      ...(fullAt === undefined ? {} : { fullAt: fullAt.toISOString() }),
    };
  }

  private said({ code, message }: Failure): StreamFailure {
    return { code, message: bounded(this.context.redact(message), 512) };
  }

  /** The report when something stopped the reading; the pass stays open for the next run. */
  report(failure: Failure): StreamReport {
    return reportOf(this.stream, this.pass, this.ledger, failure, this.context.redact);
  }
}
