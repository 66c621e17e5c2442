// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { HashedRecord } from '../../src/store/port.ts';
import { claimOf, ContractBench, pass, page, type OpenStore } from './contract-bench.ts';

/** What stands in columns of records. */
export function storedValueContract(engine: string, open: OpenStore): void {
  const bench = new ContractBench(open);
  const stream = { system: 'inventory/cmdb', stream: 'items', record: 'Asset' } as const;
  const asset: HashedRecord = {
    record: {
      externalId: 'a',
      columns: {
        name: 'web-01',
        location: 'Oslo',
        cpuCount: 0,
        virtual: false,
        purchaseDate: '2026-02-28',
        lastDiscoveredAt: '2026-03-01T08:00:00Z',
        sourceUpdatedAt: '2026-03-01T08:00:00.125Z',
      },
      attributes: {},
    },
    hash: 'h',
  };
  const empty: HashedRecord = { record: { externalId: 'b', columns: {}, attributes: {} }, hash: 'h' };

  async function written(): Promise<void> {
    const hold = await bench.store.claim(claimOf('run-1'));
    const { id } = await bench.store.beginPass(hold, { ...pass, stream: 'items', record: 'Asset' });
    await bench.store.writePage(hold, page(id, [asset, empty]));
  }

  describe(`${engine}: what stands in columns`, () => {
    it('comes back as it went in, whatever its type', async () => {
      await written();
      const columns = Object.keys(asset.record.columns);
      const values = await bench.store.storedValues(stream, ['a'], columns);
      expect(values).toEqual(new Map([['a', asset.record.columns]]));
    });

    it('is only what was asked for, and nothing of what is empty or not there', async () => {
      await written();
      const values = await bench.store.storedValues(stream, ['a', 'b', 'c'], ['location', 'model']);
      expect(values).toEqual(
        new Map([
          ['a', { location: 'Oslo' }],
          ['b', {}],
        ]),
      );
      expect(await bench.store.storedValues(stream, [], ['location'])).toEqual(new Map());
      expect(await bench.store.storedValues(stream, ['a'], [])).toEqual(new Map());
    });

    it('is that of the stream alone', async () => {
      await written();
      const other = { ...stream, stream: 'others' };
      expect(await bench.store.storedValues(other, ['a'], ['location'])).toEqual(new Map());
      const elsewhere = { ...stream, system: 'inventory/other' };
      expect(await bench.store.storedValues(elsewhere, ['a'], ['location'])).toEqual(new Map());
    });

    it('is never asked for by a name that is no column', async () => {
      await expect(bench.store.storedValues(stream, ['a'], ['1; DROP'])).rejects.toThrow('no column');
    });
  });
}
