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
  page,
  longAgo,
  pass,
  record,
  verdictOf,
  type OpenStore,
} from './contract-bench.ts';

const untouched = [
  'groups',
  'streams',
  'scopes',
  'passes',
  'pass_scopes',
  'sightings',
  'removals',
  'deletions',
  'quarantine',
];

/** What a plan may write, and what it says. */
export function planContract(engine: string, open: OpenStore): void {
  const bench = new ContractBench(open);
  const dump = async () => {
    const tables: Record<string, unknown> = {};
    for (const name of untouched) tables[name] = await bench.tested.query(`SELECT * FROM ${name}`);
    return tables;
  };
  describe(`${engine}: a plan`, () => {
    it('counts, samples and leaves every table but its own as it was', async () => {
      await fullPass(
        bench.store,
        'run-1',
        ['a', 'b', 'c'].map((id) => record(id)),
      );
      const before = await dump();
      const hold = await bench.store.claim(claimOf('plan-1', { mode: 'Plan' }));
      const writer = bench.store.planWriter((text) => text);
      const { id } = await writer.beginPass(hold, pass);
      const setAside = [{ externalId: 'z', reason: 'no name', path: 'row/name', raw: '{}' }];
      await writer.writePage(hold, page(id, [record('a'), record('b', 'renamed')], { setAside }));
      // An id that stands in a scope nobody read before, twice.
      await writer.writePage(hold, page(id, [record('n'), record('b', 'renamed')], { scope: 'new' }));
      await writer.endScope(hold, full(id));
      await writer.endScope(hold, { ...full(id), scope: 'new' });
      let live: number | undefined;
      await writer.endPass(hold, ended(id), (tally) => {
        live = tally.systemLive;
        return deleteAll();
      });
      expect(live).toBe(4);
      const [stream] = await bench.store.progress('plan-1');
      expect(stream?.tally).toMatchObject({ created: 1, updated: 1, unchanged: 2, deleted: 1, failed: 1 });
      await bench.store.tidyPlans(hold);
      await bench.store.finish(hold, endOf('plan-1'));
      expect(await dump()).toEqual(before);
      for (const table of ['plan_sightings', 'plan_scopes', 'plan_removals'])
        expect(await bench.tested.query(`SELECT * FROM ${table}`)).toEqual([]);
      const plan = await bench.store.plan({ system: 'inventory/cmdb' });
      expect(plan?.streams).toMatchObject([
        {
          fields: [{ field: 'name', records: 1 }],
          samples: [
            { action: 'create', externalId: 'n' },
            { action: 'delete', externalId: 'c', name: 'c' },
            { action: 'setAside', externalId: 'z', reason: 'row/name: no name' },
            { action: 'update', externalId: 'b', changes: [{ before: 'b', after: 'renamed' }] },
          ],
        },
      ]);
    });

    /** A plan that has read two scopes and is not closed, after a full run that saw a, b, c in `one` and d in `two`. */
    async function openPlan(seen: Readonly<Record<string, readonly string[]>>) {
      await fullPass(
        bench.store,
        'run-1',
        ['a', 'b', 'c', 'd'].map((id) => record(id)),
        'one',
      );
      const hold = await bench.store.claim(claimOf('plan-1', { mode: 'Plan' }));
      const writer = bench.store.planWriter((text) => text);
      const { id } = await writer.beginPass(hold, pass);
      for (const [scope, ids] of Object.entries(seen)) {
        const records = ids.map((one) => record(one));
        await writer.writePage(hold, page(id, records, { scope }));
        await writer.endScope(hold, { ...full(id), scope });
      }
      const close = async () => {
        await writer.endPass(hold, ended(id), deleteAll);
        const [stream] = await bench.store.progress('plan-1');
        return stream?.tally.deleted;
      };
      return { hold, id, writer, close };
    }
    const ids = (found: readonly { readonly externalId: string }[]) =>
      found.map(({ externalId }) => externalId);

    it('tells what looks gone by its own reading, and how each scope stands', async () => {
      const { id, writer } = await openPlan({ one: ['a', 'n'], new: ['b'] });
      expect(await writer.candidates(id, 10)).toEqual([
        { externalId: 'c', scope: 'one' },
        { externalId: 'd', scope: 'one' },
      ]);
      expect(ids(await writer.candidates(id, 1))).toEqual(['c']);
      const standing = (await writer.standing(id)).toSorted((one, other) =>
        one.scope < other.scope ? -1 : 1,
      );
      expect(standing).toEqual([
        { scope: 'new', live: 1, seen: 1 },
        { scope: 'one', live: 4, seen: 2 },
      ]);
    });

    it('does not count what the vendor has when it is asked for it', async () => {
      const { hold, id, writer, close } = await openPlan({ one: ['a', 'b'] });
      const before = await dump();
      await writer.sightAgain(hold, id, [{ externalId: 'c', scope: 'one' }]);
      expect(ids(await writer.candidates(id, 10))).toEqual(['d']);
      expect(await close()).toBe(1);
      expect(await dump()).toEqual(before);
    });

    it('does not count what is too young to be missed', async () => {
      const { hold, id, writer, close } = await openPlan({ one: ['a', 'b'] });
      const before = await dump();
      expect(await writer.sightYoung(hold, id, at(50))).toBe(0);
      expect(await writer.sightYoung(hold, id, longAgo)).toBe(2);
      expect(ids(await writer.candidates(id, 10))).toEqual([]);
      expect(await close()).toBe(0);
      expect(await dump()).toEqual(before);
    });

    it('counts what the vendor states as gone when it is asked for it, once', async () => {
      const { hold, id, writer, close } = await openPlan({ one: ['a', 'b'] });
      const before = await dump();
      await writer.stateGone(hold, id, [{ externalId: 'c', scope: 'one' }]);
      expect(ids(await writer.candidates(id, 10))).toEqual(['d']);
      expect(await close()).toBe(2);
      expect(await dump()).toEqual(before);
    });

    it('counts as deleted what a person has approved, and uses up no approval', async () => {
      const { store } = bench;
      await fullPass(
        store,
        'run-1',
        ['a', 'b', 'c'].map((id) => record(id)),
      );
      const proposing = await store.claim(claimOf('run-2'));
      const { id } = await store.beginPass(proposing, { ...pass, fullSince: at(50) });
      await store.writePage(proposing, page(id, [record('a'), record('c')]));
      await store.endScope(proposing, full(id));
      await store.endPass(proposing, ended(id), () => ({ ...verdictOf({})(), propose: { absent: true } }));
      await store.finish(proposing, endOf('run-2'));
      const proposal = await store.openProposal('inventory/cmdb');
      if (proposal === undefined) throw new Error('nothing is proposed');
      const approval = { runName: proposal.runName, digest: proposal.digest, notBefore: longAgo };
      const hold = await store.claim(claimOf('plan-1', { mode: 'Plan' }));
      const writer = store.planWriter((text) => text);
      const plan = await writer.beginPass(hold, pass);
      await writer.writePage(hold, page(plan.id, [record('a')]));
      await writer.endScope(hold, full(plan.id));
      await writer.endPass(hold, { ...ended(plan.id), approval }, verdictOf({ approved: true }));
      const [stream] = await store.progress('plan-1');
      expect(stream?.tally.deleted).toBe(1);
      await store.finish(hold, endOf('plan-1'));
      expect((await store.plan({}))?.streams[0]?.samples).toMatchObject([
        { action: 'delete', externalId: 'b' },
        { action: 'withhold', externalId: 'c' },
      ]);
      expect(await store.openProposal('inventory/cmdb')).toEqual(proposal);
    });

    it('takes the fence, and writes nothing once it has lost it', async () => {
      const hold = await bench.store.claim(claimOf('plan-1', { mode: 'Plan' }));
      const writer = bench.store.planWriter((text) => text);
      const { id } = await writer.beginPass(hold, pass);
      await bench.store.claim(claimOf('run-2', { at: at(3) }));
      await expect(writer.writePage(hold, page(id, [record('a')]))).rejects.toThrow(FenceLost);
      const some = [{ externalId: 'a', scope: 'all' }];
      await expect(writer.sightAgain(hold, id, some)).rejects.toThrow(FenceLost);
      await expect(writer.stateGone(hold, id, some)).rejects.toThrow(FenceLost);
      await expect(writer.endScope(hold, full(id))).rejects.toThrow(FenceLost);
      await expect(writer.endPass(hold, ended(id), deleteAll)).rejects.toThrow(FenceLost);
      expect(await bench.tested.query('SELECT * FROM plan_sightings')).toEqual([]);
    });
  });
}
