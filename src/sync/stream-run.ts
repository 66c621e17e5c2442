// SPDX-License-Identifier: Apache-2.0
import { bounded } from '../api/bounded.ts';
import type { BoundStream, Json, ReadEvent, ReadRequest } from '../connector/contract.ts';
import type { CountedFacts } from '../connector/evidence.ts';
import { Failure } from '../connector/failure.ts';
import { edgeKinds, memberColumnOf, memberKinds, parentColumnOf } from '../inventory/edges.ts';
import type { RecordKind } from '../inventory/kinds.ts';
import {
  FenceLost,
  SourceChanged,
  type Hold,
  type Pass,
  type PassVerdict,
  type PassWriter,
  type RowSetAside,
  type StreamTally,
} from '../store/port.ts';
import { approvalExpiresAfterMs, type ApprovalToken } from './approval.ts';
import { failureOf, stopFailure } from './control.ts';
import type { DeletionBudget } from './deletion.ts';
import { sortPage, type SortedPage } from './page.ts';
import type { BeyondBudget } from './plan-run.ts';
import { prefetch } from './prefetch.ts';
import { review } from './review.ts';
import { ScopeLedger } from './scope-ledger.ts';
import { disbeliefOfCount, proofOfEnd, type ReviewSummary } from './scope-proof.ts';
import { replayKept } from './replay.ts';
import { withUntold } from './untold.ts';
import { judgePass, reportOf, type JudgedPass, type StreamReport } from './stream-verdict.ts';

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
  /** What a person has approved, as the annotation of the system has it. */
  readonly approval: ApprovalToken | undefined;
  readonly now: () => Date;
  /** Fires when the attempt must stop; its reason is a RunStop, or what made it give up. */
  readonly signal: AbortSignal;
  readonly softReached: () => boolean;
  /** What is said of a reading that the soft time limit ended. */
  readonly atSoftLimit: string;
  /** Where rows that are set aside can be looked at. */
  readonly setAsideWhere: string;
  readonly beyondBudget: BeyondBudget;
  /** Ends what is under way upstream, when nothing more may be written. */
  readonly giveUp: (reason: unknown) => void;
  readonly redact: (text: string) => string;
  readonly onPage: (tally: StreamTally) => void;
  readonly onFailure: (failure: Failure) => void;
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
  await replayKept(stream, pass, context);
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

/** @throws Failure when a page speaks of ends of edges that records of the stream do not have. */
function checkEnds({ name, record }: BoundStream, scope: string, page: SortedPage): void {
  const wrong = (what: string, end: string, kinds: readonly RecordKind[]) =>
    new Failure(
      'contract',
      `${name}: a page of scope ${scope} says which ${what}, but ${record} records have no ${end}; ` +
        `the connector may say so only of ${kinds.join(', ')}`,
    );
  if (page.complete.length > 0 && parentColumnOf(record) === undefined)
    throw wrong('parents are complete', 'parent', edgeKinds);
  if (page.removedMembers.length > 0 && memberColumnOf(record) === undefined)
    throw wrong('members are removed', 'member', memberKinds);
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
  private reviewed: ReviewSummary | undefined;

  constructor(stream: BoundStream, pass: Pass, start: StreamTally, context: StreamContext) {
    this.stream = stream;
    this.pass = pass;
    this.tally = start;
    this.context = context;
    this.ledger = new ScopeLedger(pass);
  }

  /** Answers what stopped the reading, or undefined when it came to its end. */
  async readAll(): Promise<Failure | undefined> {
    const { context, ledger, stream } = this;
    try {
      const stopped = await this.readEvents();
      if (stopped !== undefined) return stopped;
      for (const { scope, failure } of ledger.leftOpen(stream.name)) await this.setUnverified(scope, failure);
      if (ledger.total > 0) await this.review();
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
        if (softReached && !(event.type === 'end' && ledger.isOpen(event.scope)))
          return new Failure('cancelled', context.atSoftLimit);
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
        return this.setUnverified(event.scope, event.failure, event.evidence);
    }
  }

  /** The rows become records while the page before is still being written; then its turn comes. */
  private async takePage(event: PageEvent): Promise<void> {
    const sorted = sortPage(this.stream, event, this.context.redact);
    this.ledger.page(event.scope, sorted.unreadableIds);
    checkEnds(this.stream, event.scope, sorted);
    this.firstSetAside ??= sorted.setAside[0];
    await this.written;
    this.written = this.writePage(event, sorted);
    // Whoever waits for it hears of it; until then nobody does.
    this.written.catch(() => undefined);
  }

  private async writePage({ scope, checkpoint, rows }: PageEvent, sorted: SortedPage): Promise<void> {
    const { store, hold, now, onPage } = this.context;
    const fetched = rows.length;
    const { removed, removedMembers, setAside } = sorted;
    const { name, record } = this.stream;
    const records = await withUntold(store, { system: hold.system, stream: name, record }, sorted.records);
    // The row without an id may be the very edge that is missed. The scope gets no cursor: the same parents are read again next time.
    const complete = this.ledger.isTainted(scope) ? [] : sorted.complete;
    const page = {
      ...{ passId: this.pass.id, scope, removed, removedMembers, records, setAside, complete },
      ...{ checkpoint, fetched, at: now() },
    };
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
    const { pass, ledger, stream } = this;
    const { coverage, cursor, scope } = event;
    const askedInFull = pass.mode === 'Full' || this.request().cursor(scope) === undefined;
    const { proof, evidence } = proofOfEnd(event, pass.scopes.get(scope) ?? {}, askedInFull);
    const wrong = ledger.end(stream.name, scope) ?? disbeliefOfCount(stream.name, scope, proof);
    if (wrong !== undefined) return this.setUnverified(scope, wrong, event.evidence);
    const { store, hold, now } = this.context;
    const verdict = {
      type: 'verified',
      coverage,
      evidence,
      ...(cursor === undefined ? {} : { cursor }),
    } as const;
    await this.unlessLost(store.endScope(hold, { passId: pass.id, scope, verdict, at: now() }));
    ledger.setVerified(scope, proof);
  }

  private async setUnverified(scope: string, failure: Failure, evidence?: CountedFacts): Promise<void> {
    const { store, hold, now, redact } = this.context;
    const reason = bounded(redact(`${failure.code}: ${failure.message}`), 512);
    const verdict = { type: 'unverified', reason, evidence } as const;
    await this.unlessLost(store.endScope(hold, { passId: this.pass.id, scope, verdict, at: now() }));
    this.ledger.setUnverified(scope, failure, evidence);
  }

  private async review(): Promise<void> {
    const { context, pass, stream, ledger } = this;
    const { store, hold, signal, softReached, atSoftLimit } = context;
    const mayGoOn = () => {
      signal.throwIfAborted();
      if (softReached()) throw new Failure('cancelled', atSoftLimit);
    };
    const disbelieve = (scope: string, failure: Failure) =>
      this.setUnverified(scope, failure, ledger.proofs.get(scope)?.evidence);
    const probes = context.deletionPolicy === 'Tombstone';
    this.reviewed = await review({ store, hold, pass, stream, ledger, probes, mayGoOn, disbelieve });
  }

  /** The verdict on the stream after all its scopes, decided and kept in the transaction that closes the pass. */
  async close(): Promise<StreamReport> {
    const { store, hold, now, approval } = this.context;
    const { stream } = this;
    let decided: PassVerdict | undefined;
    await store.endPass(
      hold,
      {
        passId: this.pass.id,
        at: now(),
        budgetSince: new Date(now().getTime() - budgetWindowMs),
        approval:
          approval === undefined
            ? undefined
            : { ...approval, notBefore: new Date(now().getTime() - approvalExpiresAfterMs) },
      },
      (tally) => (decided = judgePass(this.judged(), tally)),
    );
    if (decided === undefined) throw new Error('the store closed a pass without asking for its verdict');
    return { stream: stream.name, record: stream.record, verdict: decided.stream, brokeOff: false };
  }

  private judged(): JudgedPass {
    const { stream, pass, ledger, firstSetAside, reviewed } = this;
    const { deletionPolicy, deletionBudget, setAsideWhere, beyondBudget, redact } = this.context;
    return {
      ...{ stream: stream.name, disjointScopes: stream.disjointScopes },
      ...{ pass, ledger, firstSetAside, reviewed },
      ...{ deletionPolicy, deletionBudget, setAsideWhere, beyondBudget, redact },
    };
  }

  /** The report when something stopped the reading; the pass stays open for the next run. */
  report(failure: Failure): StreamReport {
    return reportOf(this.stream, this.pass, this.ledger, failure, this.context.redact);
  }
}
