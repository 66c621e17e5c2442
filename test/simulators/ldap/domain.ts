// SPDX-License-Identifier: Apache-2.0
import type { DirectoryEntry } from './directory.ts';

export const domainDn = 'DC=corp,DC=example,DC=test';
export const usersDn = `OU=People,${domainDn}`;
export const groupsDn = `OU=Groups,${domainDn}`;
export const computersDn = `OU=Workstations,${domainDn}`;
const ntdsDn = `CN=NTDS Settings,CN=DC1,CN=Servers,CN=Site,CN=Sites,CN=Configuration,${domainDn}`;
const domainSid = [1, 4, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0];

/** 16 bytes that tell the kind and number of an object, so that no two are the same. */
export function guidBytes(kind: number, number: number): Buffer {
  const bytes = Buffer.alloc(16, kind);
  bytes.writeUInt32LE(number, 12);
  return bytes;
}

/** Of S-1-5-21-1-2-3 with this RID. */
export function sidBytes(rid: number): Buffer {
  const bytes = Buffer.from([...domainSid, 0, 0, 0, 0]);
  bytes[1] = 5;
  bytes.writeUInt32LE(rid, 24);
  return bytes;
}

const common = { whenCreated: '20260101000000.0Z', whenChanged: '20260301120000.0Z' } as const;
const category = (name: string) => ({
  objectCategory: [`CN=${name},CN=Schema,CN=Configuration,${domainDn}`, name],
});

/** A user as Active Directory gives it. `more` replaces or adds attributes. */
export function user(number: number, more: DirectoryEntry['attributes'] = {}): DirectoryEntry {
  const account = `user${number}`;
  return {
    dn: `CN=User ${number},${usersDn}`,
    attributes: {
      ...{ ...common, ...category('person'), objectClass: ['top', 'person', 'organizationalPerson', 'user'] },
      ...{ objectGUID: guidBytes(1, number), objectSid: sidBytes(10_000 + number), cn: `User ${number}` },
      ...{ distinguishedName: `CN=User ${number},${usersDn}`, sAMAccountName: account },
      ...{ userPrincipalName: `${account}@corp.example.test`, displayName: `User ${number}` },
      ...{ mail: `${account}@example.com`, userAccountControl: '512', primaryGroupID: '513' },
      ...{ accountExpires: '9223372036854775807', uSNChanged: String(1_000 + number), ...more },
    },
  };
}

/** A security group, global, with members by DN. */
export function group(
  number: number,
  members: readonly string[],
  more: DirectoryEntry['attributes'] = {},
): DirectoryEntry {
  return {
    dn: `CN=Group ${number},${groupsDn}`,
    attributes: {
      ...{ ...common, ...category('group'), objectClass: ['top', 'group'], cn: `Group ${number}` },
      ...{ objectGUID: guidBytes(2, number), objectSid: sidBytes(500_000 + number) },
      ...{ distinguishedName: `CN=Group ${number},${groupsDn}`, sAMAccountName: `Group ${number}` },
      ...{ groupType: '-2147483646', uSNChanged: String(500_000 + number), member: members, ...more },
    },
  };
}

export function computer(number: number, more: DirectoryEntry['attributes'] = {}): DirectoryEntry {
  return {
    dn: `CN=PC${number},${computersDn}`,
    attributes: {
      ...{ ...common, ...category('computer') },
      ...{ objectClass: ['top', 'person', 'organizationalPerson', 'user', 'computer'], cn: `PC${number}` },
      ...{ objectGUID: guidBytes(3, number), objectSid: sidBytes(800_000 + number) },
      ...{ distinguishedName: `CN=PC${number},${computersDn}`, sAMAccountName: `PC${number}$` },
      ...{ dNSHostName: `pc${number}.corp.example.test`, operatingSystem: 'Windows 11 Enterprise' },
      ...{ operatingSystemVersion: '10.0 (22631)', userAccountControl: '4096', primaryGroupID: '515' },
      ...{ uSNChanged: String(800_000 + number), ...more },
    },
  };
}

/** A domain with so many users, computers and groups of so many members each (the first users). */
export function domain(given: {
  readonly users?: number;
  readonly computers?: number;
  readonly groups?: readonly number[];
}): DirectoryEntry[] {
  const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
  const container = (dn: string, objectClass: string): DirectoryEntry => ({
    dn,
    attributes: { ...common, objectClass: ['top', objectClass], distinguishedName: dn },
  });
  const users = numbers(given.users ?? 0).map((number) => user(number));
  return [
    {
      dn: domainDn,
      attributes: { ...common, objectClass: ['top', 'domainDNS'], objectSid: Buffer.from(domainSid) },
    },
    ...[usersDn, groupsDn, computersDn].map((dn) => container(dn, 'organizationalUnit')),
    { ...container(`CN=Deleted Objects,${domainDn}`, 'container') },
    { dn: ntdsDn, attributes: { ...common, objectClass: ['top', 'nTDSDSA'], invocationId: guidBytes(9, 1) } },
    ...users,
    ...(given.groups ?? []).map((members, number) =>
      group(
        number,
        users.slice(0, members).map(({ dn }) => dn),
      ),
    ),
    ...numbers(given.computers ?? 0).map((number) => computer(number)),
  ];
}

/** What a domain controller says of itself to everybody. */
export function domainRoot(highestCommittedUsn = 1_000_000): DirectoryEntry['attributes'] {
  return {
    defaultNamingContext: domainDn,
    configurationNamingContext: `CN=Configuration,${domainDn}`,
    rootDomainNamingContext: domainDn,
    namingContexts: [domainDn, `CN=Configuration,${domainDn}`],
    dnsHostName: 'dc1.corp.example.test',
    serverName: `CN=DC1,CN=Servers,CN=Site,CN=Sites,CN=Configuration,${domainDn}`,
    dsServiceName: ntdsDn,
    highestCommittedUSN: String(highestCommittedUsn),
    supportedControl: [
      ...['1.2.840.113556.1.4.319', '1.2.840.113556.1.4.417', '1.2.840.113556.1.4.2064'],
      ...['1.2.840.113556.1.4.1339', '1.2.840.113556.1.4.529'],
    ],
    supportedCapabilities: ['1.2.840.113556.1.4.800'],
    isSynchronized: 'TRUE',
    isGlobalCatalogReady: 'TRUE',
    domainFunctionality: '7',
  };
}
