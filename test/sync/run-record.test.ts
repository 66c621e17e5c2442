// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { describe, expect, test } from 'vitest';
import type { StreamStatus } from '../../src/api/sync-run.ts';
import { unverifiedFields, unverifiedScopesOf } from '../../src/api/unverified-scopes.ts';
import {
  digestOf,
  maxRecordBytes,
  recordFromArchive,
  recordOf,
  sealRun,
  statusFromArchive,
  type RunRecord,
} from '../../src/sync/run-record.ts';

const link = { sequence: 7, previousDigest: `sha256:${'0'.repeat(64)}`, startedAt: new Date(0), streams: [] };

function record(status: RunRecord['status']): RunRecord {
  return {
    system: 'inventory/cmdb',
    run: { name: 'cmdb-1', uid: 'uid-1' },
    spec: { systemRef: { name: 'cmdb' }, mode: 'Full' },
    status,
  };
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

const statusOf = (json: string, digest: string) => statusFromArchive({ json, digest }) as RunRecord['status'];

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

  function longest(streams: number, letter: string): RunRecord {
    const text = (length: number) => letter.repeat(length);
    return record({
      phase: 'PartiallySucceeded',
      mode: 'Incremental',
      startTime: '2026-03-01T10:00:00Z',
      completionTime: '2026-03-01T10:00:00Z',
      systemUid: 'u'.repeat(64),
      systemGeneration: 1e12,
      worker: 'w'.repeat(128),
      attempt: 3,
      correlationId: 'c'.repeat(64),
      missedSlots: { count: 1e12, first: '2026-03-01T10:00:00Z', last: '2026-03-01T10:00:00Z' },
      totals: { fetched: 1e15, created: 1e15, updated: 1e15, unchanged: 1e15, deleted: 1e15, failed: 1e15 },
      upstream: { requests: 1e12, bytes: 1e15, throttledSeconds: 1e9 },
      cpuSeconds: 123_456_789.123,
      streams: Array.from({ length: streams }, (_, index) => ({
        ...stream(`stream-${index}`),
        incompleteReason: text(128),
        withheld: 1e12,
        evidence: {
          rows: 1e12,
          counted: 1e12,
          scopesCounted: 1e12,
          scopesAgreed: 1e12,
          last: text(64),
          probed: 1e12,
          present: 1e12,
          stated: 1e12,
        },
      })),
      unverifiedScopes: Array.from({ length: 10 }, () => ({
        stream: 'cis',
        scope: text(64),
        reason: text(96),
      })),
      failure: {
        class: 'permanent',
        code: 'contract',
        audience: 'maintainer of the operator',
        message: text(512),
      },
    });
  }
  const bytesOf = (status: RunRecord['status']) => Buffer.byteLength(canonicalize(record(status)) ?? '');

  test.each([
    [8, 'm'],
    [8, '漢'],
    [32, 'm'],
    [32, '漢'],
  ])('a record of %i streams with everything at its longest stays under 4 KiB (%s)', (count, letter) => {
    const { status } = sealRun(longest(count, letter), link);
    expect(bytesOf(status)).toBeLessThanOrEqual(maxRecordBytes);
    expect(status.totals?.fetched).toBe(1e15);
    expect(status.failure?.code).toBe('contract');
    expect((status.streams?.length ?? 0) + (status.streamsLeftOut ?? 0)).toBe(count);
  });

  test('texts are shortened before any count is left out', () => {
    const { status } = sealRun(longest(7, 'm'), link);
    expect(status.streams).toHaveLength(7);
    expect(status.streams?.[0]).toMatchObject({ fetched: 1e12, complete: false });
    expect(status.streams?.[0]?.incompleteReason?.length).toBeLessThan(128);
  });

  test('of the evidence the positions go first, then scopes, and all of it before any count of a stream', () => {
    const evidence = { rows: 5, counted: 5, scopesCounted: 1, scopesAgreed: 1, last: 'x'.repeat(64) };
    const streams = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ ...stream(`stream-${index}`), evidence }));
    const kept = Array.from({ length: 12 }, (_, at) => {
      const { status } = sealRun(record({ phase: 'Failed', streams: streams(at + 1) }), link);
      expect(status.streams, 'no count is left out').toHaveLength(at + 1);
      const first = status.streams?.[0]?.evidence;
      return first === undefined ? 'none' : first.last === undefined ? 'counts' : 'all';
    });
    expect([...new Set(kept)], 'in this order').toEqual(['all', 'counts', 'none']);
  });

  const scopes = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      stream: 'cis',
      scope: `scope-${index}`,
      reason: 'r'.repeat(96),
    }));

  test('three names of scopes outlive all evidence, evidence of whole streams the other names, and the number of scopes everything', () => {
    const evidence = { rows: 5, counted: 5, scopesCounted: 1, scopesAgreed: 1 };
    const kept = Array.from({ length: 32 }, (_, at) => {
      const streams = Array.from({ length: at + 1 }, (_each, index) => ({
        ...stream(`stream-${index}`),
        complete: index % 2 === 0,
        evidence,
      }));
      const { status } = sealRun(
        record({ phase: 'Failed', streams, ...unverifiedFields(scopes(10), 47) }),
        link,
      );
      const { unverifiedScopes: named = [], unverifiedScopesLeftOut: leftOut = 0 } = status;
      expect(named.length + leftOut).toBe(47);
      expect(status.unverifiedScopesTotal).toBe(47);
      expect(named.map(({ scope }) => scope)).toEqual(scopes(named.length).map(({ scope }) => scope));
      const has = (whole: boolean) =>
        status.streams?.some(({ complete, evidence: proof }) => complete === whole && proof !== undefined);
      return { named: named.length, whole: has(true) === true, other: has(false) === true };
    });
    const first = kept.findIndex(({ whole }) => !whole);
    expect(kept[0]).toMatchObject({ named: 10, whole: true });
    for (const [index, { named, whole, other }] of kept.entries()) {
      if (other) expect(named, 'before a name goes, the evidence of streams that are not whole').toBe(10);
      if (whole) expect(named, 'while evidence stands').toBeGreaterThanOrEqual(3);
      else if (index === first) expect(named, 'when evidence goes').toBe(3);
    }
    expect(
      kept.some(({ named, whole }) => named < 10 && whole),
      'names go before evidence',
    ).toBe(true);
    expect(kept.at(-1)?.named, 'and in the end all').toBe(0);
  });

  test('a record of before the scopes were counted keeps its digest, and is sound', () => {
    const json =
      '{"run":{"name":"cmdb-1","uid":"uid-1"},"spec":{"mode":"Full","systemRef":{"name":"cmdb"}},"status":{"phase":"Failed",' +
      '"sequence":7,"unverifiedScopes":[{"reason":"403","scope":"cmdb_ci","stream":"cis"}]},"system":"inventory/cmdb"}';
    const digest = 'sha256:4adc119192326ea91dde719d09f2847ee56972345a217eb6d5994cc9761b1196';
    expect(digestOf(json)).toBe(digest);
    expect(recordOf({ ...recordFromArchive(json), status: statusOf(json, digest) })).toEqual({
      json,
      digest,
    });
    expect(unverifiedScopesOf(statusOf(json, digest))).toMatchObject({ total: 1, leftOut: 0 });
  });

  test('a status that the CRD would refuse is replaced by one that says so', () => {
    const totals = { fetched: 2, created: 2, updated: 0, unchanged: 0, deleted: 0, failed: 0 };
    const wrong = record({ phase: 'Succeeded', totals, worker: 'w'.repeat(129) });
    const { status, json } = sealRun(wrong, link);
    expect(status).toMatchObject({
      phase: 'PartiallySucceeded',
      totals,
      sequence: 7,
      failure: { code: 'internal', message: expect.stringMatching(/status\/worker .* report it/u) },
    });
    expect(JSON.parse(json)).toMatchObject({ status: { phase: 'PartiallySucceeded' } });
  });
});
