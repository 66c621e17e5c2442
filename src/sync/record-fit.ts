// SPDX-License-Identifier: Apache-2.0
import { bounded } from '../api/bounded.ts';
import type { SyncRunStatus, StreamStatus } from '../api/sync-run.ts';

type Step<Status> = (status: Status) => Status;
/** Names of fields that a status, or an entry of its streams, need not have. */
type OptionalField = Exclude<keyof SyncRunStatus, Kept>;
type StreamField = Exclude<keyof StreamStatus, 'name' | 'record' | 'complete'>;

/** Never left out: how the run ended, what it did, where it stands in the chain, for which object. */
type Kept =
  | ('phase' | 'totals' | 'failure' | 'sequence' | 'previousDigest' | 'digest')
  | ('startTime' | 'completionTime' | 'systemUid' | 'systemGeneration' | 'attempt' | 'correlationId')
  | 'mode';

/**
 * What a record that is too large loses, from the top down, until it fits: first what the database has too, then the ends of texts, then
 * whole entries. An optional field that a record may do without is one line here; `left(…)` takes it out, `streamsWithout(…)` takes it out of
 * every stream.
 */
const steps: readonly Step<SyncRunStatus>[] = [
  evidenceWithoutPositions(),
  ...[9, 8, 7, 6, 5, 4, 3, 2, 1].map(keepScopes),
  streamsWithout('evidence'),
  shortenReasons(48),
  shortenMessage(160),
  left('unverifiedScopes'),
  shortenChecks(60),
  checksThatFoundSomething(),
  shortenReasons(16),
  shortenMessage(60),
  streamsWithout('incompleteReason'),
  ...Array.from({ length: 32 }, (_, index) => keepStreams(31 - index)),
  left('streams'),
  left('checks'),
  left('upstream'),
  left('cpuSeconds'),
  left('missedSlots'),
  shortenMessage(20),
  // Only texts of control characters, six bytes each, get here.
  left('worker'),
  shortenAudience(16),
];

/** The status with as much as fits; when nothing more can go it may still not fit. */
export function fitInto<Status extends SyncRunStatus>(
  status: Status,
  fits: (status: Status) => boolean,
): Status {
  let fitted = status;
  for (const step of steps) {
    if (fits(fitted)) return fitted;
    // A step takes away what is optional, so it stays a status of this kind.
    fitted = step(fitted) as Status;
  }
  return fitted;
}

function left(field: OptionalField): Step<SyncRunStatus> {
  return (status) => {
    const { [field]: _, ...rest } = status;
    return rest;
  };
}

function eachStream(change: Step<StreamStatus>): Step<SyncRunStatus> {
  return (status) => ({ ...status, ...(status.streams && { streams: status.streams.map(change) }) });
}

/** For the fields of streams that are not counts. */
function streamsWithout(field: StreamField): Step<SyncRunStatus> {
  return eachStream((stream) => {
    const { [field]: _, ...rest } = stream;
    return rest as StreamStatus;
  });
}

/** The whole evidence of each scope is in the database; of it the positions say least. */
function evidenceWithoutPositions(): Step<SyncRunStatus> {
  return eachStream(({ evidence, ...stream }) => {
    if (evidence === undefined) return stream;
    const { last: _, ...counts } = evidence;
    return { ...stream, evidence: counts };
  });
}

function keepScopes(count: number): Step<SyncRunStatus> {
  return (status) => ({
    ...status,
    ...(status.unverifiedScopes && { unverifiedScopes: status.unverifiedScopes.slice(0, count) }),
  });
}

function shortenChecks(length: number): Step<SyncRunStatus> {
  return (status) => ({
    ...status,
    ...(status.checks && {
      checks: status.checks.map((check) => ({ ...check, message: bounded(check.message, length) })),
    }),
  });
}

function checksThatFoundSomething(): Step<SyncRunStatus> {
  return (status) => ({
    ...status,
    ...(status.checks && { checks: status.checks.filter(({ result }) => result !== 'Passed') }),
  });
}

/** How many are left out is counted: their sums are in `totals`. */
function keepStreams(count: number): Step<SyncRunStatus> {
  return (status) => {
    const { streams = [], streamsLeftOut = 0 } = status;
    if (streams.length <= count) return status;
    return {
      ...status,
      streams: streams.slice(0, count),
      streamsLeftOut: streamsLeftOut + streams.length - count,
    };
  };
}

function shortenReasons(length: number): Step<SyncRunStatus> {
  return eachStream(({ incompleteReason, ...stream }) => ({
    ...stream,
    ...(incompleteReason !== undefined && { incompleteReason: bounded(incompleteReason, length) }),
  }));
}

function shortenAudience(length: number): Step<SyncRunStatus> {
  return (status) => ({
    ...status,
    ...(status.failure && {
      failure: { ...status.failure, audience: bounded(status.failure.audience, length) },
    }),
  });
}

function shortenMessage(length: number): Step<SyncRunStatus> {
  return (status) => ({
    ...status,
    ...(status.failure && {
      failure: { ...status.failure, message: bounded(status.failure.message, length) },
    }),
  });
}
