// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { FenceLost } from '../../src/store/port.ts';
import {
  at,
  claimOf,
  ContractBench,
  deleteAll,
  ended,
  endOf,
  full,
  fullPass,
  longAgo,
  page,
  pass,
  record,
  verdictOf,
  type OpenStore,
} from './contract-bench.ts';

/** What an open pass has come to, before it is decided. */
export function candidateContract(engine: string, open: OpenStore): void {
  const bench = new ContractBench(open);
  const records = (...ids: string[]) => ids.map((id) => record(id));

  /** A full pass over two scopes that is not closed yet, after one that saw a, b, c in `one` and d in `two`. */
  async function openPass(seen: Readonly<Record<string, readonly string[]>>, runUid = 'run-2') {
    const { store } = bench;
    await fullPass(store, 'run-1', records('a', 'b', 'c'), 'one');
    const first = await store.claim(claimOf('run-1b'));
    const { id: firstId } = await store.beginPass(first, { ...pass, fullSince: at(50) });
    await store.writePage(first, page(firstId, records('d'), { scope: 'two' }));
    await store.endScope(first, { ...full(firstId), scope: 'two' });
    await store.endPass(first, ended(firstId), deleteAll);
    await store.finish(first, endOf('run-1b'));
    const hold = await store.claim(claimOf(runUid));
    const { id } = await store.beginPass(hold, { ...pass, fullSince: at(50) });
    for (const [scope, ids] of Object.entries(seen)) {
      await store.writePage(hold, page(id, records(...ids), { scope }));
      await store.endScope(hold, { ...full(id), scope });
    }
    return { hold, id };
  }

  describe(`${engine}: what looks gone`, () => {
    it('is told by scope, in the order of ids, no more than asked for', async () => {
      const { id } = await openPass({ one: ['b'], two: [] });
      expect(await bench.store.candidates(id, 10)).toEqual([
        { externalId: 'a', scope: 'one' },
        { externalId: 'c', scope: 'one' },
        { externalId: 'd', scope: 'two' },
      ]);
      expect(await bench.store.candidates(id, 2)).toHaveLength(2);
    });

    it('is what closing the pass finds absent, and nothing else', async () => {
      const { hold, id } = await openPass({ one: ['b'] });
      const gone = (await bench.store.candidates(id, 10)).map(({ externalId }) => externalId);
      const before = await bench.liveIds();
      await bench.store.endPass(hold, ended(id), deleteAll);
      expect(gone).toEqual(['a', 'c']);
      expect(await bench.liveIds()).toEqual(before.filter((one) => !gone.includes(String(one))));
    });

    it('is not what the vendor states itself', async () => {
      const { hold, id } = await openPass({ one: ['b'] });
      await bench.store.writePage(hold, page(id, [], { scope: 'one', removed: ['a'] }));
      expect((await bench.store.candidates(id, 10)).map(({ externalId }) => externalId)).toEqual(['c']);
    });

    it('lives on when it was found by its id', async () => {
      const { hold, id } = await openPass({ one: ['b'], two: [] });
      await bench.store.sightAgain(hold, id, [
        { externalId: 'c', scope: 'one' },
        { externalId: 'd', scope: 'two' },
      ]);
      expect(await bench.store.candidates(id, 10)).toEqual([{ externalId: 'a', scope: 'one' }]);
      await bench.store.endPass(hold, ended(id), deleteAll);
      expect(await bench.liveIds()).toEqual(['b', 'c', 'd']);
    });

    it('lives on when it is younger than the vendor may show, and that is counted', async () => {
      await fullPass(bench.store, 'run-0', records('a', 'c'), 'one');
      const { store } = bench;
      const first = await store.claim(claimOf('run-1'));
      const { id: firstId } = await store.beginPass(first, { ...pass, fullSince: at(50) });
      const changed = [record('c', 'changed'), record('new')];
      const fresh = page(firstId, [record('a'), ...changed], { scope: 'one', at: at(20) });
      await store.writePage(first, fresh);
      await store.endScope(first, { ...full(firstId), scope: 'one' });
      await store.endPass(first, ended(firstId), deleteAll);
      await store.finish(first, endOf('run-1'));
      const hold = await store.claim(claimOf('run-2'));
      const { id } = await store.beginPass(hold, { ...pass, fullSince: at(50) });
      await store.endScope(hold, { ...full(id), scope: 'one' });
      expect(await store.sightYoung(hold, id, at(21))).toBe(0);
      expect(await store.sightYoung(hold, id, at(20))).toBe(2);
      expect(await store.candidates(id, 10)).toEqual([{ externalId: 'a', scope: 'one' }]);
      expect(await store.sightYoung(hold, id, at(20))).toBe(0);
      await store.endPass(hold, ended(id), deleteAll);
      expect(await bench.liveIds()).toEqual(['c', 'new']);
    });

    it('goes though absence waits when the vendor states it as deleted', async () => {
      const { hold, id } = await openPass({ one: ['b'] });
      await bench.store.stateGone(hold, id, [{ externalId: 'c', scope: 'one' }]);
      expect(await bench.store.candidates(id, 10)).toEqual([{ externalId: 'a', scope: 'one' }]);
      await bench.store.endPass(hold, ended(id), verdictOf({ removed: true }));
      expect(await bench.liveIds()).toEqual(['a', 'b', 'd']);
    });

    it('cannot be sighted by who lost the system', async () => {
      const { hold, id } = await openPass({ one: ['b'] });
      await bench.store.claim(claimOf('run-2', { attempt: 2 }));
      const sighted = bench.store.sightAgain(hold, id, [{ externalId: 'a', scope: 'one' }]);
      await expect(sighted).rejects.toThrow(FenceLost);
      await expect(bench.store.sightYoung(hold, id, longAgo)).rejects.toThrow(FenceLost);
      expect(await bench.store.candidates(id, 10)).toHaveLength(2);
    });
  });

  it(`${engine}: a scope stands with its live records, and those seen in this pass`, async () => {
    const { id } = await openPass({ one: ['b'], two: [] });
    const standing = await bench.store.standing(id);
    expect(new Map(standing.map((scope) => [scope.scope, scope]))).toEqual(
      new Map([
        ['one', { scope: 'one', live: 3, seen: 1 }],
        ['two', { scope: 'two', live: 1, seen: 0 }],
      ]),
    );
  });

  it(`${engine}: evidence stays with its scope, also of one that is not believed`, async () => {
    const { hold, id } = await openPass({ one: ['b'] });
    const evidence = { rows: 1, counted: 3 };
    const verdict = { type: 'unverified', reason: 'two are missing', evidence } as const;
    await bench.store.endScope(hold, { passId: id, scope: 'one', verdict, at: at(3) });
    const kept = await bench.tested.query(
      `SELECT p.verdict, p.reason, p.evidence FROM pass_scopes p WHERE p.pass_id = ${id}`,
    );
    expect(kept).toEqual([
      { verdict: 'unverified', reason: 'two are missing', evidence: JSON.stringify(evidence) },
    ]);
    expect(await bench.store.candidates(id, 10), 'absence is silent').toEqual([]);
  });
}
