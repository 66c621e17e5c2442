// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { RunEnded, type ChainLink, type RunClaim, type RunEnd } from '../../src/store/port.ts';
import { at, claimOf, ContractBench, endOf, page, pass, record, type OpenStore } from './contract-bench.ts';

/** The audit log: chained, final, and quick to ask. */
export function archiveContract(engine: string, open: OpenStore): void {
  const bench = new ContractBench(open);
  describe(`${engine}: the archive`, () => {
    it('keeps the first end of a run, and gives it to whoever comes again', async () => {
      const hold = await bench.store.claim(claimOf('run-1'));
      const first = await bench.store.finish(hold, endOf('first'));
      const again = await bench.store.finish(hold, endOf('second', { phase: 'Failed' }));
      expect(again).toEqual(first);
      await expect(bench.store.claim(claimOf('run-1', { attempt: 2 }))).rejects.toThrow(RunEnded);
      expect(await bench.store.finishUnclaimed(claimOf('run-1'), endOf('third'))).toEqual(first);
    });

    it('chains the runs of each system, claimed or not', async () => {
      const one = await bench.store.finish(await bench.store.claim(claimOf('run-1')), endOf('one'));
      await bench.store.finish(
        await bench.store.claim(claimOf('run-x', { system: 'inventory/other', systemUid: 'other-uid' })),
        endOf('x'),
      );
      const two = await bench.store.finishUnclaimed(claimOf('run-2'), endOf('two', { phase: 'Skipped' }));
      expect([one.sequence, two.sequence]).toEqual([1, 2]);
      expect([one.previousDigest, two.previousDigest]).toEqual([undefined, one.digest]);
      expect((await bench.store.history('inventory/cmdb', 'system-uid')).chainHead).toEqual({
        sequence: 2,
        digest: two.digest,
      });
      expect((await bench.store.archivedRuns('inventory/cmdb', 10)).map(({ runUid }) => runUid)).toEqual([
        'run-2',
        'run-1',
      ]);
    });

    it('tells whether an object was read with a generation of its spec, however many runs have failed since', async () => {
      const end = async (runUid: string, given: Partial<RunClaim>, phase: RunEnd['phase']) =>
        bench.store.finish(await bench.store.claim(claimOf(runUid, given)), endOf(runUid, { phase }));
      const hasRead = (uid: string, generation: number) =>
        bench.store.hasRead('inventory/cmdb', uid, generation);
      await end('run-1', { systemGeneration: 1 }, 'PartiallySucceeded');
      await end('run-2', { systemGeneration: 2 }, 'Failed');
      for (let run = 0; run < 5; run += 1) await end(`later-${run}`, { systemGeneration: 1 }, 'Failed');
      expect([await hasRead('system-uid', 1), await hasRead('system-uid', 2)]).toEqual([true, false]);
      expect(await hasRead('other-uid', 1)).toBe(false);
    });

    it('gives who ends a run the counts of its streams, whoever counted them', async () => {
      const hold = await bench.store.claim(claimOf('run-1'));
      const { id } = await bench.store.beginPass(hold, pass);
      await bench.store.writePage(hold, page(id, [record('a'), record('b')]));
      let link: ChainLink | undefined;
      await bench.store.finishUnclaimed(claimOf('run-1', { attempt: 3 }), (given) => {
        link = given;
        return endOf('lost', { phase: 'Failed' })(given);
      });
      expect(link).toMatchObject({
        startedAt: at(0),
        streams: [{ tally: { fetched: 2, created: 2, pages: 1 } }],
      });
    });

    it('keeps of a run whose worker was lost what its record says, whatever the database had of it', async () => {
      await bench.store.claim(claimOf('run-1'));
      const ending = claimOf('run-1', { attempt: 2, worker: 'worker-2', systemGeneration: 3 });
      const ended = await bench.store.finishUnclaimed(ending, endOf('lost', { phase: 'Failed' }));
      expect(ended).toMatchObject({ attempt: 2, startedAt: at(0) });
      const rows = await bench.tested.query('SELECT worker, generation FROM runs');
      expect(rows.map((row) => [row['worker'], Number(row['generation'])])).toEqual([['worker-2', 3]]);
    });

    it('knows what is not pruned yet', async () => {
      for (const uid of ['run-1', 'run-2']) await bench.store.finishUnclaimed(claimOf(uid), endOf(uid));
      expect(await bench.store.unprunedSystems()).toEqual(['inventory/cmdb']);
      await bench.store.markPruned(['run-1']);
      expect((await bench.store.unprunedRuns('inventory/cmdb')).map(({ runUid }) => runUid)).toEqual([
        'run-2',
      ]);
      await bench.store.markPruned(['run-2']);
      expect(await bench.store.unprunedSystems()).toEqual([]);
    });

    it('counts failures in a row since the last success; tests and what was not carried out count for neither', async () => {
      const ends: [string, Partial<RunClaim>, Partial<RunEnd>][] = [
        ['run-1', {}, { phase: 'Failed', endedAt: at(1) }],
        ['run-2', {}, { phase: 'Succeeded', endedAt: at(2) }],
        ['run-3', {}, { phase: 'Failed', endedAt: at(3) }],
        ['run-4', { mode: 'Test' }, { phase: 'Failed', endedAt: at(4) }],
        ['run-5', {}, { phase: 'Failed', endedAt: at(5) }],
        ['run-6', {}, { phase: 'Failed', endedAt: at(6), verdict: false }],
      ];
      for (const [uid, given, end] of ends)
        await bench.store.finishUnclaimed(claimOf(uid, given), endOf(uid, end));
      expect(await bench.store.history('inventory/cmdb', 'system-uid')).toMatchObject({
        consecutiveFailures: 2,
        lastSuccessAt: at(2),
        lastFailureAt: at(5),
        last: { runUid: 'run-6' },
        lastVerdict: { runUid: 'run-5' },
      });
    });

    it('tells an object from one of the same name before it; the chain and the data are of the name', async () => {
      const slot = at(15);
      const hold = await bench.store.claim(claimOf('run-1', { slot }));
      await bench.store.finish(hold, endOf('1', { fullAt: at(1) }));
      const old = await bench.store.history('inventory/cmdb', 'system-uid');
      expect(old).toMatchObject({ lastScheduledSlot: slot, lastStartedAt: at(0), lastFullAt: at(1) });
      const made = await bench.store.history('inventory/cmdb', 'another-uid');
      expect(made).toEqual({
        last: undefined,
        lastVerdict: undefined,
        withheld: 0,
        lastSuccessAt: undefined,
        lastFailureAt: undefined,
        consecutiveFailures: 0,
        lastScheduledSlot: undefined,
        lastStartedAt: undefined,
        lastFullAt: at(1),
        chainHead: old.chainHead,
      });
    });
  });
}
