// SPDX-License-Identifier: Apache-2.0
import type { FailureCode } from '../api/failure.ts';
import {
  maxNamedScopes,
  type FinalPhase,
  type StreamStatus,
  type SyncRunStatus,
  type Totals,
} from '../api/sync-run.ts';
import { unverifiedFields, unverifiedIn } from '../api/unverified-scopes.ts';
import type { StreamFailure, StreamProgress, StreamVerdict } from '../store/port.ts';

/** Failures that concern the whole account or machine: going on with the next stream would only fail faster. */
const endsRun: Readonly<Record<FailureCode, boolean>> = {
  unavailable: true,
  throttled: true,
  internal: true,
  contract: false,
  configuration: false,
  credentials: true,
  permission: false,
  deletionBudget: false,
  cancelled: true,
};

/**
 * Whether a stream's failure ends the run. `brokeOff`: it stopped the reading; else the reader went on to the other scopes, and one that
 * is unavailable says nothing of them.
 */
export function stopsRun(failure: StreamFailure | undefined, brokeOff: boolean): boolean {
  return failure !== undefined && endsRun[failure.code] && (brokeOff || failure.code !== 'unavailable');
}

/** Which of several failures the run record names: the one that most needs a person. */
const weight: Readonly<Record<FailureCode, number>> = {
  cancelled: 9,
  credentials: 8,
  internal: 7,
  unavailable: 6,
  throttled: 5,
  configuration: 4,
  permission: 3,
  contract: 2,
  deletionBudget: 1,
};

/** Sorts what failed by who most needs a person; what needs one equally stays in its order. */
export function byNeed(
  { failure: one }: { readonly failure: StreamFailure },
  { failure: other }: { readonly failure: StreamFailure },
): number {
  return weight[other.code] - weight[one.code];
}

export function worstFailure<One extends StreamFailure>(
  failures: readonly (One | undefined)[],
): One | undefined {
  let worst: One | undefined;
  for (const failure of failures) {
    if (failure !== undefined && (worst === undefined || weight[failure.code] > weight[worst.code]))
      worst = failure;
  }
  return worst;
}

/** One stream of a run that ends: what the database counted, and what its reader came to. */
export interface EndedStream extends StreamProgress {
  readonly verdict: StreamVerdict;
}

/**
 * How a run ended. Succeeded needs every stream complete and no row set aside. A run that was stopped by a failure of the
 * account, or in which no stream is complete, is Failed; anything between is PartiallySucceeded.
 */
export function phaseOf(
  streams: readonly EndedStream[],
  failure: StreamFailure | undefined,
  stopped: boolean,
): FinalPhase {
  if (failure?.code === 'cancelled') return 'Cancelled';
  if (stopped) return 'Failed';
  const complete = streams.filter(({ verdict }) => verdict.complete).length;
  if (failure !== undefined && complete === 0) return 'Failed';
  const setAside = streams.some(({ tally }) => tally.failed > 0);
  if (failure !== undefined || setAside || complete < streams.length) return 'PartiallySucceeded';
  return 'Succeeded';
}

/** The counts of a run and its streams, as its record has them. */
export function countsOf(
  streams: readonly EndedStream[],
): Pick<
  SyncRunStatus,
  'totals' | 'streams' | 'unverifiedScopes' | 'unverifiedScopesTotal' | 'unverifiedScopesLeftOut'
> {
  const unverified = inTurn(streams.map(({ verdict }) => verdict.unverified));
  const total = streams.reduce((sum, { verdict }) => sum + unverifiedIn(verdict), 0);
  return {
    totals: totalsOf(streams),
    streams: streams.map(toStreamStatus),
    ...unverifiedFields(unverified.slice(0, maxNamedScopes), total),
  };
}

/** The first of each list, then the second of each: where there is room for a few only, no list hides another. */
function inTurn<Item>(lists: readonly (readonly Item[])[]): readonly Item[] {
  const longest = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, place) =>
    lists.flatMap((list) => list.slice(place, place + 1)),
  ).flat();
}

function toStreamStatus({ tally, verdict }: EndedStream): StreamStatus {
  return {
    name: tally.stream,
    record: tally.record,
    ...(verdict.mode === undefined ? {} : { mode: verdict.mode }),
    complete: verdict.complete,
    ...(verdict.incompleteReason === undefined ? {} : { incompleteReason: verdict.incompleteReason }),
    fetched: tally.fetched,
    created: tally.created,
    updated: tally.updated,
    unchanged: tally.unchanged,
    deleted: tally.deleted,
    failed: tally.failed,
    pages: tally.pages,
    scopesTotal: verdict.scopesTotal,
    scopesVerified: verdict.scopesVerified,
    ...(verdict.withheld === 0 ? {} : { withheld: verdict.withheld }),
    ...(tally.withdrawn === undefined ? {} : { withdrawn: tally.withdrawn }),
    ...(verdict.evidence === undefined ? {} : { evidence: verdict.evidence }),
  };
}

/** Sums of what was counted, in whichever state the streams are. */
export function totalsOf(streams: readonly Pick<EndedStream, 'tally'>[]): Totals {
  const totals = { fetched: 0, created: 0, updated: 0, unchanged: 0, deleted: 0, failed: 0 };
  for (const { tally } of streams) {
    totals.fetched += tally.fetched;
    totals.created += tally.created;
    totals.updated += tally.updated;
    totals.unchanged += tally.unchanged;
    totals.deleted += tally.deleted;
    totals.failed += tally.failed;
  }
  return totals;
}

/** The verdict on a stream that was not read to its verdict. */
export function unreadVerdict(incompleteReason: string): StreamVerdict {
  return {
    complete: false,
    incompleteReason,
    scopesTotal: 0,
    scopesVerified: 0,
    unverified: [],
    withheld: 0,
  };
}
