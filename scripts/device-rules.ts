// SPDX-License-Identifier: Apache-2.0

/** A rule that joins devices to users or assets: what has the same key. Expressions are SQL that both engines read alike. */
export interface Rule {
  readonly subject: 'user' | 'asset';
  /** As it stands in `user_rule` and `asset_rule`. */
  readonly name: string;
  readonly device: string;
  /** No row may have one key twice: it would count as two. */
  readonly candidates: readonly { readonly key: string; readonly where?: string }[];
}

/** Letters alike, without the blanks around it. */
export const folded = (column: string) => `lower(trim(${column}))`;
const domain = (column: string) => `rtrim(${folded(column)}, '.')`;

/** A printer or a database of that name is another thing. */
const computers = "type IN ('server', 'computer', 'virtual_machine')";

/** Tried in this order. */
export const assetRules: readonly Rule[] = [
  {
    subject: 'asset',
    name: 'serial number',
    device: folded('serial_number'),
    candidates: [{ key: folded('serial_number') }],
  },
  { subject: 'asset', name: 'fqdn', device: domain('fqdn'), candidates: [{ key: domain('fqdn') }] },
  {
    subject: 'asset',
    name: 'host name',
    device: folded('coalesce(host_name, name)'),
    candidates: [
      { key: folded('host_name'), where: computers },
      {
        key: folded('name'),
        where: `${computers} AND ${folded('name')} <> ${folded("coalesce(host_name, '')")}`,
      },
    ],
  },
];

/** Tried in this order. */
export const userRules: readonly Rule[] = [
  {
    subject: 'user',
    name: 'user id',
    device: "system || ' ' || nullif(user_id, '')",
    candidates: [{ key: "system || ' ' || external_id" }],
  },
  {
    subject: 'user',
    name: 'login name',
    device: folded('user_name'),
    candidates: [{ key: folded('user_name') }],
  },
  { subject: 'user', name: 'mail', device: folded('user_name'), candidates: [{ key: folded('email') }] },
];

/** What makers and tools write where they know nothing; in small letters. Many machines have the same, so it says nothing of one. */
export const placeholders: readonly string[] = [
  ...['', '0', '-', 'none', 'null', 'n/a', 'na', 'unknown', 'undefined', 'invalid', 'empty', 'default'],
  ...['not specified', 'not available', 'not applicable', 'not present', 'no asset information'],
  ...['default string', 'system serial number', 'chassis serial number', 'base board serial number'],
  ...['serial number', 'serialnumber', 'system product name', 'o.e.m.', 'oem'],
  ...['to be filled by o.e.m.', 'to be filled by o.e.m', 'to be filled by oem'],
  ...['123456789', '0123456789', '1234567890', 'localhost', 'localhost.localdomain'],
];

/** Whether a key, which is no placeholder, is one character over and over, as in `000000`. */
export const noSerialNumber = (key: string) => `replace(${key}, substr(${key}, 1, 1), '') = ''`;

/** A serial number as it was written, when it says anything. */
export function usableSerialNumber(column: string): string {
  const words = placeholders.map((word) => `'${word}'`).join(', ');
  return `(${folded(column)} NOT IN (${words}) AND NOT ${noSerialNumber(folded(column))})`;
}
