// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { RecoveredRun } from '../../src/store/port.ts';
import {
  at,
  claimOf,
  ContractBench,
  endOf,
  fullPass,
  pass,
  record,
  type OpenStore,
} from './contract-bench.ts';

const head = { sequence: 5, digest: 'sha256:five' };

function lost(sequence: number, given: Partial<RecoveredRun['claim']> = {}): RecoveredRun {
  return {
    claim: { ...claimOf(`run-${sequence}`), ...given },
    startedAt: at(sequence),
    endedAt: at(sequence + 1),
    phase: 'Succeeded',
    failureCode: undefined,
    verdict: true,
    sequence,
    previousDigest: `digest-${sequence - 1}`,
    digest: sequence === head.sequence ? head.digest : `digest-${sequence}`,
    json: `{"sequence":${sequence}}`,
  };
}

/** An archive that is behind the cluster: a restored backup. */
export function recoveryContract(engine: string, open: OpenStore): void {
  const bench = new ContractBench(open);
  const { system } = claimOf('run-1');

  describe(`${engine}: after a restored backup`, () => {
    it('runs that the cluster has are archived as they ended, marked, and the chain goes on behind them', async () => {
      const { store, tested } = bench;
      await fullPass(store, 'run-1', [record('a')]);
      const slot = at(30);
      expect(await store.recover(system, head, [lost(5, { slot }), lost(3)])).toBe(2);
      const runs = await store.archivedRuns(system, 10);
      expect(runs.map(({ sequence }) => sequence)).toEqual([5, 3, 1]);
      expect(runs[1]).toMatchObject({ runUid: 'run-3', json: '{"sequence":3}', previousDigest: 'digest-2' });
      const marks = await tested.query('SELECT run_uid FROM runs WHERE recovered = 1 ORDER BY run_uid');
      expect(marks.map((row) => row['run_uid'])).toEqual(['run-3', 'run-5']);
      const noted = await tested.query('SELECT after_sequence, sequence, digest FROM recoveries');
      expect(
        noted.map((row) => [Number(row['after_sequence']), Number(row['sequence']), row['digest']]),
      ).toEqual([[1, 5, head.digest]]);
      expect(await store.history(system, 'system-uid')).toMatchObject({
        chainHead: head,
        last: { runUid: 'run-5' },
        lastScheduledSlot: slot,
        lastSuccessAt: at(6),
        lastStartedAt: at(5),
        lastFullAt: undefined,
      });
      const hold = await store.claim(claimOf('run-6'));
      const links: unknown[] = [];
      await store.finish(hold, (link) => {
        links.push(link);
        return endOf('6')(link);
      });
      expect(links).toMatchObject([{ sequence: 6, previousDigest: head.digest }]);
      await expect(tested.change("UPDATE runs SET recovered = 0 WHERE run_uid = 'run-3'")).rejects.toThrow(
        'an archived run cannot be changed',
      );
    });

    it('every stream is read in full, whatever cursor and pass the backup has', async () => {
      const { store } = bench;
      const hold = await store.claim(claimOf('run-1'));
      const { id } = await store.beginPass(hold, pass);
      await store.endScope(hold, {
        passId: id,
        scope: 'all',
        verdict: { type: 'verified', coverage: 'Full', evidence: {}, cursor: { since: 1 } },
        at: at(3),
      });
      await store.endPass(hold, { passId: id, at: at(3), budgetSince: at(0) }, () => ({
        delete: { absent: false, removed: false },
        keepCursors: true,
        stream: {
          ...{ mode: 'Full', complete: true, scopesTotal: 1, scopesVerified: 1, unverified: [], withheld: 0 },
          fullAt: at(1).toISOString(),
        },
      }));
      const open = await store.beginPass(hold, { ...pass, mode: 'Incremental' });
      expect(open.mode).toBe('Incremental');
      await store.recover(system, head, []);
      const next = await store.claim(claimOf('run-6'));
      const again = await store.beginPass(next, { ...pass, mode: 'Incremental' });
      expect(again).toMatchObject({ mode: 'Full', continued: false, lastFullAt: undefined });
      expect(again.cursors.size).toBe(0);
    });

    it('a slot that another run has stays with that one, and what is not behind is left alone', async () => {
      const { store } = bench;
      await fullPass(store, 'run-1', [record('a')]);
      await store.finishUnclaimed(claimOf('run-2', { slot: at(15) }), endOf('2'));
      await store.recover(system, head, [lost(3, { slot: at(15) })]);
      expect((await store.archivedRun('run-3'))?.slot).toBeUndefined();
      expect(await store.recover(system, head, [lost(4)])).toBe(0);
      expect(await store.archivedRun('run-4')).toBeUndefined();
    });
  });
}
