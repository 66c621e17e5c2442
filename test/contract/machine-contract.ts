// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { OpenStore } from './contract-bench.ts';
import { DeviceBench, laptop, namesNoUser, not } from './device-bench.ts';

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

    it('that come to several assets join to none, and are listed', async () => {
      await bench.assets({ a1: { serialNumber: 'S-1' }, a2: { hostName: 'lt-1', ...laptop } });
      await bench.directoryDevices({ obj: { directoryId: 'aa', name: 'lt-1' } });
      await bench.devices({ mdm: { directoryId: 'aa', serialNumber: 'S-1' } });
      const reason =
        'rows of its machine come to several assets, such as inventory/cmdb a1 and inventory/cmdb a2';
      expect(await bench.problems('asset')).toEqual({ 'mdm: ambiguous': reason, 'obj: ambiguous': reason });
    });

    it('do not join by name to an asset of another serial number than one of them has', async () => {
      await bench.assets({ a1: { serialNumber: 'S-1', hostName: 'lt-1', ...laptop } });
      await bench.directoryDevices({ obj: { directoryId: 'aa', name: 'lt-1' } });
      await bench.devices({ mdm: { directoryId: 'aa', serialNumber: 'S-2' } });
      const reason =
        'asset inventory/cmdb a1 has its host name, but serial number S-1; that of its machine is s-2';
      expect(await bench.joined('asset', 'obj')).toEqual(not('serial_differs', reason, 'host name', 1));
      expect(Object.keys(await bench.problems('asset'))).toEqual(['mdm: unmatched', 'obj: serial_differs']);
    });

    it('name the row of another machine that comes to their asset, not one of their own', async () => {
      await bench.assets({ a1: { serialNumber: 'S-1', hostName: 'lt-1', ...laptop } });
      await bench.directoryDevices({ a: { directoryId: 'bb', name: 'lt-1' } });
      await bench.devices({
        b: { directoryId: 'bb', serialNumber: 'S-1' },
        z: { directoryId: 'aa', serialNumber: 'S-1' },
      });
      const others =
        'asset inventory/cmdb a1 has its serial number, and the serial number of device inventory/entra managedDevices z too';
      const reasons = await bench.problems('asset');
      expect(reasons['b: shared']).toBe(others);
      expect(reasons['a: shared']).toBe(others.replace('has its serial number', 'has its host name'));
      expect(reasons['z: shared']).toMatch(
        / of device inventory\/entra (?:devices a|managedDevices b) too$/u,
      );
    });

    it('may have users of their own', async () => {
      await bench.users({ u1: {}, u2: {} });
      await bench.directoryDevices({ obj: { directoryId: 'aa', userId: 'u1' } });
      await bench.devices({ mdm: { directoryId: 'aa', userId: 'u2' } });
      expect((await bench.joined('user', 'obj'))?.outcome).toBe('joined');
      expect((await bench.joined('user', 'mdm'))?.outcome).toBe('joined');
      expect(await bench.problems('user')).toEqual({});
    });
  });
}
