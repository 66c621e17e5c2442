// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { FenceLost, SlotTaken, type Hold } from '../../src/store/port.ts';
import {
  claimOf,
  ContractBench,
  deleteAll,
  ended,
  endOf,
  full,
  page,
  pass,
  record,
  at,
  type OpenStore,
} from './contract-bench.ts';

/** Who holds a system, and what becomes of the writes of who does not. */
export function fenceContract(engine: string, open: OpenStore): void {
  const bench = new ContractBench(open);
  describe(`${engine}: the fence`, () => {
    const writes: readonly [string, (hold: Hold, passId: number) => Promise<unknown>][] = [
      ['a page', (hold, id) => bench.store.writePage(hold, page(id, [record('late')]))],
      ['a pass', (hold) => bench.store.beginPass(hold, pass)],
      ['the end of a scope', (hold, id) => bench.store.endScope(hold, full(id))],
      ['deletions', (hold, id) => bench.store.endPass(hold, ended(id), deleteAll)],
    ];
    const allWrites = [
      ...writes,
      ['the end of a run', (hold: Hold) => bench.store.finish(hold, endOf('late'))] as const,
    ];

    it.each(allWrites)(
      'refuses %s of a run that lost the system to another process',
      async (_what, write) => {
        const hold = await bench.store.claim(claimOf('run-1'));
        const { id } = await bench.store.beginPass(hold, pass);
        await bench.store.writePage(hold, page(id, [record('a')]));
        const other = await bench.tested.second();
        await other.claim(claimOf('run-2', { worker: 'worker-2' }));
        await other.close();
        await expect(write(hold, id)).rejects.toThrow(FenceLost);
        expect(await bench.liveIds()).toEqual(['a']);
        expect(await bench.store.archivedRun('run-1')).toBeUndefined();
      },
    );

    const endings: readonly [string, (hold: Hold) => Promise<unknown>][] = [
      ['ended it', (hold) => bench.store.finish(hold, endOf('1'))],
      [
        'another replica gave up',
        () => bench.store.finishUnclaimed(claimOf('run-1', { attempt: 3 }), endOf('1', { phase: 'Failed' })),
      ],
    ];
    it.each(endings.flatMap(([how, end]) => writes.map(([what, write]) => [what, how, end, write] as const)))(
      'refuses %s of a run that %s, also when nobody has the system since',
      async (_what, _how, end, write) => {
        const hold = await bench.store.claim(claimOf('run-1'));
        const { id } = await bench.store.beginPass(hold, pass);
        await bench.store.writePage(hold, page(id, [record('a')]));
        await end(hold);
        await expect(write(hold, id)).rejects.toThrow(FenceLost);
        expect(await bench.liveIds()).toEqual(['a']);
        expect(await bench.store.progress('run-1')).toEqual([]);
      },
    );

    it('lets a run that lost the system be recorded as Cancelled only, and leaves the other its hold', async () => {
      const hold = await bench.store.claim(claimOf('run-1'));
      const other = await bench.store.claim(claimOf('run-2'));
      await expect(bench.store.finish(hold, endOf('1'))).rejects.toThrow(FenceLost);
      expect((await bench.store.finish(hold, endOf('1', { phase: 'Cancelled' }))).phase).toBe('Cancelled');
      await expect(bench.store.beginPass(other, pass)).resolves.toMatchObject({ continued: false });
    });

    it('goes to the higher attempt of a run; the lower, and another worker of the same, are refused', async () => {
      const first = await bench.store.claim(claimOf('run-1'));
      const second = await bench.store.claim(claimOf('run-1', { attempt: 2, worker: 'worker-2', at: at(9) }));
      expect(second.startedAt).toEqual(first.startedAt);
      await expect(bench.store.beginPass(first, pass)).rejects.toThrow(FenceLost);
      await expect(bench.store.claim(claimOf('run-1'))).rejects.toThrow(FenceLost);
      await expect(bench.store.claim(claimOf('run-1', { attempt: 2, worker: 'worker-3' }))).rejects.toThrow(
        FenceLost,
      );
      await expect(bench.store.claim(claimOf('run-1', { attempt: 2, worker: 'worker-2' }))).resolves.toEqual(
        second,
      );
    });

    it('gives a slot to one run of a system, and the same slot to another system', async () => {
      const slot = at(15);
      await bench.store.claim(claimOf('run-1', { slot }));
      await expect(bench.store.claim(claimOf('run-2', { slot }))).rejects.toThrow(SlotTaken);
      await bench.store.claim(claimOf('run-3', { slot, system: 'inventory/other', systemUid: 'other-uid' }));
      expect((await bench.store.history('inventory/cmdb', 'system-uid')).lastScheduledSlot).toEqual(slot);
    });

    it('a run whose slot was taken ends without it', async () => {
      const slot = at(15);
      await bench.store.claim(claimOf('run-1', { slot }));
      const archived = await bench.store.finishUnclaimed(
        claimOf('run-2', { slot }),
        endOf('2', { phase: 'Cancelled' }),
      );
      expect(archived).toMatchObject({ phase: 'Cancelled', slot: undefined });
      expect(await bench.store.slotBefore('system-uid', at(20))).toEqual(slot);
      expect(await bench.store.slotBefore('system-uid', slot)).toBeUndefined();
    });

    it('names the runs that are open, and which of them hold their system', async () => {
      await bench.store.claim(claimOf('run-1'));
      await bench.store.claim(claimOf('run-2', { slot: at(15) }));
      await bench.store.finish(
        await bench.store.claim(claimOf('run-3', { system: 'inventory/other', systemUid: 'other-uid' })),
        endOf('3'),
      );
      const open = await bench.store.openRuns();
      expect(new Map(open.map(({ runUid, holdsFence }) => [runUid, holdsFence]))).toEqual(
        new Map([
          ['run-1', false],
          ['run-2', true],
        ]),
      );
      expect(open.find(({ runUid }) => runUid === 'run-2')).toMatchObject({
        system: 'inventory/cmdb',
        runName: 'name-of-run-2',
        slot: at(15),
        startedAt: at(0),
        worker: 'worker-1',
      });
    });
  });
}
