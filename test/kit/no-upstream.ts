// SPDX-License-Identifier: Apache-2.0
import type { Upstream } from '../../src/sync/upstream-side.ts';

function unused(): never {
  throw new Error('the fake connector sends no requests');
}

/** The upstream side of a run whose connector makes its rows up itself. */
export function noUpstream(): Upstream {
  return {
    http: unused,
    ldap: unused,
    usage: { requests: 0, bytes: 0, throttledMs: 0 },
    clockOf: () => undefined,
    close: () => Promise.resolve(),
  };
}
