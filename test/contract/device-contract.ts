// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { placeholders } from '../../scripts/device-rules.ts';
import type { OpenStore } from './contract-bench.ts';
import { ad, by, cmdb, DeviceBench, entra, laptop, namesNoUser, not } from './device-bench.ts';
import { ada, assetCases, noAsset, nothingToFindItBy, noUser, userCases } from './device-cases.ts';
import type { Columns } from './inventory-load.ts';

/** The views that say which user and which asset a device belongs to. */
export function deviceContract(engine: string, open: OpenStore): void {
  const bench = new DeviceBench(open);

  describe(`${engine}: a device joins to its user`, () => {
    it.each(userCases)('%s', async (_, device, people, expected) => {
      await bench.users(people);
      await bench.devices({ d: device });
      expect(await bench.joined('user')).toEqual(expected);
    });

    it('by user id in its own system alone, by login name in any', async () => {
      await bench.users({ u1: { userName: 'eva@example.com' } }, { system: ad });
      await bench.devices({ d: { userId: 'u1' }, e: { userId: 'u1', userName: 'eva@example.com' } });
      expect(await bench.joined('user')).toEqual(noUser);
      expect(await bench.joined('user', 'e')).toEqual(by('login name', ad, 'u1'));
    });

    it('by user id although a person of another system has its login name: that may be the same one', async () => {
      await bench.users({ u1: {} });
      await bench.users({ c1: { email: 'ada@example.com' } }, { system: cmdb });
      await bench.devices({ d: { userId: 'u1', ...ada } });
      expect(await bench.joined('user')).toEqual(by('user id', entra, 'u1'));
    });

    it('not when one in each of two systems has its login name', async () => {
      await bench.users({ u1: ada });
      await bench.users({ u2: ada }, { system: ad });
      await bench.devices({ d: ada });
      expect(await bench.joined('user')).toMatchObject({ outcome: 'ambiguous', candidates: 2 });
    });

    it('whom it may share with other devices', async () => {
      await bench.users({ u1: {} });
      await bench.devices({ d: { userId: 'u1' }, e: { userId: 'u1' } });
      expect(await bench.joined('user', 'd')).toEqual(by('user id', entra, 'u1'));
      expect(await bench.joined('user', 'e')).toEqual(by('user id', entra, 'u1'));
      expect(await bench.problems('user')).toEqual({});
    });
  });

  describe(`${engine}: a device joins to its asset`, () => {
    it.each(assetCases)('%s', async (_, device, things, expected) => {
      await bench.assets(things);
      await bench.devices({ d: device });
      expect(await bench.joined('asset')).toEqual(expected);
    });

    it('not by a serial number that many machines have, and does by the next rule', async () => {
      const words = [...placeholders.filter((word) => word !== ''), '00000000', 'ZZZZ', '.....', '7'];
      const serials = [...words, ...words.map((word) => ` ${word.toUpperCase()}`), 'Default string'];
      const rows = (more: (index: number) => Columns) =>
        Object.fromEntries(
          serials.map((serialNumber, index) => [`${index}`, { serialNumber, ...more(index) }]),
        );
      await bench.assets(rows((index) => ({ hostName: `lt-${index}`, type: 'computer' })));
      await bench.devices(rows((index) => ({ hostName: `lt-${index}` })));
      const found = 'SELECT DISTINCT asset_match AS outcome, asset_rule AS rule FROM device_matches';
      expect(await bench.all(found)).toEqual([{ outcome: 'joined', rule: 'host name' }]);
      expect(await bench.problems('asset')).toEqual({});
      await bench.devices(rows(() => ({})));
      expect(await bench.all(found)).toEqual([{ outcome: 'no_key', rule: null }]);
    });

    it('not when another machine would take the same one by the same rule: both are listed', async () => {
      await bench.assets({ a1: { serialNumber: 'S-1' } });
      await bench.devices({ d: { serialNumber: 'S-1' }, e: { serialNumber: 's-1' } });
      const reason = (other: string) =>
        `asset inventory/cmdb a1 has its serial number, and the serial number of device inventory/entra managedDevices ${other} too`;
      expect(await bench.joined('asset', 'd')).toEqual(not('shared', reason('e'), 'serial number', 1));
      expect(await bench.joined('asset', 'e')).toEqual(not('shared', reason('d'), 'serial number', 1));
      expect(await bench.problems('asset')).toEqual({ 'd: shared': reason('e'), 'e: shared': reason('d') });
    });

    it('not when machines of two systems would take the same one', async () => {
      await bench.assets({ a1: { hostName: 'lt-1', ...laptop } });
      await bench.devices({ d: { directoryId: 'aa', name: 'lt-1' } });
      await bench.computers({ pc: { securityId: 'S-1', hostName: 'LT-1' } });
      expect(Object.keys(await bench.problems('asset'))).toEqual(['d: shared', 'pc: shared']);
    });

    it('not when another machine would take the same one by another rule: both are listed', async () => {
      await bench.assets({ a1: { serialNumber: 'S-1', fqdn: 'lt-1.example.com' } });
      await bench.devices({ d: { serialNumber: 'S-1' } });
      await bench.computers({ pc: { fqdn: 'lt-1.example.com' } });
      const reasons = {
        d: 'asset inventory/cmdb a1 has its serial number, and the fqdn of device inventory/ad computers pc too',
        pc: 'asset inventory/cmdb a1 has its fqdn, and the serial number of device inventory/entra managedDevices d too',
      };
      expect(await bench.joined('asset', 'd')).toEqual(not('shared', reasons.d, 'serial number', 1));
      expect(await bench.joined('asset', 'pc')).toEqual(not('shared', reasons.pc, 'fqdn', 1));
      expect(await bench.problems('asset')).toEqual({ 'd: shared': reasons.d, 'pc: shared': reasons.pc });
    });

    it('not when two others dispute it by a rule of their own: all three are listed', async () => {
      await bench.assets({ a1: { serialNumber: 'S-1', name: 'lt-1', ...laptop } });
      await bench.devices({ d: { serialNumber: 'S-1' }, e: { serialNumber: 'S-1' }, f: { name: 'lt-1' } });
      expect(Object.keys(await bench.problems('asset'))).toEqual(['d: shared', 'e: shared', 'f: shared']);
    });

    it('which another machine finds among several: that one comes to none of them', async () => {
      await bench.assets({
        a1: { serialNumber: 'S-1', fqdn: 'lt-1.example.com' },
        a2: { serialNumber: 'S-1' },
      });
      await bench.devices({ d: { serialNumber: 'S-1' }, e: { fqdn: 'lt-1.example.com' } });
      expect(await bench.joined('asset', 'e')).toEqual(by('fqdn', cmdb, 'a1'));
      expect(Object.keys(await bench.problems('asset'))).toEqual(['d: ambiguous']);
    });

    it('not by name when both have a serial number of their own: a name that was used again', async () => {
      await bench.assets({ a1: { serialNumber: 'S-1', hostName: 'lt-1', ...laptop } });
      await bench.devices({ d: { serialNumber: 'S-2', hostName: 'lt-1' } });
      const reason =
        'asset inventory/cmdb a1 has its host name, but serial number S-1; that of its machine is S-2';
      expect(await bench.joined('asset')).toEqual(not('serial_differs', reason, 'host name', 1));
      expect(await bench.problems('asset')).toEqual({ 'd: serial_differs': reason });
    });

    it('by name when the serial number of one says nothing', async () => {
      await bench.assets({ a1: { serialNumber: 'Default string', hostName: 'lt-1', ...laptop } });
      await bench.devices({ d: { serialNumber: 'S-2', hostName: 'lt-1' } });
      expect(await bench.joined('asset')).toEqual(by('host name', cmdb, 'a1'));
      await bench.assets({ a1: { serialNumber: 'S-1', hostName: 'lt-1', ...laptop } });
      await bench.devices({ d: { serialNumber: '0000', hostName: 'lt-1' } });
      expect(await bench.joined('asset')).toEqual(by('host name', cmdb, 'a1'));
    });
  });

  describe(`${engine}: what is not joined`, () => {
    it('is listed with the reason in words, and nothing else is', async () => {
      await bench.users({ u1: {} });
      await bench.assets({ a1: { serialNumber: 'S-1' } });
      await bench.devices({
        d: { serialNumber: 'S-1', userId: 'u1' },
        e: { serialNumber: 'S-2', userId: 'u2' },
        f: { serialNumber: '0' },
      });
      expect(await bench.problems('user')).toEqual({
        'e: unmatched': noUser.reason,
        'f: no_key': namesNoUser.reason,
      });
      expect(await bench.problems('asset')).toEqual({
        'e: unmatched': noAsset.reason,
        'f: no_key': nothingToFindItBy.reason,
      });
      expect(await bench.problems('machine')).toEqual({});
    });

    it('does not count rows that are gone or no longer read, of any of the three', async () => {
      await bench.users({ u1: ada, u2: ada });
      await bench.assets({ a1: { serialNumber: 'S-1' }, a2: { serialNumber: 'S-1' } });
      await bench.devices({ d: { serialNumber: 'S-1', ...ada }, e: { serialNumber: 'S-1' } });
      expect(await bench.joined('user')).toMatchObject({ outcome: 'ambiguous' });
      expect(await bench.joined('asset')).toMatchObject({ outcome: 'ambiguous' });
      await bench.users({ u1: ada });
      await bench.assets({ a1: { serialNumber: 'S-1' } });
      expect(await bench.joined('user')).toEqual(by('login name', entra, 'u1'));
      expect(await bench.joined('asset')).toMatchObject({ outcome: 'shared' });
      await bench.devices({ d: { serialNumber: 'S-1', ...ada } });
      expect(await bench.joined('asset', 'e')).toBeUndefined();
      expect(await bench.joined('asset')).toEqual(by('serial number', cmdb, 'a1'));
      await bench.users({ u3: {} }, { scope: 'other' });
      await bench.assets({ a3: {} }, { scope: 'other' });
      expect(await bench.joined('user')).toEqual(noUser);
      expect(await bench.joined('asset')).toEqual(noAsset);
      await bench.devices({ f: {} }, { scope: 'other' });
      expect(await bench.joined('user')).toBeUndefined();
    });

    it('is never joined from demo rows to real ones, nor shown among them', async () => {
      const demo = { system: 'demo/all', demo: true };
      await bench.users({ u1: ada }, demo);
      await bench.assets({ a1: { serialNumber: 'S-1' } }, demo);
      await bench.devices({ d: { serialNumber: 'S-1', ...ada } });
      expect(await bench.joined('user')).toEqual(noUser);
      expect(await bench.joined('asset')).toEqual(noAsset);
      expect(await bench.joined('asset', 'd', 'demo_')).toBeUndefined();
      await bench.devices({ e: { serialNumber: 'S-1', ...ada }, f: {} }, demo);
      expect(await bench.joined('asset', 'e')).toBeUndefined();
      expect(await bench.joined('user', 'e', 'demo_')).toEqual(by('login name', 'demo/all', 'u1'));
      expect(await bench.joined('asset', 'e', 'demo_')).toEqual(by('serial number', 'demo/all', 'a1'));
      expect(Object.keys(await bench.problems('asset'))).toEqual(['d: unmatched']);
      expect(Object.keys(await bench.problems('asset', 'demo_'))).toEqual(['f: no_key']);
    });

    it('is found in a large inventory soon, although its database has not looked at the new tables', async () => {
      const rows = 20_000;
      const filled = "'{}', 'h', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', 0, 'c'";
      const common = 'attributes, content_hash, first_seen_at, changed_at, demo, correlation_id';
      const fill = (table: string, columns: string, values: string) =>
        bench.change(
          `INSERT INTO ${table} (system, stream, external_id, ${columns}, ${common})
           WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
           SELECT 'inventory/one', 'all', 'id-' || i, ${values}, ${filled} FROM n`,
        );
      // All have one serial number: to list who fits whom would be 400 million pairs.
      await fill('devices', 'serial_number, host_name, user_name', "'SAME-1', 'lt-' || i, 'user-' || i");
      await fill('assets', 'serial_number, host_name, type', "'SAME-1', 'lt-' || i, 'computer'");
      await fill('users', 'user_name', "'USER-' || i");
      const [row] = await bench.all(
        `SELECT count(*) AS n, count(user_external_id) AS users, min(asset_candidates) AS candidates FROM device_matches`,
      );
      expect([row?.['n'], row?.['users'], row?.['candidates']].map(Number)).toEqual([rows, rows, rows]);
    });
  });
}
