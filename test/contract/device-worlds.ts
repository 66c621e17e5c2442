// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { placeholders } from '../../scripts/device-rules.ts';
import { ad, cmdb, entra } from './device-bench.ts';

/** A row as the tables hold it; what is not there is NULL. */
export interface InventoryRow {
  readonly system: string;
  readonly stream: string;
  readonly external_id: string;
  readonly [column: string]: string | undefined;
}

/** An inventory so small that its rows meet by every rule. */
export interface World {
  readonly devices: readonly InventoryRow[];
  readonly assets: readonly InventoryRow[];
  readonly users: readonly InventoryRow[];
}

const maybe = (...values: readonly string[]) => fc.constantFrom(undefined, ...values);
const serial = maybe('S-1', ' s-1 ', 'S-2', 'S-3', 'Default string', '000');
const fqdn = maybe('h1.example.com', 'H1.example.com.', 'h2.example.com');
const host = maybe('h1', 'H1', 'h2', 'localhost');
const login = maybe('ada@example.com', ' ADA@example.com', 'eva@example.com', 'none');

/** Streams of a system; ids count within them, so that one id stands in several. */
const rowsOf = (
  places: readonly (readonly [string, string])[],
  maxLength: number,
  columns: Readonly<Record<string, fc.Arbitrary<string | undefined>>>,
): fc.Arbitrary<InventoryRow[]> =>
  fc
    .array(fc.record({ place: fc.constantFrom(...places), columns: fc.record(columns) }), { maxLength })
    .map((rows) =>
      rows.map(({ place: [system, stream], columns: values }, index) => ({
        ...{ system, stream, external_id: `u${index}` },
        ...values,
      })),
    );

export const worlds: fc.Arbitrary<World> = fc.record({
  devices: rowsOf(
    [
      [entra, 'devices'],
      [entra, 'managedDevices'],
      [ad, 'computers'],
    ],
    6,
    {
      ...{ serial_number: serial, fqdn, host_name: host, name: host, user_name: login },
      user_id: maybe('u0', 'u1', 'u2', ''),
      directory_id: maybe('aa', 'BB', '00000000-0000-0000-0000-000000000000'),
      security_id: maybe('S-1-5-1', 's-1-5-2'),
    },
  ),
  assets: rowsOf(
    [
      [cmdb, 'cis'],
      ['inventory/scanner', 'hosts'],
    ],
    4,
    {
      ...{ serial_number: serial, fqdn, host_name: host, name: host },
      type: maybe('server', 'computer', 'virtual_machine', 'printer'),
    },
  ),
  users: rowsOf(
    [
      [entra, 'users'],
      [ad, 'users'],
    ],
    4,
    { user_name: login, email: login },
  ),
});

/** What one rule finds for a device. */
interface Finding {
  readonly rule: string;
  readonly found: readonly InventoryRow[];
}

/** What a device comes to: the first rule that finds anything, when it finds one and only one; and what the rules after it find. */
export interface Claim extends Finding {
  readonly one: InventoryRow;
  readonly later: readonly Finding[];
}

/** The rules of the guide, pair by pair; a claim, or how it ends without one. */
export function claimOn(
  subject: 'user' | 'asset',
  device: InventoryRow,
  { assets, users }: World,
): Claim | 'ambiguous' | 'unmatched' | 'no_key' {
  const folded = (text: string | undefined) => useful(text?.trim().toLowerCase());
  const domain = (text: string | undefined) => useful(text?.trim().toLowerCase().replace(/\.+$/u, ''));
  const hostName = folded(device['host_name'] ?? device['name']);
  const rule = (name: string, key: string | undefined, found: readonly InventoryRow[]) => ({
    rule: name,
    key,
    found,
  });
  const byKey = (
    name: string,
    key: string | undefined,
    rows: readonly InventoryRow[],
    keys: (row: InventoryRow) => readonly (string | undefined)[],
  ) => rule(name, key, key === undefined ? [] : rows.filter((row) => keys(row).includes(key)));
  const computers = assets.filter(({ type = '' }) =>
    ['server', 'computer', 'virtual_machine'].includes(type),
  );
  const name = folded(device['user_name']);
  const id = device['user_id'] === '' ? undefined : device['user_id'];
  const tried =
    subject === 'asset'
      ? [
          byKey('serial number', serialKey(device), assets, (row) => [serialKey(row)]),
          byKey('fqdn', domain(device['fqdn']), assets, (row) => [domain(row['fqdn'])]),
          byKey('host name', hostName, computers, (row) => [folded(row['host_name']), folded(row['name'])]),
        ]
      : [
          rule(
            'user id',
            id,
            users.filter((row) => row.system === device.system && row.external_id === id),
          ),
          byKey('login name', name, users, (row) => [folded(row['user_name'])]),
          byKey('mail', name, users, (row) => [folded(row['email'])]),
        ];
  const [first, ...later] = tried.filter(({ found }) => found.length > 0);
  if (first === undefined) return tried.some(({ key }) => key !== undefined) ? 'unmatched' : 'no_key';
  const [one, ...others] = first.found;
  return one === undefined || others.length > 0 ? 'ambiguous' : { ...first, one, later };
}

/** A serial number as it is compared; none when it says nothing. */
export function serialKey(row: InventoryRow): string | undefined {
  const key = useful(row['serial_number']?.trim().toLowerCase());
  return key === undefined || /^(.)\1*$/u.test(key) ? undefined : key;
}

function useful(key: string | undefined): string | undefined {
  return key === undefined || placeholders.includes(key) ? undefined : key;
}

/** Statements that make a database hold this world and nothing else. */
export function statementsFor(world: World): string {
  const common = `'{}', 'h', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', 0, 'c'`;
  const statements = Object.entries(world)
    .flatMap(([table, rows]: [string, readonly InventoryRow[]]) => [
      `DELETE FROM ${table};`,
      ...rows.map((row) => {
        const given = Object.entries(row).filter(([, value]) => value !== undefined);
        return `INSERT INTO ${table} (${given.map(([column]) => column).join(', ')},
            attributes, content_hash, first_seen_at, changed_at, demo, correlation_id)
          VALUES (${given.map(([, value]) => `'${value}'`).join(', ')}, ${common});`;
      }),
    ])
    .join('\n');
  // One write to the disk, not one for each row.
  return `BEGIN; ${statements} COMMIT;`;
}
