// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  FenceLost,
  RunEnded,
  SlotTaken,
  SourceChanged,
  type DeletionVerdict,
  type Hold,
  type HashedRecord,
  type RunClaim,
  type RunOutcome,
  type Store,
} from '../../src/store/port.ts';

/** A database of its own for one test, and what a reader of it sees. */
export interface StoreUnderTest {
  readonly store: Store;
  /** Another connection to the same database, as a second process has. */
  second(): Promise<Store>;
  query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  close(): Promise<void>;
}

const at = (minute: number) => new Date(Date.UTC(2026, 2, 1, 10, minute));
const longAgo = new Date(0);

function claimOf(runUid: string, given: Partial<RunClaim> = {}): RunClaim {
  return {
    system: 'inventory/cmdb',
    systemUid: 'system-uid',
    systemGeneration: 1,
    runUid,
    runName: `name-of-${runUid}`,
    attempt: 1,
    mode: 'Incremental',
    trigger: 'Manual',
    slot: undefined,
    correlationId: `correlation-of-${runUid}`,
    worker: 'worker-1',
    demo: false,
    at: at(0),
    ...given,
  };
}

const pass = {
  stream: 'groups',
  record: 'Group',
  mode: 'Full',
  source: 'vendor https://a.example.com',
  fingerprint: 'f1',
  notBefore: longAgo,
  at: at(1),
} as const;

function record(externalId: string, name = externalId): HashedRecord {
  return { record: { externalId, columns: { name }, attributes: {} }, hash: hash('sha256', name, 'hex') };
}

function page(passId: number, records: readonly HashedRecord[], given: object = {}) {
  return {
    passId,
    scope: 'all',
    records,
    setAside: [],
    removed: [],
    checkpoint: { after: records.at(-1)?.record.externalId ?? '' },
    fetched: records.length,
    at: at(2),
    ...given,
  };
}

const full = (passId: number) =>
  ({
    passId,
    scope: 'all',
    verdict: { type: 'verified', coverage: 'Full', evidence: {} },
    at: at(3),
  }) as const;
const succeeded: RunOutcome = {
  phase: 'Succeeded',
  failureCode: undefined,
  endedAt: at(4),
  fullComplete: true,
};
const deleteAll: () => DeletionVerdict = () => new Map([['all', { absent: true, removed: true }]]);
const seal = (words: string) => () => ({
  json: JSON.stringify({ words }),
  digest: `sha256:${hash('sha256', words, 'hex')}`,
});

/** A full pass that sees exactly these records, in pages of two, and ends the run. */
async function fullPass(store: Store, runUid: string, records: readonly HashedRecord[]) {
  const hold = await store.claim(claimOf(runUid));
  const { id } = await store.beginPass(hold, pass);
  for (let index = 0; index < records.length; index += 2) {
    await store.writePage(hold, page(id, records.slice(index, index + 2)));
  }
  await store.endScope(hold, full(id));
  const deletion = await store.endPass(hold, { passId: id, at: at(4), budgetSince: longAgo }, deleteAll);
  const tallies = await store.tallies(runUid);
  await store.finish(hold, succeeded, seal(runUid));
  return { deletion, tally: tallies[0] };
}

/** What every engine of the store must keep, whatever it is built on. */
export function storeContract(engine: string, open: () => Promise<StoreUnderTest>): void {
  let tested: StoreUnderTest;
  let store: Store;
  beforeEach(async () => {
    tested = await open();
    ({ store } = tested);
  });
  afterEach(() => tested.close());

  const liveNames = async () => {
    const rows = await tested.query(
      'SELECT external_id, name FROM groups WHERE deleted_at IS NULL ORDER BY external_id',
    );
    return new Map(rows.map((row) => [row['external_id'], row['name']]));
  };

  describe(`${engine}: the fence`, () => {
    const writes: readonly [string, (hold: Hold, passId: number) => Promise<unknown>][] = [
      ['a page', (hold, id) => store.writePage(hold, page(id, [record('late')]))],
      ['a pass', (hold) => store.beginPass(hold, pass)],
      ['the end of a scope', (hold, id) => store.endScope(hold, full(id))],
      [
        'deletions',
        (hold, id) => store.endPass(hold, { passId: id, at: at(4), budgetSince: longAgo }, deleteAll),
      ],
      ['the end of a run', (hold) => store.finish(hold, succeeded, seal('late'))],
    ];

    it.each(writes)('refuses %s of a run that lost the system to another process', async (_what, write) => {
      const hold = await store.claim(claimOf('run-1'));
      const { id } = await store.beginPass(hold, pass);
      await store.writePage(hold, page(id, [record('a')]));
      const other = await tested.second();
      await other.claim(claimOf('run-2', { worker: 'worker-2' }));
      await other.close();
      await expect(write(hold, id)).rejects.toThrow(FenceLost);
      expect([...(await liveNames()).keys()]).toEqual(['a']);
      expect(await store.archivedRun('run-1')).toBeUndefined();
    });

    it('lets a run that lost the system be recorded as Cancelled only', async () => {
      const hold = await store.claim(claimOf('run-1'));
      await store.claim(claimOf('run-2'));
      const cancelled: RunOutcome = {
        ...succeeded,
        phase: 'Cancelled',
        failureCode: 'cancelled',
        fullComplete: false,
      };
      expect((await store.finish(hold, cancelled, seal('1'))).phase).toBe('Cancelled');
    });

    it('goes to the higher attempt of a run; the lower, and another worker of the same, are refused', async () => {
      const first = await store.claim(claimOf('run-1'));
      const second = await store.claim(claimOf('run-1', { attempt: 2, worker: 'worker-2', at: at(9) }));
      expect(second.startedAt).toEqual(first.startedAt);
      await expect(store.beginPass(first, pass)).rejects.toThrow(FenceLost);
      await expect(store.claim(claimOf('run-1'))).rejects.toThrow(FenceLost);
      await expect(store.claim(claimOf('run-1', { attempt: 2, worker: 'worker-3' }))).rejects.toThrow(
        FenceLost,
      );
      await expect(store.claim(claimOf('run-1', { attempt: 2, worker: 'worker-2' }))).resolves.toEqual(
        second,
      );
    });

    it('gives a slot to one run of a system, and the same slot to another system', async () => {
      const slot = at(15);
      await store.claim(claimOf('run-1', { slot }));
      await expect(store.claim(claimOf('run-2', { slot }))).rejects.toThrow(SlotTaken);
      await store.claim(claimOf('run-3', { slot, system: 'inventory/other', systemUid: 'other-uid' }));
      expect((await store.history('inventory/cmdb')).lastScheduledSlot).toEqual(slot);
    });
  });

  describe(`${engine}: the archive`, () => {
    it('keeps the first end of a run, and gives it to whoever comes again', async () => {
      const hold = await store.claim(claimOf('run-1'));
      const first = await store.finish(hold, succeeded, seal('first'));
      const again = await store.finish(hold, { ...succeeded, phase: 'Failed' }, seal('second'));
      expect(again).toEqual(first);
      await expect(store.claim(claimOf('run-1', { attempt: 2 }))).rejects.toThrow(RunEnded);
      expect(await store.finishUnclaimed(claimOf('run-1'), succeeded, seal('third'))).toEqual(first);
    });

    it('chains the runs of each system, claimed or not', async () => {
      const one = await store.finish(await store.claim(claimOf('run-1')), succeeded, seal('one'));
      await store.finish(
        await store.claim(claimOf('run-x', { system: 'inventory/other', systemUid: 'other-uid' })),
        succeeded,
        seal('x'),
      );
      const skipped: RunOutcome = { ...succeeded, phase: 'Skipped', fullComplete: false };
      const two = await store.finishUnclaimed(claimOf('run-2'), skipped, seal('two'));
      expect([one.sequence, two.sequence]).toEqual([1, 2]);
      expect([one.previousDigest, two.previousDigest]).toEqual([undefined, one.digest]);
      expect((await store.history('inventory/cmdb')).chainHead).toEqual({ sequence: 2, digest: two.digest });
      expect((await store.archivedRuns('inventory/cmdb', 10)).map(({ runUid }) => runUid)).toEqual([
        'run-2',
        'run-1',
      ]);
    });

    it('knows what is not pruned yet', async () => {
      for (const uid of ['run-1', 'run-2']) await store.finishUnclaimed(claimOf(uid), succeeded, seal(uid));
      await store.markPruned(['run-1']);
      expect((await store.unprunedRuns('inventory/cmdb')).map(({ runUid }) => runUid)).toEqual(['run-2']);
    });

    it('counts failures in a row since the last success; tests count for neither', async () => {
      const ends: [string, Partial<RunClaim>, RunOutcome['phase'], number][] = [
        ['run-1', {}, 'Failed', 1],
        ['run-2', {}, 'Succeeded', 2],
        ['run-3', {}, 'Failed', 3],
        ['run-4', { mode: 'Test' }, 'Failed', 4],
        ['run-5', {}, 'Failed', 5],
      ];
      for (const [uid, given, phase, minute] of ends) {
        const outcome = { ...succeeded, phase, endedAt: at(minute), fullComplete: phase === 'Succeeded' };
        await store.finishUnclaimed(claimOf(uid, given), outcome, seal(uid));
      }
      expect(await store.history('inventory/cmdb')).toMatchObject({
        consecutiveFailures: 2,
        lastSuccessAt: at(2),
        lastFailureAt: at(5),
        last: { runUid: 'run-5' },
      });
    });
  });

  describe(`${engine}: a pass`, () => {
    it('is continued by another attempt from its checkpoint, with its counts', async () => {
      const first = await store.claim(claimOf('run-1'));
      const { id } = await store.beginPass(first, pass);
      await store.writePage(first, page(id, [record('a'), record('b')]));
      const other = await tested.second();
      const second = await other.claim(claimOf('run-1', { attempt: 2, worker: 'worker-2' }));
      const continued = await other.beginPass(second, { ...pass, at: at(5) });
      expect(continued).toMatchObject({ id, continued: true });
      expect(continued.scopes.get('all')?.checkpoint).toEqual({ after: 'b' });
      expect(await other.tallies('run-1')).toMatchObject([
        { stream: 'groups', pages: 1, fetched: 2, created: 2 },
      ]);
      await other.close();
    });

    it('starts anew when the reading is another, and drops its cursors', async () => {
      const hold = await store.claim(claimOf('run-1'));
      const { id } = await store.beginPass(hold, pass);
      await store.writePage(hold, page(id, [record('a')]));
      const verdict = { type: 'verified', coverage: 'Full', evidence: {}, cursor: { until: 1 } } as const;
      await store.endScope(hold, { passId: id, scope: 'all', verdict, at: at(3) });
      await store.endPass(hold, { passId: id, at: at(4), budgetSince: longAgo }, deleteAll);
      const incremental = { ...pass, mode: 'Incremental', at: at(5) } as const;
      const next = await store.beginPass(hold, incremental);
      expect([next.mode, next.cursors.get('all')]).toEqual(['Incremental', { until: 1 }]);
      const changed = await store.beginPass(hold, { ...incremental, fingerprint: 'f2' });
      expect(changed).toMatchObject({ mode: 'Full', continued: false });
      expect(changed.cursors.size).toBe(0);
    });

    it('of another source under the same name is refused', async () => {
      const hold = await store.claim(claimOf('run-1'));
      const { id } = await store.beginPass(hold, pass);
      await store.writePage(hold, page(id, [record('a')]));
      const elsewhere = { ...pass, source: 'vendor https://b.example.com' };
      await expect(store.beginPass(hold, elsewhere)).rejects.toThrow(SourceChanged);
    });

    it('that was not full deletes nothing, nor does an unverified scope', async () => {
      await fullPass(store, 'run-1', [record('a'), record('b')]);
      const hold = await store.claim(claimOf('run-2'));
      const { id } = await store.beginPass(hold, pass);
      await store.writePage(hold, page(id, [record('a')]));
      const verdict = { type: 'unverified', reason: 'permission' } as const;
      await store.endScope(hold, { passId: id, scope: 'all', verdict, at: at(3) });
      let absent: number | undefined;
      await store.endPass(hold, { passId: id, at: at(4), budgetSince: longAgo }, ({ scopes }) => {
        absent = scopes.find(({ scope }) => scope === 'all')?.absent;
        return new Map();
      });
      expect(absent).toBe(0);
      expect([...(await liveNames()).keys()]).toEqual(['a', 'b']);
    });

    it('sets rows aside where they can be read, and keeps the row that stood there', async () => {
      await fullPass(store, 'run-1', [record('a'), record('b')]);
      const hold = await store.claim(claimOf('run-2'));
      const { id } = await store.beginPass(hold, pass);
      const setAside = [{ externalId: 'b', reason: 'must be string', path: 'row.name', raw: '{"name":5}' }];
      await store.writePage(hold, page(id, [record('a')], { setAside, fetched: 2 }));
      await store.endScope(hold, full(id));
      await store.endPass(hold, { passId: id, at: at(4), budgetSince: longAgo }, deleteAll);
      expect([...(await liveNames()).keys()]).toEqual(['a', 'b']);
      expect(await store.quarantine('inventory/cmdb', 10)).toMatchObject([
        { stream: 'groups', externalId: 'b', reason: 'must be string', raw: '{"name":5}', runUid: 'run-2' },
      ]);
    });

    it('a record that returns is live again, counts as updated and keeps when it was first seen', async () => {
      await fullPass(store, 'run-1', [record('a'), record('b')]);
      const [before] = await tested.query("SELECT first_seen_at FROM groups WHERE external_id = 'b'");
      expect((await fullPass(store, 'run-2', [record('a')])).deletion).toEqual({ deleted: 1, withheld: 0 });
      const { tally } = await fullPass(store, 'run-3', [record('a'), record('b')]);
      expect(tally).toMatchObject({ created: 0, updated: 1, unchanged: 1, deleted: 0 });
      const [after] = await tested.query(
        "SELECT first_seen_at, deleted_at FROM groups WHERE external_id = 'b'",
      );
      expect(after).toEqual({ first_seen_at: before?.['first_seen_at'], deleted_at: null });
    });
  });

  it(`${engine}: any sequence of full passes leaves exactly what the last one saw`, async () => {
    const estate = fc.dictionary(
      fc.constantFrom('a', 'b', 'c', 'd', 'e', 'ä', 'A'),
      fc.constantFrom('x', 'y'),
    );
    const property = fc.asyncProperty(fc.array(estate, { minLength: 1, maxLength: 5 }), async (estates) => {
      const own = await open();
      try {
        const live = new Map<string, string>();
        for (const [index, seen] of estates.entries()) {
          const { tally, deletion } = await fullPass(
            own.store,
            `run-${index}`,
            Object.entries(seen).map(([id, name]) => record(id, name)),
          );
          const unchanged = Object.entries(seen).filter(([id, name]) => live.get(id) === name).length;
          expect(tally?.unchanged ?? 0).toBe(unchanged);
          expect(deletion.deleted).toBe([...live.keys()].filter((id) => !(id in seen)).length);
          live.clear();
          for (const [id, name] of Object.entries(seen)) live.set(id, name);
        }
        const rows = await own.query('SELECT external_id, name FROM groups WHERE deleted_at IS NULL');
        expect(new Map(rows.map((row) => [row['external_id'], row['name']]))).toEqual(live);
      } finally {
        await own.close();
      }
    });
    await fc.assert(property, { numRuns: 40 });
  });
}
