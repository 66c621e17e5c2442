// SPDX-License-Identifier: Apache-2.0
import type { LdapEntry, RootDse } from './client.ts';
import { generalizedTime } from './generalized-time.ts';

/** By name: `*` does not give the operational ones everywhere. */
export const rootAttributes: readonly string[] = [
  'defaultNamingContext',
  'configurationNamingContext',
  'schemaNamingContext',
  'rootDomainNamingContext',
  'namingContexts',
  'dnsHostName',
  'serverName',
  'dsServiceName',
  'highestCommittedUSN',
  'supportedControl',
  'supportedCapabilities',
  'supportedLDAPPolicies',
  'domainFunctionality',
  'forestFunctionality',
  'isGlobalCatalogReady',
  'isSynchronized',
  'currentTime',
];

export function rootDseOf(entry: LdapEntry): RootDse {
  const texts = (name: string) => entry.values(name).filter((value) => typeof value === 'string');
  const usn = entry.text('highestCommittedUSN');
  const time = entry.text('currentTime');
  const synchronized = entry.text('isSynchronized');
  return {
    defaultNamingContext: entry.text('defaultNamingContext'),
    configurationNamingContext: entry.text('configurationNamingContext'),
    namingContexts: texts('namingContexts'),
    dnsHostName: entry.text('dnsHostName'),
    serverName: entry.text('serverName'),
    dsServiceName: entry.text('dsServiceName'),
    highestCommittedUsn: usn !== undefined && /^\d+$/u.test(usn) ? BigInt(usn) : undefined,
    supportedControls: new Set(texts('supportedControl')),
    supportedCapabilities: new Set(texts('supportedCapabilities')),
    synchronized: synchronized === undefined ? undefined : synchronized.toUpperCase() === 'TRUE',
    currentTime: time === undefined ? undefined : generalizedTime(time),
    entry,
  };
}
