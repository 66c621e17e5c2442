// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { SyncRunSpec, SyncRunStatus } from '../api/sync-run.ts';
import type { ChainLink, SealedRecord } from '../store/port.ts';

export const maxRecordBytes = 4096;

/** What the audit log keeps of a run: identity, what was asked, what happened. */
export interface RunRecord {
  /** `namespace/name` of the ExternalSystem. */
  readonly system: string;
  readonly run: { readonly name: string; readonly uid: string };
  readonly spec: SyncRunSpec;
  readonly status: SyncRunStatus;
}

/**
 * Puts a finished run into the chain of its system. The digest is SHA-256 over the RFC 8785 form of the record with
 * `sequence` and `previousDigest`, and without the digest itself. The record stays under 4 KiB: what does not fit
 * (unverified scopes beyond the first, the ends of long messages) is in the database.
 */
export function sealRun(
  record: RunRecord,
  link: ChainLink,
): SealedRecord & { readonly status: SyncRunStatus } {
  const linked: RunRecord = {
    ...record,
    status: {
      ...record.status,
      sequence: link.sequence,
      ...(link.previousDigest === undefined ? {} : { previousDigest: link.previousDigest }),
    },
  };
  const fitted = fit(linked);
  const json = canonical(fitted);
  const digest = digestOf(json);
  return { json, digest, status: { ...fitted.status, digest } };
}

/** The same status with known secrets taken out of every text that somebody else had a part in. */
export function redactStatus(status: SyncRunStatus, redact: (text: string) => string): SyncRunStatus {
  const { failure, streams, unverifiedScopes } = status;
  return {
    ...status,
    ...(failure === undefined ? {} : { failure: { ...failure, message: redact(failure.message) } }),
    ...(streams === undefined
      ? {}
      : {
          streams: streams.map((stream) =>
            stream.incompleteReason === undefined
              ? stream
              : { ...stream, incompleteReason: redact(stream.incompleteReason) },
          ),
        }),
    ...(unverifiedScopes === undefined
      ? {}
      : {
          unverifiedScopes: unverifiedScopes.map((scope) => ({
            ...scope,
            scope: redact(scope.scope),
            reason: redact(scope.reason),
          })),
        }),
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

function fit(record: RunRecord): RunRecord {
  let fitted = record;
  // Room for the digest that joins the status afterwards.
  const limit = maxRecordBytes - 90;
  while (Buffer.byteLength(canonical(fitted)) > limit) {
    const smaller = shrink(fitted.status);
    if (smaller === undefined) break;
    fitted = { ...fitted, status: smaller };
  }
  return fitted;
}

function shrink(status: SyncRunStatus): SyncRunStatus | undefined {
  const scopes = status.unverifiedScopes ?? [];
  if (scopes.length > 1) return { ...status, unverifiedScopes: scopes.slice(0, -1) };
  const streams = status.streams ?? [];
  if (streams.some((stream) => (stream.incompleteReason?.length ?? 0) > 48)) {
    return {
      ...status,
      streams: streams.map((stream) =>
        stream.incompleteReason === undefined
          ? stream
          : { ...stream, incompleteReason: stream.incompleteReason.slice(0, 48) },
      ),
    };
  }
  if (status.failure !== undefined && status.failure.message.length > 160) {
    return { ...status, failure: { ...status.failure, message: status.failure.message.slice(0, 160) } };
  }
  if (streams.length > 8) return { ...status, streams: streams.slice(0, 8) };
  return undefined;
}
