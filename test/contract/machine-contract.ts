// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { OpenStore } from './contract-bench.ts';
import { DeviceBench, laptop, namesNoUser } from './device-bench.ts';

/** The view that says which rows of several systems are one machine, and what follows for what they join to. */
export function machineContract(engine: string, open: OpenStore): void {
  const bench = new DeviceBench(open);

  describe(`${engine}: rows of one machine`, () => {
    const machines = async () =>
      Object.fromEntries(
        (
          await bench.all('SELECT external_id, machine_id, machine_rule, machine_rows FROM device_identities')
        ).map((row) => [
          String(row['external_id']),
          [row['machine_id'], row['machine_rule'], Number(row['machine_rows'])] as const,
        ]),
      );

    it('are known by directory id, and a computer of the domain by security id', async () => {
      await bench.directoryDevices({ obj: { directoryId: '5A0F-aa', securityId: 'S-1-5-21-7-1105' } });
      await bench.devices({ mdm: { directoryId: '5a0f-AA' }, lone: {} });
      await bench.computers({ pc: { securityId: 's-1-5-21-7-1105' }, old: { securityId: 'S-1-5-21-7-9' } });
      expect(await machines()).toEqual({
        obj: ['directory id 5a0f-aa', 'directory id', 3],
        mdm: ['directory id 5a0f-aa', 'directory id', 3],
        pc: ['directory id 5a0f-aa', 'security id', 3],
        lone: ['device inventory/entra managedDevices lone', null, 1],
        old: ['security id S-1-5-21-7-9', null, 1],
      });
    });

    it('are not known by an id of zeros', async () => {
      await bench.devices({
        d: { directoryId: '00000000-0000-0000-0000-000000000000' },
        e: { directoryId: '00000000-0000-0000-0000-000000000000' },
      });
      expect(Object.values(await machines()).map(([, , rows]) => rows)).toEqual([1, 1]);
    });

    it('are not guessed where a security id stands at two directory ids, which is listed', async () => {
      await bench.directoryDevices({
        x: { directoryId: 'aa', securityId: 'S-1' },
        y: { directoryId: 'bb', securityId: 'S-1' },
      });
      await bench.computers({ pc: { securityId: 'S-1' } });
      expect((await machines())['pc']).toEqual(['security id S-1', null, 1]);
      expect(await bench.problems('machine')).toEqual({
        'pc: ambiguous': 'its security id stands at several directory ids, such as aa and bb',
      });
    });

    it('may take one asset together', async () => {
      await bench.assets({ a1: { serialNumber: 'S-1', hostName: 'lt-1', ...laptop } });
      await bench.directoryDevices({ obj: { directoryId: 'aa', name: 'lt-1', securityId: 'S-1-5' } });
      await bench.devices({ mdm: { directoryId: 'aa', serialNumber: 'S-1' } });
      await bench.computers({ pc: { securityId: 'S-1-5', hostName: 'lt-1' } });
      const joined = await Promise.all(['obj', 'mdm', 'pc'].map((id) => bench.joined('asset', id)));
      expect(joined.map((row) => row?.outcome)).toEqual(['joined', 'joined', 'joined']);
      expect(await bench.problems('asset')).toEqual({});
    });

    it('of one stream may not: one of them is a leftover', async () => {
      await bench.assets({ a1: { serialNumber: 'S-1' } });
      await bench.devices({
        d: { directoryId: 'aa', serialNumber: 'S-1' },
        e: { directoryId: 'aa', serialNumber: 'S-1' },
      });
      expect(Object.keys(await bench.problems('asset'))).toEqual(['d: shared', 'e: shared']);
    });

    it('are not listed one by one where another of them has found the user and the asset', async () => {
      await bench.users({ u1: {} });
      await bench.assets({ a1: { serialNumber: 'S-1' } });
      await bench.directoryDevices({ obj: { directoryId: 'aa', name: 'lt-1' } });
      await bench.devices({ mdm: { directoryId: 'aa', serialNumber: 'S-1', userId: 'u1' } });
      expect(await bench.joined('user', 'obj')).toEqual(namesNoUser);
      expect(await bench.problems('user')).toEqual({});
      expect(await bench.problems('asset')).toEqual({});
    });

    it('that join to several assets are listed', async () => {
      await bench.assets({ a1: { serialNumber: 'S-1' }, a2: { hostName: 'lt-1', ...laptop } });
      await bench.directoryDevices({ obj: { directoryId: 'aa', name: 'lt-1' } });
      await bench.devices({ mdm: { directoryId: 'aa', serialNumber: 'S-1' } });
      const reason =
        'rows of its machine join to several assets, such as inventory/cmdb a1 and inventory/cmdb a2';
      expect(await bench.problems('machine')).toEqual({
        'mdm: assets_differ': reason,
        'obj: assets_differ': reason,
      });
    });
  });
}
