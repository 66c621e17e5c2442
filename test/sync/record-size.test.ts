// SPDX-License-Identifier: Apache-2.0
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { unverifiedFields } from '../../src/api/unverified-scopes.ts';
import { fitInto } from '../../src/sync/record-fit.ts';
import { Compile } from 'typebox/compile';
import { expect, test } from 'vitest';
import { failureClasses, failureCodes } from '../../src/api/failure.ts';
import {
  actionKinds,
  finalPhases,
  runModes,
  runTriggers,
  SyncRunStatusSchema,
  type SyncRunStatus,
} from '../../src/api/sync-run.ts';
import {
  digestOf,
  maxRecordBytes,
  recordFromArchive,
  recordOf,
  sealRun,
  type RunRecord,
} from '../../src/sync/run-record.ts';

const check = Compile(SyncRunStatusSchema);
const previousDigest = `sha256:${'0'.repeat(64)}`;
const count = fc.oneof(fc.nat(), fc.constant(Number.MAX_SAFE_INTEGER));
const time = fc.constant('2026-03-01T10:00:00Z');

/** Texts up to the length that the schema allows, made of what canonical JSON needs most bytes for, and of anything else. */
function text(maxLength: number, minLength = 0): fc.Arbitrary<string> {
  const unit = fc.constantFrom('m', '漢', '\u0001', '"', '\\', '\u007f', 'é', '\ud800');
  const filled = unit.map((one) => one.repeat(maxLength));
  return fc
    .oneof(filled, fc.string({ minLength, maxLength, unit: 'binary' }))
    .map((made) => made.slice(0, maxLength));
}
/** What an API server lets through. A name of control characters only has no room beside four actions; the longest record, below, has one. */
const whole = (maxLength: number, minLength = 0) =>
  text(maxLength, minLength).map((made) => made.toWellFormed().replaceAll('\u0001', '漢'));
const id = (maxLength: number) =>
  fc.oneof(
    fc.constant('a'.repeat(maxLength)),
    fc.stringMatching(/^[A-Za-z0-9._-]+$/u).map((one) => one.slice(0, maxLength)),
  );

const counters = {
  fetched: count,
  created: count,
  updated: count,
  unchanged: count,
  deleted: count,
  failed: count,
};
const stream = fc.record(
  {
    ...counters,
    name: text(32),
    record: text(32),
    mode: fc.constantFrom('Incremental' as const, 'Full' as const),
    complete: fc.boolean(),
    incompleteReason: text(128),
    pages: count,
    scopesTotal: count,
    scopesVerified: count,
    withheld: count,
    withdrawn: count,
    evidence: fc.record(
      {
        rows: count,
        counted: count,
        scopesCounted: count,
        scopesAgreed: count,
        scopesUnproven: count,
        last: text(64),
        probed: count,
        present: count,
        stated: count,
      },
      { requiredKeys: ['rows', 'scopesCounted', 'scopesAgreed'] },
    ),
  },
  {
    requiredKeys: [
      'name',
      'record',
      'complete',
      'pages',
      'fetched',
      'created',
      'updated',
      'unchanged',
      'deleted',
      'failed',
    ],
  },
);
/** As a run counts them: some named, the others not. */
const unverified = fc
  .tuple(
    fc.array(fc.record({ stream: text(32), scope: text(64), reason: text(96) }), { maxLength: 10 }),
    fc.oneof(fc.constant(0), fc.nat(), fc.constant(Number.MAX_SAFE_INTEGER - 10)),
  )
  .map(([named, leftOut]) => unverifiedFields(named, named.length + leftOut));
const status = fc
  .record(
    {
      phase: fc.constantFrom(...finalPhases),
      startTime: time,
      completionTime: time,
      mode: fc.constantFrom(...runModes),
      systemUid: id(64),
      systemGeneration: count,
      worker: text(128),
      attempt: count,
      correlationId: id(64),
      missedSlots: fc.record({ count, first: time, last: time }),
      totals: fc.record(counters),
      streams: fc.oneof(
        fc.array(stream, { maxLength: 32 }),
        fc.array(stream, { minLength: 32, maxLength: 32 }),
      ),
      unverified,
      checks: fc.array(
        fc.record({
          name: text(32),
          result: fc.constantFrom('Passed', 'Warning', 'Failed'),
          message: text(160),
        }),
        { maxLength: 16 },
      ),
      upstream: fc.record({ requests: count, bytes: count, throttledSeconds: fc.constant(999_999_999.123) }),
      cpuSeconds: fc.constant(999_999_999.123),
      deletionProposal: fc.record({ records: count, digest: fc.constant(previousDigest) }),
      deletionApproval: fc.record({
        token: id(253).map((run) => `${run}@${previousDigest}`),
        deleted: count,
      }),
      actions: fc.array(
        fc.record({ kind: fc.constantFrom(...actionKinds), time, digest: fc.constant(previousDigest) }),
        {
          maxLength: 4,
        },
      ),
      failure: fc.record({
        class: fc.constantFrom(...failureClasses),
        code: fc.constantFrom(...failureCodes),
        message: text(512),
        audience: text(64),
      }),
    },
    { requiredKeys: ['phase', 'totals'] },
  )
  .map(({ unverified: scopes, ...rest }) => ({ ...rest, ...scopes }));
const spec = fc.record(
  {
    systemRef: fc.record({ name: id(63), uid: whole(64), generation: count }, { requiredKeys: ['name'] }),
    mode: fc.constantFrom(...runModes),
    trigger: fc.constantFrom(...runTriggers),
    scheduledTime: time,
    correlationId: id(64),
    requestedBy: whole(256, 1),
  },
  { requiredKeys: ['systemRef', 'mode'] },
);

const bytesOf = (value: object) => Buffer.byteLength(canonicalize(value) ?? '');

type Given = typeof status extends fc.Arbitrary<infer Value> ? Value : never;
type Asked = typeof spec extends fc.Arbitrary<infer Value> ? Value : never;

function checkSealed(given: Given, asked: Asked, name: string): void {
  const record: RunRecord = {
    system: `${'n'.repeat(63)}/${asked.systemRef.name}`,
    run: { name, uid: 'u'.repeat(36) },
    spec: asked,
    status: given,
  };
  const link = { sequence: Number.MAX_SAFE_INTEGER, previousDigest, startedAt: new Date(0), streams: [] };
  const sealed = sealRun(record, link);
  const made: SyncRunStatus = sealed.status;
  expect(bytesOf({ spec: asked, status: made })).toBeLessThanOrEqual(maxRecordBytes);
  expect(Buffer.byteLength(sealed.json)).toBeLessThanOrEqual(maxRecordBytes);
  expect(check.Check(made)).toBe(true);
  expect(sealed.json.isWellFormed()).toBe(true);
  const kept = { phase: given.phase, totals: given.totals, sequence: link.sequence, previousDigest };
  expect(made).toMatchObject({ ...kept, digest: sealed.digest });
  expect(made.failure?.code).toBe(given.failure?.code);
  expect((made.streams ?? []).length + (made.streamsLeftOut ?? 0)).toBe((given.streams ?? []).length);
  const { unverifiedScopes: named = [], unverifiedScopesLeftOut = 0, unverifiedScopesTotal = 0 } = made;
  expect(unverifiedScopesTotal).toBe(given.unverifiedScopesTotal ?? 0);
  expect(named.length + unverifiedScopesLeftOut).toBe(unverifiedScopesTotal);
  const first = given.unverifiedScopes?.slice(0, named.length).map(({ scope }) => scope.toWellFormed());
  expect(
    named.map(({ scope }) => scope),
    'the first stay',
  ).toEqual(first ?? []);
  // Whoever has the bytes, or the object in the cluster, finds the digest again.
  expect(digestOf(sealed.json)).toBe(sealed.digest);
  expect(recordOf({ ...recordFromArchive(sealed.json), status: sealed.status })).toEqual({
    json: sealed.json,
    digest: sealed.digest,
  });
}

test('whatever a run did, its record stays under 4 KiB, fits the schema, and keeps its counts and its place', () => {
  fc.assert(fc.property(status, spec, id(253), checkSealed), { numRuns: 400 });
}, 60_000);

test.each([
  ['six bytes each, without actions', '\u0001', 0],
  ['three bytes each, with actions', '漢', 4],
])(
  'so it does when every field is there at its longest, in characters that take %s',
  (_, letter, actions) => {
    const long = (length: number) => letter.repeat(length);
    const most = Number.MAX_SAFE_INTEGER;
    const at = '2026-03-01T10:00:00Z';
    const counts = {
      ...{ fetched: most, created: most, updated: most, unchanged: most, deleted: most, failed: most },
    };
    const given: Given = {
      ...{ phase: 'PartiallySucceeded', startTime: at, completionTime: at, mode: 'Incremental' },
      ...{ systemUid: 'u'.repeat(64), systemGeneration: most, worker: long(128), attempt: most },
      ...{ correlationId: 'c'.repeat(64), missedSlots: { count: most, first: at, last: at }, totals: counts },
      streams: Array.from({ length: 32 }, () => ({
        ...{ ...counts, name: long(32), record: long(32), mode: 'Incremental', complete: false },
        ...{
          incompleteReason: long(128),
          pages: most,
          scopesTotal: most,
          scopesVerified: most,
          withheld: most,
        },
      })),
      unverifiedScopes: Array.from({ length: 10 }, () => ({
        ...{ stream: long(32), scope: long(64), reason: long(96) },
      })),
      ...{ unverifiedScopesTotal: most, unverifiedScopesLeftOut: most - 10 },
      checks: Array.from({ length: 16 }, () => ({
        ...{ name: long(32), result: 'Warning' as const, message: long(160) },
      })),
      upstream: { requests: most, bytes: most, throttledSeconds: 999_999_999.123 },
      cpuSeconds: 999_999_999.123,
      deletionProposal: { records: most, digest: previousDigest },
      deletionApproval: { token: `${'r'.repeat(253)}@${previousDigest}`, deleted: most },
      actions: Array.from({ length: actions }, () => ({
        kind: 'purge-begun',
        time: at,
        digest: previousDigest,
      })),
      failure: {
        ...{ class: 'policy_violation', code: 'deletionBudget', message: long(512), audience: long(64) },
      },
    };
    const asked: Asked = {
      systemRef: { name: 'n'.repeat(63), uid: long(64), generation: most },
      ...{ mode: 'Incremental', trigger: 'CredentialsChange', scheduledTime: at },
      ...{ correlationId: 'c'.repeat(64), requestedBy: long(256) },
    };
    checkSealed(given, asked, 'r'.repeat(253));
  },
);

test('a record of mode Test that is too large keeps what was found, shortened, before what passed', () => {
  const checks = Array.from({ length: 16 }, (_, index) => ({
    name: `stream-${index}`,
    result: index < 3 ? ('Warning' as const) : ('Passed' as const),
    message: 'x'.repeat(160),
  }));
  const fits = (size: number) => (status: SyncRunStatus) => JSON.stringify(status).length <= size;
  const left = (size: number) => fitInto({ phase: 'Succeeded', checks }, fits(size)).checks;
  expect(left(4000)).toEqual(checks);
  expect(left(2500)?.map(({ message }) => message.length)).toEqual(Array(16).fill(60));
  expect(left(600)?.map(({ name }) => name)).toEqual(['stream-0', 'stream-1', 'stream-2']);
  expect(left(100)).toBeUndefined();
});
