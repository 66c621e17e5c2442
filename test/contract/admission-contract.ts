// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { DatabaseRefused, type Store } from '../../src/store/port.ts';
import { claimOf, ContractBench, endOf, page, pass, record, type OpenStore } from './contract-bench.ts';

const newer = "INSERT INTO migrations VALUES (9999, 'of-the-future', 'x')";

/** Who may use a database: programs that know its schema, and operators of the installation that it belongs to. */
export function admissionContract(engine: string, open: OpenStore): void {
  const bench = new ContractBench(open);
  const another = async <T>(work: (store: Store) => Promise<T>): Promise<T> => {
    const store = await bench.tested.second();
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  };

  describe(`${engine}: an installation`, () => {
    it('has the database once it was bound, and another is refused, with the remedy', async () => {
      expect(await bench.store.bind('cluster-a')).toBeUndefined();
      expect(await another((store) => store.bind('cluster-a'))).toBeUndefined();
      const refused = another((store) => store.bind('cluster-b'));
      await expect(refused).rejects.toThrow(DatabaseRefused);
      await expect(refused).rejects.toThrow(
        /^database \S.* belongs to installation cluster-a, not to cluster-b; .*--adopt-database cluster-a$/u,
      );
    });

    it('takes over a database by naming whose it was, which then may not claim nor archive any more', async () => {
      await bench.store.bind('cluster-a');
      await expect(another((store) => store.bind('cluster-b', 'cluster-c'))).rejects.toThrow(DatabaseRefused);
      expect(await another((store) => store.bind('cluster-b', 'cluster-a'))).toBe('cluster-a');
      // To name it again does no harm.
      expect(await another((store) => store.bind('cluster-b', 'cluster-a'))).toBeUndefined();
      const late = /belongs to installation cluster-b, not to cluster-a/u;
      await expect(bench.store.claim(claimOf('run-1'))).rejects.toThrow(late);
      await expect(bench.store.finishUnclaimed(claimOf('run-1'), endOf('1'))).rejects.toThrow(late);
      await expect(bench.store.ping()).rejects.toThrow(late);
      expect(await bench.store.openRuns()).toEqual([]);
    });

    it('does not keep the CLI out, which stands under the same fence', async () => {
      await another((store) => store.bind('cluster-a'));
      const hold = await bench.store.claim(claimOf('run-1'));
      await bench.store.finish(hold, endOf('1'));
      await bench.store.ping();
    });
  });

  describe(`${engine}: a newer schema`, () => {
    it('is refused by a program that opens the database, and left as it is', async () => {
      await bench.tested.change(newer);
      const refused = bench.tested.second();
      await expect(refused).rejects.toThrow(DatabaseRefused);
      await expect(refused).rejects.toThrow(
        /^database \S.* has schema 9999, newer than the \d+ of this version; use a version that knows it$/u,
      );
      expect(await bench.tested.query('SELECT max(number) AS n FROM migrations')).toEqual([{ n: 9999 }]);
    });

    it('that comes while a program runs keeps it from claiming, not from ending what it has', async () => {
      const hold = await bench.store.claim(claimOf('run-1'));
      const { id } = await bench.store.beginPass(hold, pass);
      await bench.tested.change(newer);
      await expect(bench.store.ping()).rejects.toThrow(DatabaseRefused);
      await expect(bench.store.claim(claimOf('run-2', { system: 'inventory/other' }))).rejects.toThrow(
        /has schema 9999, newer than/u,
      );
      await bench.store.writePage(hold, page(id, [record('a')]));
      const archived = await bench.store.finish(hold, endOf('1'));
      expect(archived.phase).toBe('Succeeded');
      expect(await bench.liveIds()).toEqual(['a']);
    });
  });
}
