// SPDX-License-Identifier: Apache-2.0
import type { Check } from '../telemetry/http-server.ts';

/** Longer than any watch stays silent (bookmarks come about once a minute) and than any key should wait. */
const longestSilenceMs = 240_000;
const longestWaitMs = 300_000;
/** A Lease is tried every few seconds, whatever the API server says. */
const longestIdleMs = 60_000;

export interface LifeSigns {
  /** Time since the quietest watch last heard of the API server, or failed to. */
  readonly watchSilentMs: number;
  /** The oldest key that waits for a free worker. */
  readonly keyWaitsMs: number;
  /** Time since this replica last tried to renew its Lease. */
  readonly leaseIdleMs: number;
}

/**
 * What a restart could mend: a watch, a queue or a Lease keeper that stands still. Not an API server or a database that is away:
 * then every replica would be restarted again and again, and start slower when it is back.
 */
export function liveChecks({ watchSilentMs, keyWaitsMs, leaseIdleMs }: LifeSigns): readonly Check[] {
  return [
    {
      name: 'watch',
      ok: watchSilentMs < longestSilenceMs,
      detail: `API server heard of ${seconds(watchSilentMs)} ago`,
    },
    { name: 'queue', ok: keyWaitsMs < longestWaitMs, detail: `oldest key waits ${seconds(keyWaitsMs)}` },
    { name: 'lease', ok: leaseIdleMs < longestIdleMs, detail: `tried ${seconds(leaseIdleMs)} ago` },
  ];
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
