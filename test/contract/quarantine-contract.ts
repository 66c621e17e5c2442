// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { FenceLost } from '../../src/store/port.ts';
import {
  at,
  claimOf,
  ContractBench,
  deleteAll,
  ended,
  full,
  fullPass,
  page,
  pass,
  record,
  type OpenStore,
} from './contract-bench.ts';

const bad = (externalId: string, given: object = {}) => ({
  externalId,
  reason: 'must be string',
  path: 'row.name',
  raw: `{"id":"${externalId}"}`,
  ...given,
});

/** Rows that were set aside: what is kept of them, and how they are read again. */
export function quarantineContract(engine: string, open: OpenStore): void {
  const bench = new ContractBench(open);

  /** Sets the rows aside in a pass with fingerprint f1 that stays open, then opens one with f2. */
  async function changedAfter(setAside: readonly object[]) {
    const hold = await bench.store.claim(claimOf('run-2'));
    const { id } = await bench.store.beginPass(hold, { ...pass, fullSince: at(50) });
    await bench.store.writePage(hold, page(id, [], { setAside, fetched: setAside.length }));
    const next = await bench.store.beginPass(hold, { ...pass, fingerprint: 'f2' });
    return { hold, passId: next.id };
  }

  describe(`${engine}: the quarantine`, () => {
    it('keeps the first and the newest time of a row, how often it came, and the reading that it failed with', async () => {
      const hold = await bench.store.claim(claimOf('run-1'));
      const { id } = await bench.store.beginPass(hold, pass);
      await bench.store.writePage(hold, page(id, [], { setAside: [bad('a')] }));
      await bench.store.writePage(
        hold,
        page(id, [], { setAside: [bad('a', { reason: 'other' })], at: at(9) }),
      );
      const rows = await bench.store.quarantinedRows({ limit: 10 });
      expect(rows).toMatchObject([
        { externalId: 'a', reason: 'other', times: 2, firstAt: at(2), at: at(9), revision: 'f1' },
      ]);
      expect(await bench.store.quarantinedRow(rows[0]?.id ?? 0)).toEqual(rows[0]);
      expect(await bench.store.quarantinedRow(999_999)).toBeUndefined();
    });

    it('is listed by page and filter, in which % and _ mean themselves', async () => {
      await changedAfter([bad('a'), bad('b', { reason: '100% Wrong' }), bad('c')]);
      const idsOf = async (filter: object) =>
        (await bench.store.quarantinedRows({ limit: 10, ...filter })).map(({ externalId }) => externalId);
      expect(await idsOf({})).toEqual(['c', 'b', 'a']);
      expect(await idsOf({ reason: '0% wrong' })).toEqual(['b']);
      expect(await idsOf({ reason: 'must_be' })).toEqual([]);
      expect(await idsOf({ stream: 'users' })).toEqual([]);
      expect(await idsOf({ system: 'inventory/other' })).toEqual([]);
      const [first] = await bench.store.quarantinedRows({ limit: 1 });
      expect(await idsOf({ before: first?.id, limit: 1 })).toEqual(['b']);
    });

    it('offers for replay only whole rows with an id that failed with another reading', async () => {
      const { hold, passId } = await changedAfter([
        bad('a'),
        bad('cut', { unreplayable: 'it was cut' }),
        { ...bad('x'), externalId: undefined },
      ]);
      const [row] = await bench.store.rowsToReplay(passId, 0, 10);
      expect(await bench.store.rowsToReplay(passId, 0, 10)).toMatchObject([{ externalId: 'a' }]);
      const failing = [{ id: row?.id ?? 0, row: { reason: 'still', path: 'row.size' } }];
      await bench.store.replay(hold, { passId, fitting: [], failing, at: at(6) });
      expect(await bench.store.rowsToReplay(passId, 0, 10)).toEqual([]);
      expect(await bench.store.quarantinedRows({ reason: 'still', limit: 1 })).toMatchObject([
        { revision: 'f2', path: 'row.size', times: 1 },
      ]);
    });

    it('stores a replayed row, new or over what it flagged, and lets the kept row and the flag go', async () => {
      await fullPass(bench.store, 'run-1', [record('a', 'old')]);
      const { hold, passId } = await changedAfter([bad('a'), bad('b')]);
      const kept = await bench.store.rowsToReplay(passId, 0, 10);
      const fitting = kept.map(({ id, externalId }) => ({ id, hashed: record(externalId, 'mended') }));
      expect(await bench.store.replay(hold, { passId, fitting, failing: [], at: at(6) })).toEqual({
        created: 1,
        updated: 1,
        unchanged: 0,
      });
      expect(
        await bench.tested.query('SELECT external_id, name, quarantined_at FROM groups ORDER BY external_id'),
      ).toEqual([
        { external_id: 'a', name: 'mended', quarantined_at: null },
        { external_id: 'b', name: 'mended', quarantined_at: null },
      ]);
      expect(await bench.store.quarantinedRows({ limit: 10 })).toEqual([]);
    });

    it('brings back nothing that is deleted, stated as removed, or missing since', async () => {
      await fullPass(bench.store, 'run-1', [record('a'), record('b')]);
      const hold = await bench.store.claim(claimOf('run-2'));
      const { id } = await bench.store.beginPass(hold, { ...pass, fullSince: at(50) });
      const setAside = [bad('a'), bad('b'), bad('new')];
      await bench.store.writePage(hold, page(id, [], { setAside, fetched: 3 }));
      await bench.store.endScope(hold, full(id));
      await bench.store.endPass(hold, ended(id), deleteAll);
      // Another pass: b is stated as removed, a and new are not seen.
      const later = await bench.store.beginPass(hold, { ...pass, fullSince: at(55) });
      await bench.store.writePage(hold, page(later.id, [], { removed: ['b'] }));
      await bench.store.endScope(hold, full(later.id));
      await bench.store.endPass(hold, ended(later.id), deleteAll);
      expect(await bench.liveIds()).toEqual([]);
      const { id: passId } = await bench.store.beginPass(hold, { ...pass, fingerprint: 'f2' });
      const kept = await bench.store.rowsToReplay(passId, 0, 10);
      expect(kept.map(({ externalId }) => externalId)).toEqual(['a', 'new']);
      const fitting = kept.map((row) => ({ id: row.id, hashed: record(row.externalId, 'mended') }));
      const result = await bench.store.replay(hold, { passId, fitting, failing: [], at: at(6) });
      expect(result).toEqual({ created: 0, updated: 0, unchanged: 0 });
      expect(await bench.liveIds()).toEqual([]);
      expect(await bench.store.quarantinedRows({ limit: 10 })).toEqual([]);
    });

    it('refuses a replay of a run that lost the system', async () => {
      const { hold, passId } = await changedAfter([bad('a')]);
      await bench.store.claim(claimOf('run-3'));
      await expect(bench.store.replay(hold, { passId, fitting: [], failing: [], at: at(6) })).rejects.toThrow(
        FenceLost,
      );
    });
  });
}
