// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { Compile } from 'typebox/compile';
import {
  SyncRunStatusSchema,
  type FinalPhase,
  type SyncRunSpec,
  type SyncRunStatus,
} from '../api/sync-run.ts';
import { Failure, toRunFailure } from '../connector/failure.ts';
import { firstProblem } from '../connector/problem.ts';
import type { ChainLink, SealedRecord } from '../store/port.ts';
import { fitInto } from './record-fit.ts';

/** Spec and status as canonical JSON, with what names the run. */
export const maxRecordBytes = 4096;
/** Room for the digest that joins the status afterwards. */
const digestBytes = 90;

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
  const linked = linkedTo({ ...record, status: wellFormed(record.status) }, link);
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

/** A text with half a character has no canonical form: its run could never end. */
function wellFormed<Value>(value: Value): Value {
  // Of numbers, flags and texts JSON makes what they are.
  return JSON.parse(JSON.stringify(value), (_, part: unknown) =>
    typeof part === 'string' ? part.toWellFormed() : part,
  ) as Value;
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

/** @throws SyntaxError for bytes that are no record */
export function recordFromArchive(json: string): RunRecord {
  return JSON.parse(json) as RunRecord;
}

/** The status as it stands in the cluster, from the archived bytes. */
export function statusFromArchive(sealed: SealedRecord): SyncRunStatus {
  const record = recordFromArchive(sealed.json);
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

/** What does not fit is left out of the status by the table of record-fit.ts; spec and identity stay whole. */
function fit(record: RunRecord): RunRecord {
  const bytesOf = (status: RunRecord['status']) => Buffer.byteLength(canonical({ ...record, status }));
  return {
    ...record,
    status: fitInto(record.status, (status) => bytesOf(status) <= maxRecordBytes - digestBytes),
  };
}
