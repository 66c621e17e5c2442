// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { Compile } from 'typebox/compile';
import { bounded } from '../api/bounded.ts';
import {
  SyncRunStatusSchema,
  type FinalPhase,
  type StreamStatus,
  type SyncRunSpec,
  type SyncRunStatus,
} from '../api/sync-run.ts';
import { Failure, toRunFailure } from '../connector/failure.ts';
import { firstProblem } from '../connector/problem.ts';
import type { ChainLink, SealedRecord } from '../store/port.ts';

/** Spec and status as canonical JSON, with what names the run. */
export const maxRecordBytes = 4096;

/** What the audit log keeps of a run: identity, what was asked, what happened. */
export interface RunRecord {
  /** `namespace/name` of the ExternalSystem. */
  readonly system: string;
  readonly run: { readonly name: string; readonly uid: string };
  readonly spec: SyncRunSpec;
  readonly status: SyncRunStatus & { readonly phase: FinalPhase };
}

export interface SealedRun extends SealedRecord {
  readonly status: RunRecord['status'];
}

const statusCheck = Compile(SyncRunStatusSchema);

/**
 * Puts a finished run into the chain of its system. The digest is SHA-256 over the RFC 8785 form of the record with
 * `sequence` and `previousDigest`, and without the digest itself. The record stays under 4 KiB: what does not fit
 * (unverified scopes, the ends of long texts) is in the database. Its texts are free of secrets before they get here.
 *
 * A status that the CRD would refuse could never be shown, and its run would never end for the cluster; so such a one, which is
 * our own bug, is replaced by one that says so.
 */
export function sealRun(record: RunRecord, link: ChainLink): SealedRun {
  const linked = linkedTo(record, link);
  const fitted = fit(linked);
  const problem = problemOf(fitted.status);
  const sound =
    problem === undefined ? fitted : linkedTo({ ...record, status: admission(record, problem) }, link);
  const json = canonical(sound);
  const digest = digestOf(json);
  return { json, digest, status: { ...sound.status, digest } };
}

/** The record of a run that has ended, made again from its object. */
export function recordOf({ status, ...record }: RunRecord): SealedRecord {
  const { digest: _, ...sealed } = status;
  const json = canonical({ ...record, status: sealed });
  return { json, digest: digestOf(json) };
}

function linkedTo(record: RunRecord, { sequence, previousDigest }: ChainLink): RunRecord {
  const chain = { sequence, ...(previousDigest === undefined ? {} : { previousDigest }) };
  return { ...record, status: { ...record.status, ...chain } };
}

function problemOf(status: SyncRunStatus): string | undefined {
  return statusCheck.Check(status) ? undefined : firstProblem(statusCheck.Errors(status), 'status').reason;
}

/** Only what cannot be wrong, and that the rest was. */
function admission({ status }: RunRecord, problem: string): RunRecord['status'] {
  const { startTime, completionTime, totals } = status;
  const failure = toRunFailure(
    new Failure('internal', `the record of this run did not fit its own schema (${problem}); report it`),
  );
  return {
    phase: status.phase === 'Succeeded' ? 'PartiallySucceeded' : status.phase,
    ...(startTime === undefined ? {} : { startTime }),
    ...(completionTime === undefined ? {} : { completionTime }),
    ...(totals === undefined ? {} : { totals }),
    failure,
  };
}

/** The status as it stands in the cluster, from the archived bytes. */
export function statusFromArchive(sealed: SealedRecord): SyncRunStatus {
  const record = JSON.parse(sealed.json) as RunRecord;
  return { ...record.status, digest: sealed.digest };
}

export function digestOf(json: string): string {
  return `sha256:${hash('sha256', json, 'hex')}`;
}

function canonical(value: RunRecord): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('a run record must be JSON');
  return text;
}

/** Takes away, step by step, what can be read elsewhere, until the record fits. Counts go last, and not without a word. */
function fit(record: RunRecord): RunRecord {
  // Room for the digest that joins the status afterwards.
  const limit = maxRecordBytes - 90;
  let fitted = record;
  for (const step of smallerSteps(record.status)) {
    if (Buffer.byteLength(canonical(fitted)) <= limit) return fitted;
    fitted = { ...fitted, status: step(fitted.status) };
  }
  return fitted;
}

type Step = (status: RunRecord['status']) => RunRecord['status'];

function* smallerSteps({ unverifiedScopes = [], streams = [] }: SyncRunStatus): Generator<Step> {
  yield shortenEvidence;
  for (let kept = unverifiedScopes.length - 1; kept > 0; kept -= 1) yield keepScopes(kept);
  yield dropEvidence;
  yield shortenReasons(48);
  yield shortenMessage(160);
  yield keepScopes(0);
  yield shortenReasons(16);
  yield shortenMessage(60);
  for (let kept = streams.length - 1; kept >= 0; kept -= 1) {
    yield (status) => ({
      ...status,
      streams: (status.streams ?? []).slice(0, kept),
      streamsLeftOut: streams.length - kept,
    });
  }
}

/** The whole evidence of each scope is in the database; of it the positions say least. */
const shortenEvidence: Step = eachStream(({ evidence, ...stream }) => {
  if (evidence === undefined) return stream;
  const { last: _, ...counts } = evidence;
  return { ...stream, evidence: counts };
});

const dropEvidence: Step = eachStream((stream) => {
  const { evidence: _, ...others } = stream;
  return others;
});

function eachStream(change: (stream: StreamStatus) => StreamStatus): Step {
  return ({ streams, ...status }) => ({
    ...status,
    ...(streams === undefined ? {} : { streams: streams.map(change) }),
  });
}

function keepScopes(count: number): Step {
  return ({ unverifiedScopes = [], ...status }) =>
    count === 0 ? status : { ...status, unverifiedScopes: unverifiedScopes.slice(0, count) };
}

function shortenReasons(length: number): Step {
  return eachStream((stream) =>
    stream.incompleteReason === undefined
      ? stream
      : { ...stream, incompleteReason: bounded(stream.incompleteReason, length) },
  );
}

function shortenMessage(length: number): Step {
  return (status) =>
    status.failure === undefined
      ? status
      : { ...status, failure: { ...status.failure, message: bounded(status.failure.message, length) } };
}
