// SPDX-License-Identifier: Apache-2.0
import type { FinalPhase, StreamStatus, Totals } from '../api/sync-run.ts';
import type { Failure } from '../connector/failure.ts';
import type { FailureCode } from '../api/failure.ts';
import type { StreamReport } from './stream-run.ts';

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

export function stopsRun(failure: Failure | undefined): boolean {
  return failure !== undefined && endsRun[failure.code];
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

export function worstFailure(failures: readonly (Failure | undefined)[]): Failure | undefined {
  let worst: Failure | undefined;
  for (const failure of failures) {
    if (failure !== undefined && (worst === undefined || weight[failure.code] > weight[worst.code]))
      worst = failure;
  }
  return worst;
}

/**
 * How a run ended. Succeeded needs every stream complete and no row set aside. A run that was stopped by a failure of the
 * account, or in which no stream is complete, is Failed; anything between is PartiallySucceeded.
 */
export function phaseOf(reports: readonly StreamReport[], failure: Failure | undefined): FinalPhase {
  if (failure?.code === 'cancelled') return 'Cancelled';
  if (stopsRun(failure)) return 'Failed';
  const complete = reports.filter((report) => report.complete).length;
  if (failure !== undefined && complete === 0) return 'Failed';
  const setAside = reports.some((report) => report.tally.failed > 0);
  if (failure !== undefined || setAside || complete < reports.length) return 'PartiallySucceeded';
  return 'Succeeded';
}

export function toStreamStatus(report: StreamReport): StreamStatus {
  const { tally } = report;
  return {
    name: tally.stream,
    record: tally.record,
    ...(report.mode === undefined ? {} : { mode: report.mode }),
    complete: report.complete,
    ...(report.incompleteReason === undefined ? {} : { incompleteReason: report.incompleteReason }),
    fetched: tally.fetched,
    created: tally.created,
    updated: tally.updated,
    unchanged: tally.unchanged,
    deleted: tally.deleted,
    failed: tally.failed,
    pages: tally.pages,
    scopesTotal: report.scopesTotal,
    scopesVerified: report.scopesVerified,
    ...(report.withheld === 0 ? {} : { withheld: report.withheld }),
  };
}

export function totalsOf(reports: readonly StreamReport[]): Totals {
  const totals = { fetched: 0, created: 0, updated: 0, unchanged: 0, deleted: 0, failed: 0 };
  for (const { tally } of reports) {
    totals.fetched += tally.fetched;
    totals.created += tally.created;
    totals.updated += tally.updated;
    totals.unchanged += tally.unchanged;
    totals.deleted += tally.deleted;
    totals.failed += tally.failed;
  }
  return totals;
}
