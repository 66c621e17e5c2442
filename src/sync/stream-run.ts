// SPDX-License-Identifier: Apache-2.0
import type { UnverifiedScope } from '../api/sync-run.ts';
import type { BoundStream, ReadEvent } from '../connector/contract.ts';
import { asFailure, Failure } from '../connector/failure.ts';
import {
  FenceLost,
  SourceChanged,
  type Hold,
  type Pass,
  type Store,
  type StreamTally,
} from '../store/port.ts';
import { decideDeletions, type DeletionBudget, type DeletionDecision } from './deletion.ts';
import { sortPage } from './page.ts';
import { prefetch } from './prefetch.ts';

/** A pass that was interrupted is gone on with for this long; then it starts anew. */
const maxPassAgeMs = 24 * 3_600_000;
const budgetWindowMs = 24 * 3_600_000;
/** More than this share set aside means that our reading of the vendor's answer is wrong … */
const maxSetAsideShare = 0.1;
/** … but a handful of bad rows in a short window says nothing. */
const minSetAside = 5;

export interface StreamContext {
  readonly store: Store;
  readonly hold: Hold;
  readonly source: string;
  readonly fingerprint: string;
  readonly mode: 'Incremental' | 'Full';
  readonly deletionPolicy: 'Tombstone' | 'Keep';
  readonly deletionBudget: DeletionBudget;
  readonly now: () => Date;
  /** Fires when the attempt must stop; its reason is a RunStop. */
  readonly signal: AbortSignal;
  readonly softReached: () => boolean;
  readonly redact: (text: string) => string;
  readonly onPage: (tally: StreamTally) => void;
}

/** How one stream went. `failure` without `stopped` leaves the other streams their turn. */
export interface StreamReport {
  readonly tally: StreamTally;
  readonly mode: 'Incremental' | 'Full' | undefined;
  readonly complete: boolean;
  readonly incompleteReason: string | undefined;
  readonly scopesTotal: number;
  readonly scopesVerified: number;
  readonly unverified: readonly UnverifiedScope[];
  readonly withheld: number;
  readonly failure: Failure | undefined;
}

export function emptyTally(stream: { name: string; record: StreamTally['record'] }): StreamTally {
  const zero = { pages: 0, fetched: 0, created: 0, updated: 0, unchanged: 0, deleted: 0, failed: 0 };
  return { stream: stream.name, record: stream.record, ...zero };
}

/** Reads one stream through to its verdict. Throws only what ends the run as a whole (a lost fence, a stop). */
export async function runStream(
  stream: BoundStream,
  start: StreamTally,
  context: StreamContext,
): Promise<StreamReport> {
  const pass = await beginPass(stream, context);
  const reading = new Reading(stream, pass, start, context);
  try {
    await reading.readAll();
  } catch (error) {
    if (error instanceof FenceLost) throw error;
    // An aborted request looks like any other failure; the reason of the stop is the truth.
    if (context.signal.aborted) throw context.signal.reason;
    return reading.report(asFailure(error), undefined, 0);
  }
  return reading.close();
}

async function beginPass(stream: BoundStream, context: StreamContext): Promise<Pass> {
  const { store, hold, now } = context;
  const request = {
    stream: stream.name,
    record: stream.record,
    mode: context.mode,
    source: context.source,
    fingerprint: context.fingerprint,
    notBefore: new Date(now().getTime() - maxPassAgeMs),
    at: now(),
  };
  try {
    return await store.beginPass(hold, request);
  } catch (error) {
    if (!(error instanceof SourceChanged)) throw error;
    throw new Failure('configuration', error.message, { cause: error });
  }
}

class Reading {
  private readonly stream: BoundStream;
  private readonly pass: Pass;
  private readonly context: StreamContext;
  private tally: StreamTally;
  private readonly verified = new Set<string>();
  private readonly unverified = new Map<string, { reason: string; failure: Failure }>();
  /** Scopes with a row whose id could not be read. */
  private readonly tainted = new Set<string>();

  constructor(stream: BoundStream, pass: Pass, start: StreamTally, context: StreamContext) {
    this.stream = stream;
    this.pass = pass;
    this.tally = start;
    this.context = context;
    for (const [scope, state] of pass.scopes) {
      if (state.ended !== undefined) this.verified.add(scope);
      if (state.tainted) this.tainted.add(scope);
    }
  }

  async readAll(): Promise<void> {
    const { pass } = this;
    const events = this.stream.read({
      cursor: (scope) => (pass.mode === 'Full' ? undefined : (pass.cursors.get(scope) as never)),
      checkpoint: (scope) => pass.scopes.get(scope)?.checkpoint as never,
      ended: (scope) => pass.scopes.get(scope)?.ended !== undefined,
    });
    for await (const event of prefetch(events)) {
      await this.take(event);
      if (event.type === 'page' && this.context.softReached()) {
        throw new Failure(
          'cancelled',
          'the soft time limit was reached; the next run goes on from the checkpoint',
        );
      }
    }
  }

  private async take(event: ReadEvent): Promise<void> {
    switch (event.type) {
      case 'page':
        return this.takePage(event);
      case 'end':
        return this.takeEnd(event);
      case 'unverified':
        return this.setUnverified(event.scope, event.failure);
    }
  }

  private async takePage(event: Extract<ReadEvent, { type: 'page' }>): Promise<void> {
    const { store, hold, now, redact, onPage } = this.context;
    const sorted = sortPage(this.stream, event.rows, redact);
    if (sorted.unreadableIds > 0) this.tainted.add(event.scope);
    const result = await store.writePage(hold, {
      passId: this.pass.id,
      scope: event.scope,
      records: sorted.records,
      setAside: sorted.setAside,
      removed: event.removed ?? [],
      checkpoint: event.checkpoint,
      fetched: event.rows.length,
      at: now(),
    });
    const { tally } = this;
    this.tally = {
      ...tally,
      pages: tally.pages + 1,
      fetched: tally.fetched + event.rows.length,
      created: tally.created + result.created,
      updated: tally.updated + result.updated,
      unchanged: tally.unchanged + result.unchanged,
      failed: tally.failed + sorted.setAside.length,
    };
    onPage(this.tally);
  }

  private async takeEnd(event: Extract<ReadEvent, { type: 'end' }>): Promise<void> {
    if (this.tainted.has(event.scope)) {
      const message = `${this.stream.name}: a row of scope ${event.scope} has no readable id, so nobody can say what was seen`;
      return this.setUnverified(event.scope, new Failure('contract', message));
    }
    const { store, hold, now } = this.context;
    const { coverage, evidence, cursor } = event;
    await store.endScope(hold, {
      passId: this.pass.id,
      scope: event.scope,
      verdict: { type: 'verified', coverage, evidence, ...(cursor === undefined ? {} : { cursor }) },
      at: now(),
    });
    this.verified.add(event.scope);
  }

  private async setUnverified(scope: string, failure: Failure): Promise<void> {
    const { store, hold, now } = this.context;
    const reason = this.context.redact(`${failure.code}: ${failure.message}`);
    await store.endScope(hold, {
      passId: this.pass.id,
      scope,
      verdict: { type: 'unverified', reason },
      at: now(),
    });
    this.unverified.set(scope, { reason, failure });
  }

  /** The verdict on the stream after all its scopes. */
  async close(): Promise<StreamReport> {
    const { store, hold, now, deletionPolicy, deletionBudget } = this.context;
    const misread = this.misread();
    let decision: DeletionDecision | undefined;
    const result = await store.endPass(
      hold,
      { passId: this.pass.id, at: now(), budgetSince: new Date(now().getTime() - budgetWindowMs) },
      (tally) => {
        if (misread !== undefined) return new Map();
        decision = decideDeletions(tally, deletionPolicy, deletionBudget);
        return decision.verdict;
      },
    );
    this.tally = { ...this.tally, deleted: this.tally.deleted + result.deleted };
    if (misread !== undefined) return this.report(misread, undefined, result.withheld);
    if (decision?.budgetPassed === true) {
      const remedy = 'nothing was deleted; check the source, or raise deletion.budget for one run';
      const message = `${this.stream.name}: ${decision.withheldReason ?? ''}; ${remedy}`;
      return this.report(new Failure('deletionBudget', message), decision.withheldReason, result.withheld);
    }
    const [first] = this.unverified.values();
    return this.report(first?.failure, undefined, result.withheld);
  }

  private misread(): Failure | undefined {
    const { failed, fetched } = this.tally;
    if (failed < minSetAside || failed <= fetched * maxSetAsideShare) return undefined;
    const message = `${this.stream.name}: ${failed} of ${fetched} rows were set aside, more than 10 %; nothing was deleted. See the quarantine for the reasons`;
    return new Failure('contract', message);
  }

  report(failure: Failure | undefined, reason: string | undefined, withheld: number): StreamReport {
    const complete =
      this.unverified.size === 0 && (failure === undefined || failure.code === 'deletionBudget');
    const incompleteReason = complete
      ? undefined
      : (
          reason ?? (failure === undefined ? 'unverified scope' : `${failure.code}: ${failure.message}`)
        ).slice(0, 128);
    return {
      tally: this.tally,
      mode: this.pass.mode,
      complete,
      incompleteReason,
      scopesTotal: this.verified.size + this.unverified.size,
      scopesVerified: this.verified.size,
      unverified: [...this.unverified].map(([scope, { reason: why }]) => ({
        stream: this.stream.name,
        scope: scope.slice(0, 64),
        reason: why.slice(0, 96),
      })),
      withheld,
      failure,
    };
  }
}
