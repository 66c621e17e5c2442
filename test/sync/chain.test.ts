// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import type { StoredRun } from '../../src/store/port/archive.ts';
import { ChainVerifier, type Finding, type KeptHead } from '../../src/sync/chain.ts';
import { digestOf, sealRun } from '../../src/sync/run-record.ts';

const system = 'inventory/cmdb';
const key = (run: StoredRun | undefined) => ({ sequence: run?.sequence ?? 0, digest: run?.digest ?? '' });

function sealed(sequence: number, previousDigest: string | undefined, tag = 'true'): StoredRun {
  const minute = String(sequence).padStart(2, '0');
  const startTime = `2026-03-01T10:${minute}:00Z`;
  const facts = { runName: `cmdb-${sequence}`, runUid: `uid-${sequence}` };
  const failed = sequence % 3 === 0;
  const { json, digest } = sealRun(
    {
      system,
      run: { name: facts.runName, uid: facts.runUid },
      spec: { systemRef: { name: 'cmdb' }, mode: 'Full', trigger: 'Schedule', scheduledTime: startTime },
      status: {
        ...{ phase: failed ? 'Failed' : 'Succeeded', startTime, completionTime: startTime },
        ...{ systemUid: 'system-uid', systemGeneration: 2, worker: 'worker-1', attempt: 1 },
        correlationId: tag,
        ...(failed
          ? {
              failure: {
                class: 'transient',
                code: 'unavailable',
                message: 'it was away',
                audience: 'nobody',
              },
            }
          : {}),
      },
    },
    { sequence, previousDigest, startedAt: new Date(0), streams: [] },
  );
  return {
    ...facts,
    ...{ system, sequence, previousDigest, json, digest, mode: 'Full', trigger: 'Schedule' },
    ...{ systemUid: 'system-uid', generation: 2, worker: 'worker-1', attempt: 1, correlationId: tag },
    slot: `2026-03-01T10:${minute}:00.000Z`,
    startedAt: `2026-03-01T10:${minute}:00.123Z`,
    endedAt: `2026-03-01T10:${minute}:00.987Z`,
    phase: failed ? 'Failed' : 'Succeeded',
    failureCode: failed ? 'unavailable' : undefined,
    pruned: false,
    recovered: false,
  };
}

function chainOf(length: number, tag?: string): StoredRun[] {
  const runs: StoredRun[] = [];
  for (let sequence = 1; sequence <= length; sequence += 1)
    runs.push(sealed(sequence, runs.at(-1)?.digest, tag));
  return runs;
}

/** What is found in these rows, handed over as a database orders them. */
function found(
  runs: readonly StoredRun[],
  head = key(runs.at(-1)),
  kept: readonly KeptHead[] = [],
  recoveries: ConstructorParameters<typeof ChainVerifier>[1]['recoveries'] = [],
) {
  const findings: Finding[] = [];
  const verifier = new ChainVerifier(
    system,
    { head, recoveries, traces: [], unfinished: false },
    kept,
    (one) => findings.push(one),
  );
  for (const run of runs.toSorted((a, b) => a.sequence - b.sequence)) verifier.visit(run);
  return { findings, summary: verifier.end() };
}

const lengths = fc.integer({ min: 2, max: 12 });
const chainAndPlace = lengths.chain((length) =>
  fc.record({ runs: fc.constant(chainOf(length)), index: fc.integer({ min: 0, max: length - 1 }) }),
);

/** Of each hashed column, a value that no run of these has. */
const otherValues = {
  system: 'inventory/other',
  runName: 'forged',
  runUid: 'forged',
  systemUid: 'forged',
  generation: 77,
  attempt: 77,
  worker: 'forged',
  mode: 'Test',
  trigger: 'Manual',
  slot: '2020-01-01T00:00:00.000Z',
  correlationId: 'forged',
  startedAt: '2020-01-01T00:00:00.000Z',
  endedAt: '2020-01-01T00:00:00.000Z',
  phase: 'Cancelled',
  failureCode: 'contract',
  previousDigest: 'sha256:forged',
  digest: 'sha256:forged',
} as const;

describe('a chain that nobody touched', () => {
  test('has no finding, and ends in its head', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), (length) => {
        const runs = chainOf(length);
        const kept = runs.map((run) => ({ ...key(run), from: 'a friend' }));
        const { findings, summary } = found(runs, undefined, kept);
        expect(findings).toEqual([]);
        expect(summary).toMatchObject({ runs: length, head: key(runs.at(-1)), lost: [] });
      }),
      { numRuns: 20 },
    );
  });

  test('may have a gap where a restored backup lost runs, and nowhere else', () => {
    const runs = chainOf(9);
    const left = runs.filter(({ sequence }) => sequence < 4 || sequence > 6);
    const recovery = { after: 3, head: key(runs[5]) };
    const { findings, summary } = found(left, undefined, [], [recovery]);
    expect(findings).toEqual([]);
    expect(summary.lost).toEqual(['sequences 4 to 6']);
    expect(found(left, undefined, [], [{ ...recovery, after: 5 }]).findings).toMatchObject([
      { kind: 'removed', sequence: 4 },
    ]);
    const forged = { after: 3, head: { sequence: 6, digest: 'sha256:forged' } };
    expect(found(left, undefined, [], [forged]).findings).toMatchObject([{ kind: 'broken', sequence: 7 }]);
  });
});

describe('any one change is found and named', () => {
  test('a byte of a record', () => {
    fc.assert(
      fc.property(chainAndPlace, fc.nat(), ({ runs, index }, at) => {
        const run = runs[index]!;
        const json = run.json ?? '';
        const place = at % json.length;
        const other = json[place] === 'x' ? 'y' : 'x';
        const changed = { ...run, json: `${json.slice(0, place)}${other}${json.slice(place + 1)}` };
        expect(found(runs.with(index, changed)).findings).toContainEqual(
          expect.objectContaining({
            kind: 'altered',
            sequence: run.sequence,
            runUid: run.runUid,
            message: expect.stringContaining('the record has the digest'),
          }),
        );
      }),
    );
  });

  test('any column', () => {
    const columns = fc.constantFrom(...(Object.keys(otherValues) as (keyof typeof otherValues)[]));
    fc.assert(
      fc.property(chainAndPlace, columns, ({ runs, index }, column) => {
        const run = runs[index]!;
        const head = key(runs.at(-1));
        const { findings } = found(runs.with(index, { ...run, [column]: otherValues[column] }), head);
        expect(findings).toContainEqual(
          expect.objectContaining({
            kind: 'altered',
            sequence: run.sequence,
            message: expect.stringContaining(String(otherValues[column])),
          }),
        );
      }),
    );
  });

  test('a run taken away, be it the first or the newest', () => {
    fc.assert(
      fc.property(chainAndPlace, ({ runs, index }) => {
        const head = key(runs.at(-1));
        const { findings } = found(runs.toSpliced(index, 1), head);
        expect(findings).toMatchObject([{ kind: 'removed', sequence: index + 1 }]);
      }),
    );
  });

  test('two that changed places', () => {
    fc.assert(
      fc.property(chainAndPlace, fc.nat(), ({ runs, index }, other) => {
        const second = (index + 1 + (other % (runs.length - 1))) % runs.length;
        const [a, b] = [runs[index]!, runs[second]!];
        const swapped = runs
          .with(index, { ...a, sequence: b.sequence })
          .with(second, { ...b, sequence: a.sequence });
        const uids = found(swapped, key(runs.at(-1)))
          .findings.filter(({ kind, message }) => kind === 'altered' && message.includes('column sequence'))
          .map(({ runUid }) => runUid);
        expect(new Set(uids)).toEqual(new Set([a.runUid, b.runUid]));
      }),
    );
  });

  test('a run put in, however well it is sealed', () => {
    fc.assert(
      fc.property(chainAndPlace, ({ runs, index }) => {
        const forged = { ...sealed(index + 1, runs[index - 1]?.digest, 'forged'), runUid: 'forged' };
        const { findings } = found([...runs, forged], key(runs.at(-1)));
        expect(findings).toContainEqual(
          expect.objectContaining({
            kind: 'inserted',
            sequence: index + 1,
            message: expect.stringContaining('stands twice'),
          }),
        );
        const behind = sealed(runs.length + 1, runs.at(-1)?.digest, 'forged');
        expect(found([...runs, behind], key(runs.at(-1))).findings).toMatchObject([
          { kind: 'head', runUid: behind.runUid },
        ]);
      }),
    );
  });

  test('a run replaced by one that is sealed anew', () => {
    fc.assert(
      fc.property(chainAndPlace, ({ runs, index }) => {
        const forged = sealed(index + 1, runs[index - 1]?.digest, 'forged');
        const { findings } = found(runs.with(index, forged), key(runs.at(-1)));
        const newest = index + 1 === runs.length;
        expect(findings).toMatchObject([
          newest
            ? { kind: 'head', sequence: index + 1 }
            : {
                kind: 'broken',
                sequence: index + 2,
                message: expect.stringContaining(`sequence ${index + 1} (`),
              },
        ]);
      }),
    );
  });

  test('with a kept head: the newest cut off, head and all', () => {
    fc.assert(
      fc.property(chainAndPlace, ({ runs, index }) => {
        const kept = { ...key(runs.at(-1)), from: '--head' };
        expect(found(runs.slice(0, index)).findings).toEqual([]);
        expect(found(runs.slice(0, index), undefined, [kept]).findings).toMatchObject([
          { kind: 'head', sequence: runs.length },
        ]);
      }),
    );
  });

  test('with a kept head: everything sealed again', () => {
    fc.assert(
      fc.property(lengths, (length) => {
        const kept = { ...key(chainOf(length).at(-1)), from: '--head' };
        const forged = chainOf(length, 'forged');
        expect(found(forged).findings).toEqual([]);
        expect(found(forged, undefined, [kept]).findings).toMatchObject([
          {
            kind: 'head',
            sequence: length,
            runUid: `uid-${length}`,
            message: expect.stringContaining('which --head kept: it, or a run before it, was replaced'),
          },
        ]);
      }),
    );
  });
});

test('a record whose bytes are no JSON is named as such', () => {
  const [run] = chainOf(1);
  const { findings } = found([{ ...run!, json: 'null', digest: digestOf('null') }]);
  expect(findings.map(({ message }) => message)).toContain('the record is no JSON object');
});
