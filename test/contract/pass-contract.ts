// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { SourceChanged, type HashedRecord, type PassRequest } from '../../src/store/port.ts';
import {
  at,
  claimOf,
  ContractBench,
  deleteAll,
  deleteNothing,
  ended,
  endOf,
  full,
  fullPass,
  page,
  pass,
  record,
  verdictOf,
  withCursor,
  type OpenStore,
} from './contract-bench.ts';

/** Readings: continued, counted, never mixed. */
export function passContract(engine: string, open: OpenStore): void {
  const bench = new ContractBench(open);
  describe(`${engine}: a pass`, () => {
    it('is continued by another attempt from its checkpoint, with its counts', async () => {
      const first = await bench.store.claim(claimOf('run-1'));
      const { id } = await bench.store.beginPass(first, pass);
      await bench.store.writePage(first, page(id, [record('a'), record('b')]));
      const other = await bench.tested.second();
      const second = await other.claim(claimOf('run-1', { attempt: 2, worker: 'worker-2' }));
      const continued = await other.beginPass(second, { ...pass, at: at(5) });
      expect(continued).toMatchObject({ id, continued: true });
      expect(continued.scopes.get('all')?.checkpoint).toEqual({ after: 'b' });
      expect(await other.progress('run-1')).toMatchObject([
        { tally: { stream: 'groups', pages: 1, fetched: 2, created: 2 }, verdict: undefined },
      ]);
      await other.close();
    });

    it('starts anew when the reading is another, and drops its cursors', async () => {
      const hold = await bench.store.claim(claimOf('run-1'));
      const { id } = await bench.store.beginPass(hold, pass);
      await bench.store.writePage(hold, page(id, [record('a')]));
      const verdict = { type: 'verified', coverage: 'Full', evidence: {}, cursor: { until: 1 } } as const;
      await bench.store.endScope(hold, { passId: id, scope: 'all', verdict, at: at(3) });
      await bench.store.endPass(hold, ended(id), deleteAll);
      const incremental = { ...pass, mode: 'Incremental', at: at(5) } as const;
      const next = await bench.store.beginPass(hold, incremental);
      expect([next.mode, next.cursors.get('all')]).toEqual(['Incremental', { until: 1 }]);
      const changed = await bench.store.beginPass(hold, { ...incremental, fingerprint: 'f2' });
      expect(changed).toMatchObject({ mode: 'Full', continued: false });
      expect(changed.cursors.size).toBe(0);
    });

    it('knows the evidence of the newest verified end before it, whatever it is asked for', async () => {
      const hold = await bench.store.claim(claimOf('run-1'));
      const end = async (evidence: object | undefined, scope: string, request: Partial<PassRequest>) => {
        const { id } = await bench.store.beginPass(hold, { ...pass, ...request });
        const before = await bench.store.lastEvidence(id, scope);
        const verdict =
          evidence === undefined
            ? ({ type: 'unverified', reason: 'cut', evidence: { by: 'nobody' } } as const)
            : ({ type: 'verified', coverage: 'Window', evidence } as const);
        await bench.store.endScope(hold, { passId: id, scope, verdict, at: at(3) });
        expect(await bench.store.lastEvidence(id, scope)).toEqual(before);
        await bench.store.endPass(hold, ended(id), deleteNothing);
        return before;
      };
      expect(await end({ by: 'one' }, 'all', {})).toBeUndefined();
      expect(await end({ by: 'other' }, 'elsewhere', { at: at(4) })).toBeUndefined();
      expect(await end(undefined, 'all', { at: at(5) })).toEqual({ by: 'one' });
      expect(await end({ by: 'two' }, 'all', { fingerprint: 'f2', at: at(6) })).toEqual({ by: 'one' });
      expect(await end({ by: 'three' }, 'all', { mode: 'Full', fingerprint: 'f2', at: at(7) })).toEqual({
        by: 'two',
      });
      const planned = bench.store.planWriter((text) => text);
      const plan = await planned.beginPass(hold, { ...pass, fingerprint: 'f2', at: at(8) });
      expect(await planned.lastEvidence(plan.id, 'all')).toEqual({ by: 'three' });
      expect(await planned.lastEvidence(plan.id, 'new')).toBeUndefined();
    });

    it('of another source under the same name is refused', async () => {
      const hold = await bench.store.claim(claimOf('run-1'));
      const { id } = await bench.store.beginPass(hold, pass);
      await bench.store.writePage(hold, page(id, [record('a')]));
      const elsewhere = { ...pass, source: 'vendor https://b.example.com' };
      await expect(bench.store.beginPass(hold, elsewhere)).rejects.toThrow(SourceChanged);
    });

    it('that was not verified has no candidates', async () => {
      await fullPass(bench.store, 'run-1', [record('a'), record('b')]);
      const hold = await bench.store.claim(claimOf('run-2'));
      const { id } = await bench.store.beginPass(hold, { ...pass, fullSince: at(50) });
      await bench.store.writePage(hold, page(id, [record('a')]));
      const verdict = { type: 'unverified', reason: 'permission' } as const;
      await bench.store.endScope(hold, { passId: id, scope: 'all', verdict, at: at(3) });
      const tally = await bench.tallyOf(hold, id);
      expect(tally.scopes).toMatchObject([{ scope: 'all', coverage: 'unverified', live: 2, absent: 0 }]);
      expect(await bench.liveIds()).toEqual(['a', 'b']);
    });

    it('keeps its cursors until it is closed, and drops them when nothing was read right', async () => {
      const hold = await bench.store.claim(claimOf('run-1'));
      const cursorAfter = async (keep: boolean) => {
        const { id, mode } = await bench.store.beginPass(hold, { ...pass, mode: 'Incremental' });
        const verdict = {
          type: 'verified',
          coverage: mode === 'Full' ? 'Full' : 'Window',
          evidence: {},
          cursor: { until: keep ? 1 : 2 },
        } as const;
        await bench.store.endScope(hold, { passId: id, scope: 'all', verdict, at: at(3) });
        await bench.store.endPass(hold, ended(id), verdictOf({}, keep));
        const next = await bench.store.beginPass(hold, { ...pass, mode: 'Incremental' });
        await bench.store.endPass(hold, ended(next.id), deleteNothing);
        return next.cursors.get('all');
      };
      expect(await cursorAfter(true)).toEqual({ until: 1 });
      expect(await cursorAfter(false)).toEqual({ until: 1 });
    });

    it('continued by a later run offers where an ended scope stopped, and stays full when it is caught up', async () => {
      const first = await bench.store.claim(claimOf('run-1'));
      const { id } = await bench.store.beginPass(first, pass);
      await bench.store.writePage(first, page(id, [record('a')], { scope: 'one' }));
      const whole = { type: 'verified', coverage: 'Full', evidence: {}, cursor: { until: 1 } } as const;
      await bench.store.endScope(first, { passId: id, scope: 'one', verdict: whole, at: at(3) });
      const second = await bench.store.claim(claimOf('run-2'));
      const continued = await bench.store.beginPass(second, { ...pass, mode: 'Incremental' });
      expect(continued).toMatchObject({ id, mode: 'Full', continued: true, startedAt: at(1) });
      expect(continued.scopes.get('one')?.ended).toMatchObject({ coverage: 'Full', cursor: { until: 1 } });
      const before = await bench.tallyOf(second, id, false);
      expect(before.scopes).toMatchObject([{ scope: 'one', coverage: 'Full', confirmed: false }]);
      const caughtUp = { type: 'verified', coverage: 'Window', evidence: {}, cursor: { until: 2 } } as const;
      await bench.store.endScope(second, { passId: id, scope: 'one', verdict: caughtUp, at: at(4) });
      const tally = await bench.tallyOf(second, id);
      expect(tally.scopes).toMatchObject([{ scope: 'one', coverage: 'Full', confirmed: true }]);
    });

    it('begun with cursors turns out to be full only when every scope of the stream was read in full', async () => {
      const first = await bench.store.claim(claimOf('run-1'));
      const { id } = await bench.store.beginPass(first, pass);
      for (const scope of ['a', 'b']) await bench.store.endScope(first, withCursor(id, scope));
      expect(await bench.tallyOf(first, id)).toMatchObject({ mode: 'Full' });
      await bench.store.finish(first, endOf('run-1'));
      const modeOf = async (runUid: string, ends: Readonly<Record<string, 'Full' | 'Window'>>) => {
        const hold = await bench.store.claim(claimOf(runUid));
        const next = await bench.store.beginPass(hold, { ...pass, mode: 'Incremental' });
        expect(next.mode).toBe('Incremental');
        for (const [scope, coverage] of Object.entries(ends)) {
          const end = withCursor(next.id, scope);
          await bench.store.endScope(hold, { ...end, verdict: { ...end.verdict, coverage } });
        }
        const { mode } = await bench.tallyOf(hold, next.id);
        await bench.store.finish(hold, endOf(runUid));
        return mode;
      };
      expect(await modeOf('run-2', { a: 'Full', b: 'Window' })).toBe('Incremental');
      expect(await modeOf('run-3', { a: 'Full' })).toBe('Incremental');
      expect(await modeOf('run-4', {})).toBe('Incremental');
      expect(await modeOf('run-5', { a: 'Full', b: 'Full' })).toBe('Full');
    });

    it('in a full run is incremental for a stream that had its full pass since', async () => {
      const hold = await bench.store.claim(claimOf('run-1'));
      const { id } = await bench.store.beginPass(hold, pass);
      const verdict = { type: 'verified', coverage: 'Full', evidence: {}, cursor: { until: 1 } } as const;
      await bench.store.endScope(hold, { passId: id, scope: 'all', verdict, at: at(3) });
      await bench.store.endPass(hold, ended(id), () => ({
        ...deleteNothing(),
        stream: { ...deleteNothing().stream, fullAt: at(1).toISOString() },
      }));
      const soon = await bench.store.beginPass(hold, pass);
      expect(soon).toMatchObject({ mode: 'Incremental', lastFullAt: at(1) });
      await bench.store.endPass(hold, ended(soon.id), deleteNothing);
      expect((await bench.store.beginPass(hold, { ...pass, fullSince: at(2) })).mode).toBe('Full');
    });

    it('counts the rows of all the runs that it took', async () => {
      const first = await bench.store.claim(claimOf('run-1'));
      const { id } = await bench.store.beginPass(first, pass);
      const bad = { externalId: 'x', reason: 'bad', path: '', raw: '{}' };
      await bench.store.writePage(first, page(id, [record('a')], { setAside: [bad], fetched: 2 }));
      const second = await bench.store.claim(claimOf('run-2'));
      await bench.store.beginPass(second, pass);
      await bench.store.writePage(second, page(id, [record('b')]));
      expect(await bench.tallyOf(second, id)).toMatchObject({ fetched: 3, setAside: 1 });
    });

    it('sets rows aside where they can be read, and keeps the row that stood there', async () => {
      await fullPass(bench.store, 'run-1', [record('a'), record('b')]);
      const hold = await bench.store.claim(claimOf('run-2'));
      const { id } = await bench.store.beginPass(hold, { ...pass, fullSince: at(50) });
      const setAside = [{ externalId: 'b', reason: 'must be string', path: 'row.name', raw: '{"name":5}' }];
      await bench.store.writePage(hold, page(id, [record('a')], { setAside, fetched: 2 }));
      await bench.store.endScope(hold, full(id));
      await bench.store.endPass(hold, ended(id), deleteAll);
      expect(await bench.liveIds()).toEqual(['a', 'b']);
      expect(await bench.store.quarantinedRows({ system: 'inventory/cmdb', limit: 10 })).toMatchObject([
        { stream: 'groups', externalId: 'b', reason: 'must be string', raw: '{"name":5}', runUid: 'run-2' },
      ]);
    });

    it('keeps a row without an id once, however often it comes', async () => {
      const hold = await bench.store.claim(claimOf('run-1'));
      const { id } = await bench.store.beginPass(hold, pass);
      const nameless = (raw: string) => ({ externalId: undefined, reason: 'no id', path: '', raw });
      for (const rows of [['{"a":1}'], ['{"a":1}', '{"a":2}'], ['{"a":1}']]) {
        await bench.store.writePage(
          hold,
          page(id, [], { setAside: rows.map(nameless), fetched: rows.length }),
        );
      }
      expect(
        (await bench.store.quarantinedRows({ system: 'inventory/cmdb', limit: 10 }))
          .map(({ raw }) => raw)
          .toSorted(),
      ).toEqual(['{"a":1}', '{"a":2}']);
    });

    it('a record that returns is live again, counts as updated and keeps when it was first seen', async () => {
      await fullPass(bench.store, 'run-1', [record('a'), record('b')]);
      const [before] = await bench.tested.query("SELECT first_seen_at FROM groups WHERE external_id = 'b'");
      expect(await fullPass(bench.store, 'run-2', [record('a')])).toMatchObject({ deleted: 1 });
      const tally = await fullPass(bench.store, 'run-3', [record('a'), record('b')]);
      expect(tally).toMatchObject({ created: 0, updated: 1, unchanged: 1, deleted: 0 });
      const [after] = await bench.tested.query(
        "SELECT first_seen_at, deleted_at FROM groups WHERE external_id = 'b'",
      );
      expect(after).toEqual({ first_seen_at: before?.['first_seen_at'], deleted_at: null });
    });

    it('keeps every text, number, flag and time as it is', async () => {
      const odd = 'tab\tline\nreturn\rback\\slash \\N \\. "quote" \'single\' ü 漢 🙂 \\u0041';
      const columns = {
        name: odd,
        memoryMb: 9_007_199_254_740_991,
        virtual: false,
        firstDiscoveredAt: '2026-03-01T10:00:00Z',
        purchaseDate: '2026-02-28',
      } as const;
      const attributes = { [odd]: odd, list: [odd, 1, true, null], map: { deep: odd } };
      const hold = await bench.store.claim(claimOf('run-1'));
      const { id } = await bench.store.beginPass(hold, { ...pass, stream: 'cis', record: 'Asset' });
      const write = (hashed: string) =>
        bench.store.writePage(
          hold,
          page(id, [{ record: { externalId: odd, columns, attributes }, hash: hashed }]),
        );
      for (const hashed of ['as it was new', 'as it was changed']) {
        await write(hashed);
        const [row = {}] = await bench.tested.query(
          `SELECT external_id, name, CAST(memory_mb AS text) AS memory_mb, attributes, content_hash,
             CASE WHEN virtual THEN 1 ELSE 0 END AS virtual, CAST(purchase_date AS text) AS purchase_date,
             first_discovered_at FROM assets`,
        );
        const kept = row['attributes'];
        expect(row).toMatchObject({ external_id: odd, name: odd, content_hash: hashed });
        expect(typeof kept === 'string' ? JSON.parse(kept) : kept).toEqual(attributes);
        expect(row).toMatchObject({ memory_mb: '9007199254740991', virtual: 0, purchase_date: '2026-02-28' });
        expect(new Date(String(row['first_discovered_at']))).toEqual(new Date(columns.firstDiscoveredAt));
      }
    });

    it('a system that becomes demo takes its rows along, and back', async () => {
      await fullPass(bench.store, 'run-1', [record('a')]);
      const shown = async (view: string) =>
        (await bench.tested.query(`SELECT external_id FROM ${view}`)).length;
      await bench.store.claim(claimOf('run-2', { demo: true }));
      expect([await shown('current_groups'), await shown('demo_groups')]).toEqual([0, 1]);
      await bench.store.claim(claimOf('run-3'));
      expect([await shown('current_groups'), await shown('demo_groups')]).toEqual([1, 0]);
    });

    it('shows of a current record when it was last seen: changed, or in a pass that began later', async () => {
      const lastSeen = async () => {
        const rows = await bench.tested.query('SELECT last_seen_at FROM current_groups');
        return rows.map((row) => new Date(String(row['last_seen_at'])));
      };
      const see = async (run: string, mode: 'Full' | 'Incremental', minute: number, hashed: HashedRecord) => {
        const hold = await bench.store.claim(claimOf(run));
        const { id } = await bench.store.beginPass(hold, { ...pass, mode, at: at(minute) });
        await bench.store.writePage(hold, page(id, [hashed], { at: at(minute + 1) }));
        await bench.store.endScope(hold, {
          ...full(id),
          verdict: {
            type: 'verified',
            coverage: mode === 'Full' ? 'Full' : 'Window',
            evidence: {},
            cursor: {},
          },
        });
        await bench.store.endPass(hold, ended(id), deleteAll);
        await bench.store.finish(hold, endOf(run));
        return lastSeen();
      };
      // The record is younger than the beginning of the pass that found it.
      expect(await see('run-1', 'Full', 10, record('a'))).toEqual([at(11)]);
      expect(await see('run-2', 'Full', 20, record('a'))).toEqual([at(20)]);
      expect(await see('run-3', 'Incremental', 30, record('a', 'renamed'))).toEqual([at(31)]);
    });

    it('a stream cannot become one of another kind of record', async () => {
      await fullPass(bench.store, 'run-1', [record('a')]);
      const hold = await bench.store.claim(claimOf('run-2'));
      await expect(bench.store.beginPass(hold, { ...pass, record: 'User' })).rejects.toThrow(
        'stream groups of inventory/cmdb holds Group records and cannot take User',
      );
    });
  });
}
