// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { placeholders } from '../../scripts/device-rules.ts';
import type { OpenStore } from './contract-bench.ts';
import { ad, by, cmdb, DeviceBench, entra, laptop, namesNoUser, not, type Rows } from './device-bench.ts';
import type { Columns } from './inventory-load.ts';

type Case = readonly [string, Columns, Rows, object];

const noUser = not('unmatched', 'no user has its user id, or its login name as login name or mail address');
const noAsset = not('unmatched', 'no asset has its serial number or fqdn, and no computer its host name');
const nothingToFindItBy = not('no_key', 'it has no serial number, fqdn or host name that says anything');

const ada = { userName: 'Ada@example.com' };
const userCases: readonly Case[] = [
  ['by user id', { userId: 'u1' }, { u1: {}, u2: {} }, by('user id', entra, 'u1')],
  [
    'by user id before any login name',
    { userId: 'u1', userName: 'ada@example.com' },
    { u1: { userName: 'eva@example.com' }, u2: ada },
    by('user id', entra, 'u1'),
  ],
  [
    'by login name when nobody has its user id, whatever the case',
    { userId: 'gone', userName: ' ada@EXAMPLE.com' },
    { u1: ada, u2: { userName: 'eva@example.com' } },
    by('login name', entra, 'u1'),
  ],
  [
    'by login name before mail',
    { userName: 'ada@example.com' },
    { u1: { email: 'ada@example.com' }, u2: ada },
    by('login name', entra, 'u2'),
  ],
  [
    'by mail',
    { userName: 'ada@example.com' },
    { u1: { userName: 'ada', email: 'Ada@Example.com' } },
    by('mail', entra, 'u1'),
  ],
  ['not by a part of a name', { userName: 'ada' }, { u1: ada }, noUser],
  ['not by a user id in another case', { userId: 'U1' }, { u1: {} }, noUser],
  ['not by a word that names nobody', { userName: 'None' }, { u1: { userName: 'none' } }, namesNoUser],
  ['not when it names none', {}, { d: { userName: 'd', email: 'd' } }, namesNoUser],
  [
    'not when two have its login name, even where a single one has its mail address',
    { userName: 'ada@example.com' },
    { u1: ada, u2: ada, u3: { email: 'ada@example.com' } },
    not(
      'ambiguous',
      '2 users have its login name, such as inventory/entra u1 and inventory/entra u2',
      'login name',
      2,
    ),
  ],
  [
    'not when two have its mail address',
    { userName: 'ada@example.com' },
    { u1: { email: 'ada@example.com' }, u2: { email: 'ADA@example.com' }, u3: {} },
    not(
      'ambiguous',
      '2 users have its login name as mail address, such as inventory/entra u1 and inventory/entra u2',
      'mail',
      2,
    ),
  ],
];

const assetCases: readonly Case[] = [
  [
    'by serial number, whatever the case and the blanks around it',
    { serialNumber: 'pf3x0z9q ' },
    { a1: { serialNumber: ' PF3X0Z9Q' }, a2: { serialNumber: 'PF3X0Z9Q2' } },
    by('serial number', cmdb, 'a1'),
  ],
  [
    'by serial number before fqdn and host name',
    { serialNumber: 'S-1', fqdn: 'lt-1.corp.example.com', hostName: 'lt-1' },
    {
      a1: { serialNumber: 'S-1' },
      a2: { fqdn: 'lt-1.corp.example.com' },
      a3: { hostName: 'lt-1', ...laptop },
    },
    by('serial number', cmdb, 'a1'),
  ],
  [
    'by fqdn before host name, with or without the last dot',
    { serialNumber: 'S-2', fqdn: 'LT-1.corp.example.com.', hostName: 'lt-1' },
    {
      a1: { serialNumber: 'S-1' },
      a2: { fqdn: 'lt-1.CORP.example.com' },
      a3: { hostName: 'lt-1', ...laptop },
    },
    by('fqdn', cmdb, 'a2'),
  ],
  [
    'by host name',
    { hostName: 'LT-1', name: 'lt-2' },
    { a1: { hostName: 'lt-1', name: 'Notebook of Ada', ...laptop }, a2: { hostName: 'lt-2', ...laptop } },
    by('host name', cmdb, 'a1'),
  ],
  [
    'by its name when it has no host name, with the name of an asset',
    { name: 'lt-1' },
    { a1: { name: 'LT-1', hostName: 'other', type: 'server' } },
    by('host name', cmdb, 'a1'),
  ],
  [
    'by host name with an asset whose name is the same: it counts once',
    { name: 'lt-1' },
    { a1: { name: 'LT-1', hostName: 'lt-1', type: 'virtual_machine' } },
    by('host name', cmdb, 'a1'),
  ],
  [
    'not by host name with what is no computer',
    { name: 'lt-1' },
    {
      a1: { name: 'lt-1', type: 'printer' },
      a2: { hostName: 'lt-1', type: 'mobile_device' },
      a3: { name: 'lt-1' },
    },
    noAsset,
  ],
  ['not by a part of a name', { name: 'lt-1' }, { a1: { name: 'lt-10', ...laptop } }, noAsset],
  [
    'not when two have its serial number, even where a single one has its fqdn',
    { serialNumber: 'S-1', fqdn: 'lt-1.corp.example.com' },
    { a1: { serialNumber: 'S-1' }, a2: { serialNumber: 's-1' }, a3: { fqdn: 'lt-1.corp.example.com' } },
    not(
      'ambiguous',
      '2 assets have its serial number, such as inventory/cmdb a1 and inventory/cmdb a2',
      'serial number',
      2,
    ),
  ],
  [
    'not when one has its host name and another one its name',
    { hostName: 'lt-1' },
    { a1: { name: 'lt-1', ...laptop }, a2: { hostName: 'LT-1', ...laptop } },
    not(
      'ambiguous',
      '2 assets have its host name, such as inventory/cmdb a1 and inventory/cmdb a2',
      'host name',
      2,
    ),
  ],
  ['not when it has neither', {}, { a1: {} }, nothingToFindItBy],
];

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
        `asset inventory/cmdb a1 has its serial number, and that of device inventory/entra managedDevices ${other} too`;
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

    it('which a device of another machine may have by a weaker rule', async () => {
      await bench.assets({ a1: { serialNumber: 'S-1', name: 'lt-1', ...laptop } });
      await bench.devices({ d: { serialNumber: 'S-1' }, e: { name: 'lt-1' } });
      expect(await bench.joined('asset', 'd')).toEqual(by('serial number', cmdb, 'a1'));
      expect(await bench.joined('asset', 'e')).toEqual(by('host name', cmdb, 'a1'));
    });

    it('by name although both have a serial number of their own, which is listed', async () => {
      await bench.assets({ a1: { serialNumber: 'S-1', hostName: 'lt-1', ...laptop } });
      await bench.devices({ d: { serialNumber: 'S-2', hostName: 'lt-1' } });
      expect(await bench.joined('asset')).toEqual(by('host name', cmdb, 'a1'));
      expect(await bench.problems('asset')).toEqual({
        'd: serial_differs': 'joined by host name, yet its serial number is S-2 and that of the asset S-1',
      });
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
