// SPDX-License-Identifier: Apache-2.0
import { by, cmdb, entra, laptop, namesNoUser, not, type Rows } from './device-bench.ts';
import type { Columns } from './inventory-load.ts';

export type Case = readonly [string, Columns, Rows, object];

export const noUser = not(
  'unmatched',
  'no user has its user id, or its login name as login name or mail address',
);
export const noAsset = not(
  'unmatched',
  'no asset has its serial number or fqdn, and no computer its host name',
);
export const nothingToFindItBy = not(
  'no_key',
  'it has no serial number, fqdn or host name that says anything',
);

export const ada = { userName: 'Ada@example.com' };
/** A device, the users there are, and what it joins to. */
export const userCases: readonly Case[] = [
  ['by user id', { userId: 'u1' }, { u1: {}, u2: {} }, by('user id', entra, 'u1')],
  [
    'not by user id when its login name is that of somebody else',
    { userId: 'u1', userName: 'ada@example.com' },
    { u1: { userName: 'eva@example.com' }, u2: ada },
    not(
      'ambiguous',
      'its user id is that of user inventory/entra u1, its login name that of user inventory/entra u2',
      'user id',
      1,
    ),
  ],
  [
    'not by user id when its login name is the mail address of somebody else',
    { userId: 'u1', userName: 'ada@example.com' },
    { u1: {}, u2: { email: 'ada@example.com' } },
    not(
      'ambiguous',
      'its user id is that of user inventory/entra u1, its login name as mail address that of user inventory/entra u2',
      'user id',
      1,
    ),
  ],
  [
    'by user id when its login name agrees, whoever has that as mail address',
    { userId: 'u1', userName: 'ada@example.com' },
    { u1: ada, u2: { email: 'ada@example.com' } },
    by('user id', entra, 'u1'),
  ],
  [
    'by login name when it names no user id, whatever the case',
    { userName: ' ada@EXAMPLE.com' },
    { u1: ada, u2: { userName: 'eva@example.com' } },
    by('login name', entra, 'u1'),
  ],
  [
    'not by login name when whoever has that now is not the one of its user id',
    { userId: 'gone', userName: 'ada@example.com' },
    { u1: ada },
    not(
      'user_id_differs',
      'user inventory/entra u1 has its login name, but not its user id gone',
      'login name',
      1,
    ),
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

/** A device, the assets there are, and what it joins to. */
export const assetCases: readonly Case[] = [
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
      a1: { serialNumber: 'S-1', fqdn: 'lt-1.corp.example.com', hostName: 'lt-1', ...laptop },
      a2: { fqdn: 'lt-2.corp.example.com' },
    },
    by('serial number', cmdb, 'a1'),
  ],
  [
    'by serial number when several have its host name, which says nothing',
    { serialNumber: 'S-1', hostName: 'lt-1' },
    { a1: { serialNumber: 'S-1' }, a2: { hostName: 'lt-1', ...laptop }, a3: { name: 'lt-1', ...laptop } },
    by('serial number', cmdb, 'a1'),
  ],
  [
    'not by serial number when another one has its fqdn',
    { serialNumber: 'S-1', fqdn: 'lt-1.corp.example.com' },
    { a1: { serialNumber: 'S-1' }, a2: { fqdn: 'lt-1.corp.example.com' } },
    not(
      'ambiguous',
      'its serial number is that of asset inventory/cmdb a1, its fqdn that of asset inventory/cmdb a2',
      'serial number',
      1,
    ),
  ],
  [
    'not by serial number and fqdn when another one has its host name',
    { serialNumber: 'S-1', fqdn: 'lt-1.corp.example.com', hostName: 'lt-1' },
    {
      a1: { serialNumber: 'S-1', fqdn: 'lt-1.corp.example.com' },
      a2: { hostName: 'lt-1', ...laptop },
    },
    not(
      'ambiguous',
      'its serial number is that of asset inventory/cmdb a1, its host name that of asset inventory/cmdb a2',
      'serial number',
      1,
    ),
  ],
  [
    'by fqdn before host name, with or without the last dot',
    { fqdn: 'LT-1.corp.example.com.', hostName: 'lt-1' },
    { a1: { fqdn: 'lt-1.CORP.example.com', hostName: 'lt-1', ...laptop } },
    by('fqdn', cmdb, 'a1'),
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
