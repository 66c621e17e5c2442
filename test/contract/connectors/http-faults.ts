// SPDX-License-Identifier: Apache-2.0
import type { FaultFacts } from './fault-facts.ts';

/** What goes wrong over HTTP. They are made by the proxy of test/kit/faulty-proxy.ts, in front of any emulator. */
export const httpFaults = {
  'status 401': { codes: ['credentials'] },
  'status 403': { codes: ['permission'] },
  'status 429': { codes: ['throttled'], passes: true },
  'status 429 with Retry-After': { codes: ['throttled'], passes: true },
  'status 500': { codes: ['unavailable'], passes: true },
  'status 503 with Retry-After': { codes: ['unavailable'], passes: true },
  reset: { codes: ['unavailable'], passes: true },
  'cut off in the body': { codes: ['unavailable'], passes: true },
  'half a body': { codes: ['unavailable'], passes: true },
  'an HTML page with 200': { codes: ['unavailable'], passes: true },
  'a slow drip': { codes: ['unavailable'], passes: true },
  'an empty body': { codes: ['unavailable'], passes: true },
  'a huge page': { codes: ['contract'] },
  'garbage rows': { codes: ['contract'] },
  'the page before again': { codes: ['contract'], mayBeHarmless: true },
  'the same link again': { codes: ['contract'] },
  'pages without end': { codes: ['contract', 'cancelled'] },
  'a link to another host': { codes: ['contract'] },
} as const satisfies Readonly<Record<string, FaultFacts>>;

export type HttpFault = keyof typeof httpFaults;
