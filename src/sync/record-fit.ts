// SPDX-License-Identifier: Apache-2.0
import { bounded } from '../api/bounded.ts';
import type { SyncRunStatus, StreamStatus } from '../api/sync-run.ts';
import { unverifiedFields } from '../api/unverified-scopes.ts';

type Step<Status> = (status: Status) => Status;
/** Names of fields that a status, or an entry of its streams, need not have. */
type OptionalField = Exclude<keyof SyncRunStatus, Kept>;
type StreamField = Exclude<keyof StreamStatus, 'name' | 'record' | 'complete'>;

/** Never left out: how the run ended, what it did, where it stands in the chain, for which object. */
type Kept =
  | ('deletionApproval' | 'actions')
  | ('phase' | 'totals' | 'failure' | 'sequence' | 'previousDigest' | 'digest')
  // How many scopes are not verified, also when there is no room for any name.
  | ('unverifiedScopesTotal' | 'unverifiedScopesLeftOut')
  | ('startTime' | 'completionTime' | 'systemUid' | 'systemGeneration' | 'attempt' | 'correlationId')
  | 'mode';

/**
 * What a record that is too large loses, from the top down, until it fits: first what the database has too, then the ends of texts, then
 * whole entries. An optional field that a record may do without is one line here; `left(…)` takes it out, `streamsWithout(…)` takes it out of
 * every stream.
 *
 * Whoever audits a run asks first what it did not prove, then what proves the rest. So a few scopes stay longest, the first of each stream
 * before the second of any; the fourth and further ones say little more than their number, which is always there. Evidence of whole streams, on which
 * deletions rest, outlives those, but not that of other streams, of which nothing absent was deleted.
 */
const steps: readonly Step<SyncRunStatus>[] = [
  evidenceWithoutPositions(),
  evidenceOfWholeStreams(),
  shortenScopeReasons(32),
  ...[9, 8, 7, 6, 5, 4, 3].map(nameScopes),
  streamsWithout('evidence'),
  shortenReasons(48),
  shortenMessage(160),
  ...[2, 1, 0].map(nameScopes),
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
  left('credentialsExpiryTime'),
  shortenAudience(16),
  shortenApproval(16),
  left('deletionProposal'),
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

function evidenceOfWholeStreams(): Step<SyncRunStatus> {
  return eachStream(({ evidence, ...stream }) => ({
    ...stream,
    ...(stream.complete && evidence !== undefined && { evidence }),
  }));
}

/** How many are left out is counted. */
function nameScopes(count: number): Step<SyncRunStatus> {
  return ({ unverifiedScopes: named = [], unverifiedScopesLeftOut: leftOut = 0, ...status }) => ({
    ...status,
    ...unverifiedFields(named.slice(0, count), named.length + leftOut),
  });
}

/** A scope is found again by its name; the database has its whole reason. */
function shortenScopeReasons(length: number): Step<SyncRunStatus> {
  return (status) => ({
    ...status,
    ...(status.unverifiedScopes && {
      unverifiedScopes: status.unverifiedScopes.map((scope) => ({
        ...scope,
        reason: bounded(scope.reason, length),
      })),
    }),
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

/** Of `RUN@DIGEST` the digest says which list it was. */
function shortenApproval(length: number): Step<SyncRunStatus> {
  return (status) => {
    const { deletionApproval } = status;
    if (deletionApproval === undefined) return status;
    const [runName = '', digest = ''] = deletionApproval.token.split('@');
    const token = `${bounded(runName, length)}@${digest}`;
    return { ...status, deletionApproval: { ...deletionApproval, token } };
  };
}

function shortenMessage(length: number): Step<SyncRunStatus> {
  return (status) => ({
    ...status,
    ...(status.failure && {
      failure: { ...status.failure, message: bounded(status.failure.message, length) },
    }),
  });
}
