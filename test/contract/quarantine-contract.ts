// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { FenceLost } from '../../src/store/port.ts';
import {
  at,
  claimOf,
  ContractBench,
  deleteAll,
  deleteNothing,
  ended,
  full,
  fullPass,
  longAgo,
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

    /** The kept row of `a` fits in a later pass with another reading; answers what became of it. */
    async function replayed() {
      const hold = await bench.store.claim(claimOf('run-9'));
      const { id: passId } = await bench.store.beginPass(hold, { ...pass, fingerprint: 'f9' });
      const [kept] = await bench.store.rowsToReplay(passId, 0, 10);
      if (kept === undefined) throw new Error('nothing is offered for replay');
      const fitting = [{ id: kept.id, hashed: record('a', 'mended') }];
      const result = await bench.store.replay(hold, { passId, fitting, failing: [], at: at(6) });
      expect(await bench.store.quarantinedRows({ limit: 10 })).toEqual([]);
      return result;
    }
    /** Passes with the reading f1: `a` is set aside in the first, which ends; the second sees nothing of it. */
    async function setAsideThen() {
      const hold = await bench.store.claim(claimOf('run-2'));
      const { id } = await bench.store.beginPass(hold, { ...pass, fullSince: at(50) });
      await bench.store.writePage(hold, page(id, [], { setAside: [bad('a')], fetched: 1 }));
      await bench.store.endScope(hold, full(id));
      await bench.store.endPass(hold, ended(id), deleteNothing);
      const later = await bench.store.beginPass(hold, { ...pass, fullSince: at(55) });
      await bench.store.writePage(hold, page(later.id, []));
      return { hold, later };
    }
    const nothing = { created: 0, updated: 0, unchanged: 0 };

    it('brings back no record that is deleted', async () => {
      await fullPass(bench.store, 'run-1', [record('a')]);
      const { hold, later } = await setAsideThen();
      await bench.store.endScope(hold, full(later.id));
      await bench.store.endPass(hold, ended(later.id), deleteAll);
      // As if something of it had been seen since: only the deletion speaks against it.
      await bench.tested.change('UPDATE sightings SET pass_id = 1000000');
      expect(await replayed()).toEqual(nothing);
      expect(await bench.liveIds()).toEqual([]);
    });

    it('brings back no record that the source stated as removed', async () => {
      const { hold, later } = await setAsideThen();
      // Asked for one by one at the end: the page that states it would have taken the kept row along.
      await bench.store.stateGone(hold, later.id, [{ externalId: 'a', scope: 'all' }]);
      await bench.store.endScope(hold, {
        passId: later.id,
        scope: 'all',
        verdict: { type: 'unverified', reason: 'cut' },
        at: at(5),
      });
      await bench.tested.change('UPDATE sightings SET pass_id = 1000000');
      expect(await replayed()).toEqual(nothing);
      expect(await bench.liveIds()).toEqual([]);
    });

    it('brings back no record that a later full reading missed', async () => {
      const { hold, later } = await setAsideThen();
      await bench.store.endScope(hold, full(later.id));
      await bench.store.endPass(hold, ended(later.id), deleteNothing);
      expect(await replayed()).toEqual(nothing);
      expect(await bench.liveIds()).toEqual([]);
    });

    it('brings back a record that no later full reading missed', async () => {
      const { hold, later } = await setAsideThen();
      await bench.store.endScope(hold, {
        passId: later.id,
        scope: 'all',
        verdict: { type: 'unverified', reason: 'cut' },
        at: at(5),
      });
      expect(await replayed()).toEqual({ ...nothing, created: 1 });
    });

    it('keeps a row that can never be read again, with why', async () => {
      const { hold, passId } = await changedAfter([bad('a')]);
      const [kept] = await bench.store.rowsToReplay(passId, 0, 10);
      const failing = [{ id: kept?.id ?? 0, row: { reason: 'r', path: '', unreplayable: 'no JSON' } }];
      await bench.store.replay(hold, { passId, fitting: [], failing, at: at(6) });
      expect(await bench.store.quarantinedRows({ limit: 1 })).toMatchObject([{ unreplayable: 'no JSON' }]);
    });

    it('refuses a replay of a run that lost the system', async () => {
      const { hold, passId } = await changedAfter([bad('a')]);
      await bench.store.claim(claimOf('run-3'));
      await expect(bench.store.replay(hold, { passId, fitting: [], failing: [], at: at(6) })).rejects.toThrow(
        FenceLost,
      );
    });

    it('is counted by stream, with the most frequent reason, through every change of it', async () => {
      const counted = async () => (await bench.store.history('inventory/cmdb', 'system-uid')).setAside;
      expect(await counted()).toBeUndefined();
      const { hold, passId } = await changedAfter([
        bad('a'),
        bad('b', { reason: 'x'.repeat(512) }),
        bad('c', { reason: 'x'.repeat(512) }),
        { ...bad('n'), externalId: undefined },
        { ...bad('n'), externalId: undefined, raw: '{}' },
      ]);
      expect(await counted()).toEqual({
        streams: [{ stream: 'groups', rows: 5 }],
        most: { stream: 'groups', reason: 'must be string', rows: 3 },
      });
      const rowOf = async (id: string) => {
        const rows = await bench.store.quarantinedRows({ limit: 10 });
        return rows.find(({ externalId }) => externalId === id)?.id ?? 0;
      };
      // Another reason, the same one once more, and a row that is good again.
      const failing = [{ id: await rowOf('a'), row: { reason: 'x'.repeat(300), path: '' } }];
      await bench.store.replay(hold, { passId, fitting: [], failing, at: at(6) });
      await bench.store.writePage(hold, page(passId, [record('c')], { setAside: [bad('a')] }));
      await bench.store.writePage(hold, page(passId, [], { setAside: [bad('a', { reason: 'y' })] }));
      expect(await counted()).toEqual({
        streams: [{ stream: 'groups', rows: 4 }],
        most: { stream: 'groups', reason: 'must be string', rows: 2 },
      });
      expect(await bench.tested.query('SELECT count(*) AS n FROM quarantine_reasons')).toEqual([
        { n: expect.toSatisfy((n: unknown) => Number(n) === 3) as unknown },
      ]);
      await bench.store.pruneQuarantine('inventory/cmdb', at(50), 10);
      expect(await counted()).toBeUndefined();
    });

    it('is pruned of rows that did not come for long, in batches, and leaves those that explain the flag of a live record', async () => {
      await fullPass(bench.store, 'run-1', [record('live'), record('gone')]);
      const hold = await bench.store.claim(claimOf('run-2'));
      const { id } = await bench.store.beginPass(hold, { ...pass, fullSince: at(50) });
      const old = ['live', 'gone', 'never', 'more'].map((one) => bad(one));
      await bench.store.writePage(hold, page(id, [], { setAside: [...old, bad('young')], at: at(2) }));
      await bench.store.writePage(hold, page(id, [], { setAside: [bad('young')], at: at(20) }));
      await bench.tested.change(`UPDATE groups SET deleted_at = quarantined_at WHERE external_id = 'gone'`);
      expect(await bench.store.pruneQuarantine('inventory/other', at(10), 10)).toBe(0);
      expect(await bench.store.pruneQuarantine('inventory/cmdb', at(10), 2)).toBe(2);
      expect(await bench.store.pruneQuarantine('inventory/cmdb', at(10), 2)).toBe(1);
      expect(await bench.store.pruneQuarantine('inventory/cmdb', at(10), 2)).toBe(0);
      const rows = await bench.store.quarantinedRows({ limit: 10 });
      expect(rows.map(({ externalId }) => externalId)).toEqual(['young', 'live']);
      expect(
        await bench.tested.query('SELECT external_id FROM groups WHERE quarantined_at IS NOT NULL'),
      ).toEqual([{ external_id: 'live' }]);
    });

    it('is pruned of rows that the newest complete full pass did not meet', async () => {
      const hold = await bench.store.claim(claimOf('run-2'));
      const { id } = await bench.store.beginPass(hold, { ...pass, fullSince: at(50) });
      const setAside = [bad('a'), { ...bad('n'), externalId: undefined }];
      await bench.store.writePage(hold, page(id, [], { setAside, fetched: 2 }));
      await bench.store.endScope(hold, full(id));
      await bench.store.endPass(hold, ended(id), deleteNothing);
      expect(await bench.store.pruneQuarantine('inventory/cmdb', longAgo, 10)).toBe(0);
      const later = await bench.store.beginPass(hold, { ...pass, fullSince: at(55), at: at(30) });
      await bench.store.writePage(hold, page(later.id, [], { setAside: [bad('b')], at: at(31) }));
      await bench.store.endScope(hold, full(later.id));
      const verdict = deleteNothing();
      const stream = { ...verdict.stream, fullAt: at(30).toISOString() };
      await bench.store.endPass(hold, ended(later.id, 32), () => ({ ...verdict, stream }));
      expect(await bench.store.pruneQuarantine('inventory/cmdb', longAgo, 10)).toBe(2);
      expect(await bench.store.quarantinedRows({ limit: 10 })).toMatchObject([{ externalId: 'b' }]);
    });
  });
}
