// SPDX-License-Identifier: Apache-2.0
import type { FaultFacts } from './fault-facts.ts';

/** What goes wrong over LDAP. `wrong password` is a bind that is refused: 49. The numbers are result codes of RFC 4511. */
export const ldapFaults = {
  'result 49, wrong password': { codes: ['credentials'] },
  'result 50, insufficient rights': { codes: ['permission'] },
  'result 51, busy': { codes: ['unavailable', 'throttled'], passes: true },
  'result 52, unavailable': { codes: ['unavailable'], passes: true },
  reset: { codes: ['unavailable'], passes: true },
  'cut off in a message': { codes: ['unavailable'], passes: true },
  silence: { codes: ['unavailable'], slow: true },
  'a slow drip': { codes: ['unavailable'], slow: true },
  'a huge message': { codes: ['contract', 'unavailable'] },
  'garbage entries': { codes: ['contract'] },
  'a referral': { codes: ['configuration', 'permission', 'contract'] },
  'result 4, size limit': { codes: ['permission', 'contract', 'configuration'] },
  'pages without end': { codes: ['contract', 'cancelled'] },
} as const satisfies Readonly<Record<string, FaultFacts>>;

export type LdapFault = keyof typeof ldapFaults;
