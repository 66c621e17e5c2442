// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { describe, expect, test } from 'vitest';
import type { StreamStatus, SyncRunStatus } from '../../src/api/sync-run.ts';
import { maxRecordBytes, redactStatus, sealRun, statusFromArchive } from '../../src/sync/run-record.ts';

const link = { sequence: 7, previousDigest: `sha256:${'0'.repeat(64)}`, startedAt: new Date(0) };

function record(status: SyncRunStatus) {
  return {
    system: 'inventory/cmdb',
    run: { name: 'cmdb-1', uid: 'uid-1' },
    spec: { systemRef: { name: 'cmdb' }, mode: 'Full' },
    status,
  } as const;
}

function stream(name: string): StreamStatus {
  const counts = {
    fetched: 1e12,
    created: 1e12,
    updated: 1e12,
    unchanged: 1e12,
    deleted: 1e12,
    failed: 1e12,
    pages: 1e12,
  };
  return { name, record: 'Asset', complete: false, incompleteReason: 'r'.repeat(128), ...counts };
}

describe('sealRun', () => {
  test('anyone can recompute the digest from the archived bytes', () => {
    const sealed = sealRun(record({ phase: 'Succeeded' }), link);
    const digest = createHash('sha256').update(sealed.json).digest('hex');
    expect(sealed.digest).toBe(`sha256:${digest}`);
    expect(canonicalize(JSON.parse(sealed.json))).toBe(sealed.json);
    expect(JSON.parse(sealed.json)).toMatchObject({
      status: { sequence: 7, previousDigest: link.previousDigest },
    });
  });

  test('the status in the cluster is the archived one with its digest', () => {
    const sealed = sealRun(record({ phase: 'Succeeded', attempt: 2 }), link);
    expect(statusFromArchive(sealed)).toEqual(sealed.status);
    expect(sealed.status).toMatchObject({ phase: 'Succeeded', attempt: 2, digest: sealed.digest });
  });

  test('a record with everything at its longest stays under 4 KiB and keeps its counts', () => {
    const sealed = sealRun(
      record({
        phase: 'PartiallySucceeded',
        streams: Array.from({ length: 8 }, (_, index) => stream(`stream-${index}`)),
        unverifiedScopes: Array.from({ length: 10 }, (_, index) => ({
          stream: 'cis',
          scope: `${index}`.repeat(64),
          reason: 'x'.repeat(96),
        })),
        failure: {
          class: 'permanent',
          code: 'contract',
          audience: 'maintainer of the operator',
          message: 'm'.repeat(512),
        },
      }),
      link,
    );
    const bytes = Buffer.byteLength(canonicalize({ ...record(sealed.status) }) ?? '');
    expect(bytes).toBeLessThanOrEqual(maxRecordBytes);
    expect(sealed.status.streams).toHaveLength(8);
    expect(sealed.status.streams?.[0]?.fetched).toBe(1e12);
  });
});

test('redactStatus changes texts and nothing else', () => {
  const status: SyncRunStatus = {
    phase: 'Failed',
    failure: { class: 'transient', code: 'unavailable', message: 'Failed with Failed', audience: 'nobody' },
    streams: [{ ...stream('cis'), incompleteReason: 'because Failed' }],
  };
  const clean = redactStatus(status, (text) => text.replaceAll('Failed', '*'));
  expect(clean.phase).toBe('Failed');
  expect(clean.failure?.message).toBe('* with *');
  expect(clean.streams?.[0]?.incompleteReason).toBe('because *');
});
