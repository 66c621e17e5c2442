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
  pass,
  record,
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

    it('takes the fence, and writes nothing once it has lost it', async () => {
      const hold = await bench.store.claim(claimOf('plan-1', { mode: 'Plan' }));
      const writer = bench.store.planWriter((text) => text);
      const { id } = await writer.beginPass(hold, pass);
      await bench.store.claim(claimOf('run-2', { at: at(3) }));
      await expect(writer.writePage(hold, page(id, [record('a')]))).rejects.toThrow(FenceLost);
      await expect(writer.endScope(hold, full(id))).rejects.toThrow(FenceLost);
      await expect(writer.endPass(hold, ended(id), deleteAll)).rejects.toThrow(FenceLost);
      expect(await bench.tested.query('SELECT * FROM plan_sightings')).toEqual([]);
    });
  });
}
