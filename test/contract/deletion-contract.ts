// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Hold } from '../../src/store/port.ts';
import {
  at,
  claimOf,
  ContractBench,
  deleteAll,
  ended,
  endOf,
  full,
  fullPass,
  page,
  pass,
  record,
  verdictOf,
  type OpenStore,
} from './contract-bench.ts';

/** What a pass may take for gone. */
export function deletionContract(engine: string, open: OpenStore): void {
  const bench = new ContractBench(open);
  describe(`${engine}: what is gone`, () => {
    const wholeScopes = async (hold: Hold, id: number, seen: Readonly<Record<string, readonly string[]>>) => {
      for (const [scope, ids] of Object.entries(seen)) {
        await bench.store.writePage(
          hold,
          page(
            id,
            ids.map((one) => record(one)),
            { scope },
          ),
        );
        await bench.store.endScope(hold, { ...full(id), scope });
      }
    };
    /** A full pass over several scopes. */
    const pastPass = async (runUid: string, seen: Readonly<Record<string, readonly string[]>>) => {
      const hold = await bench.store.claim(claimOf(runUid));
      const { id } = await bench.store.beginPass(hold, { ...pass, fullSince: at(50) });
      await wholeScopes(hold, id, seen);
      await bench.store.endPass(hold, ended(id), deleteAll);
      await bench.store.finish(hold, endOf(runUid));
    };
    const window = (id: number, scope: string) =>
      ({
        passId: id,
        scope,
        verdict: { type: 'verified', coverage: 'Window', evidence: {} },
        at: at(3),
      }) as const;

    it('and was withheld by the budget stays known until a full pass withholds nothing', async () => {
      await pastPass('run-1', { one: ['a', 'b'] });
      const withheldAfter = async (runUid: string, mode: 'Full' | 'Incremental', code?: 'deletionBudget') => {
        const hold = await bench.store.claim(claimOf(runUid));
        const { id } = await bench.store.beginPass(hold, { ...pass, mode, fullSince: at(50) });
        if (mode === 'Full') await wholeScopes(hold, id, { one: ['a'] });
        else await bench.store.endScope(hold, window(id, 'one'));
        await bench.store.endPass(hold, ended(id), () => {
          const { stream, ...rest } = verdictOf({})();
          const failure = code === undefined ? {} : { failure: { code, message: 'too many' } };
          return { ...rest, stream: { ...stream, mode, withheld: code === undefined ? 0 : 1, ...failure } };
        });
        await bench.store.finish(hold, endOf(runUid));
        return (await bench.store.history('inventory/cmdb', 'system-uid')).withheld;
      };
      expect(await withheldAfter('run-2', 'Full', 'deletionBudget')).toBe(1);
      expect(await withheldAfter('run-3', 'Incremental')).toBe(1);
      expect(await withheldAfter('run-4', 'Full')).toBe(0);
    });

    it('is counted by the scope in which it was seen last', async () => {
      await pastPass('run-1', { one: ['a', 'b'], two: ['c', 'd'] });
      const hold = await bench.store.claim(claimOf('run-2'));
      const { id } = await bench.store.beginPass(hold, { ...pass, fullSince: at(50) });
      await wholeScopes(hold, id, { one: ['a'], two: ['c', 'b'] });
      const tally = await bench.tallyOf(hold, id);
      expect(tally).toMatchObject({ systemLive: 4, systemRecentlyDeleted: 0 });
      expect(tally.scopes).toMatchObject([
        { scope: 'one', live: 1, absent: 0 },
        { scope: 'two', live: 3, absent: 1 },
      ]);
    });

    it('is not what stands in another scope that was not read in full', async () => {
      await pastPass('run-1', { one: ['a', 'b'], two: ['b', 'c'] });
      const hold = await bench.store.claim(claimOf('run-2'));
      const { id } = await bench.store.beginPass(hold, { ...pass, fullSince: at(50) });
      await wholeScopes(hold, id, { one: ['a'] });
      await bench.store.endScope(hold, window(id, 'two'));
      await bench.store.endPass(hold, ended(id), deleteAll);
      expect(await bench.liveIds()).toEqual(['a', 'b', 'c']);
    });

    it('is what left its last place, wherever it stood before', async () => {
      await pastPass('run-1', { one: ['a', 'b'], two: ['c'] });
      await pastPass('run-2', { one: ['a'], two: ['b', 'c'] });
      const hold = await bench.store.claim(claimOf('run-3'));
      const { id } = await bench.store.beginPass(hold, { ...pass, fullSince: at(50) });
      await wholeScopes(hold, id, { two: ['c'] });
      await bench.store.endScope(hold, window(id, 'one'));
      await bench.store.endPass(hold, ended(id), deleteAll);
      expect(await bench.liveIds()).toEqual(['a', 'c']);
    });

    it('by the word of the vendor waits until it may go, over any number of runs', async () => {
      await pastPass('run-1', { one: ['a', 'b', 'c'] });
      const later = await bench.store.claim(claimOf('run-2'));
      const { id } = await bench.store.beginPass(later, { ...pass, fullSince: at(50) });
      await bench.store.writePage(later, page(id, [], { scope: 'deleted', removed: ['b', 'never-seen'] }));
      await bench.store.endScope(later, window(id, 'deleted'));
      const told = await bench.tallyOf(later, id);
      expect(told.scopes).toMatchObject([
        { scope: 'deleted', coverage: 'Window', removed: 0 },
        { scope: 'one', coverage: 'notRead', live: 3, removed: 1 },
      ]);
      const next = await bench.store.claim(claimOf('run-3'));
      const { id: nextId } = await bench.store.beginPass(next, { ...pass, fullSince: at(50) });
      await bench.store.endScope(next, window(nextId, 'deleted'));
      await bench.store.endPass(next, ended(nextId), verdictOf({ removed: true }));
      expect(await bench.liveIds()).toEqual(['a', 'c']);
      const after = await bench.store.claim(claimOf('run-4'));
      const { id: last } = await bench.store.beginPass(after, { ...pass, fullSince: at(50) });
      expect((await bench.tallyOf(after, last)).systemRecentlyDeleted).toBe(1);
    });

    it.each([
      ['in the same page', { removed: ['b'], records: ['b'] }, []],
      ['in a later page', { removed: ['b'], records: [] }, [{ records: ['b'] }]],
      ['in a form that is set aside', { removed: ['b'], records: [] }, [{ bad: 'b' }]],
    ] as const)('is not what is seen again %s', async (_case, first, others) => {
      await pastPass('run-1', { one: ['a', 'b'] });
      const hold = await bench.store.claim(claimOf('run-2'));
      const { id } = await bench.store.beginPass(hold, { ...pass, fullSince: at(50) });
      for (const part of [first, ...others]) {
        const records = 'records' in part ? part.records.map((one) => record(one)) : [];
        const removed = 'removed' in part ? part.removed : [];
        const bad = 'bad' in part ? [{ externalId: part.bad, reason: 'bad', path: '', raw: '{}' }] : [];
        await bench.store.writePage(hold, page(id, records, { scope: 'one', removed, setAside: bad }));
      }
      await bench.store.endScope(hold, window(id, 'one'));
      await bench.store.endPass(hold, ended(id), deleteAll);
      expect(await bench.liveIds()).toEqual(['a', 'b']);
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
          const tally = await fullPass(
            own.store,
            `run-${index}`,
            Object.entries(seen).map(([id, name]) => record(id, name)),
          );
          const unchanged = Object.entries(seen).filter(([id, name]) => live.get(id) === name).length;
          expect(tally?.unchanged ?? 0).toBe(unchanged);
          expect(tally?.deleted).toBe([...live.keys()].filter((id) => !(id in seen)).length);
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
    // It opens a database for each of them.
  }, 60_000);
}
