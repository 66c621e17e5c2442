// SPDX-License-Identifier: Apache-2.0
import { expect } from 'vitest';
import type { StreamName } from '../../../connectors/entra-id/config.ts';
import { RunStop } from '../../../src/sync/control.ts';
import type { Entity } from '../../simulators/graph/directory.ts';
import type { EntraBench, RunOptions } from './bench.ts';

const streams = ['users', 'groups', 'memberships', 'devices', 'managedDevices', 'ssoApplications'] as const;

/** The configuration that reads one stream. */
export function only(name: StreamName) {
  return { streams: Object.fromEntries(streams.filter((one) => one !== name).map((one) => [one, false])) };
}

/** Someone of the tenant, by their place. */
export function at(
  bench: EntraBench,
  type: 'user' | 'group' | 'device' | 'servicePrincipal',
  index: number,
): Entity {
  const found = [...bench.graph.tenant.directory.objects[type]][index];
  if (found === undefined) throw new Error(`the tenant has no ${type} ${index}`);
  return found;
}

/** Ids of the memberships that stand in the directory, in order; service principals left out. */
export function standingMemberships(bench: EntraBench): string[] {
  const { directory } = bench.graph.tenant;
  return [...directory.objects.group]
    .flatMap((group) =>
      [...directory.related('members', group.id)]
        .filter(({ type }) => type !== 'servicePrincipal')
        .map((member) => `${group.id}/${member.id}`),
    )
    .toSorted();
}

export function memberOf(bench: EntraBench, group: string): string {
  const [member] = bench.graph.tenant.directory.related('members', group);
  if (member === undefined) throw new Error(`${group} has no members`);
  return member.id;
}

/** A run that is shut down once so many pages of a stream are written: another attempt may take it over. */
export async function interrupted(
  bench: EntraBench,
  { stream, pages = 2, ...options }: RunOptions & { readonly stream: StreamName; readonly pages?: number },
): Promise<void> {
  const stop = new AbortController();
  const onPage = (name: string, written: number) => {
    if (name === stream && written === pages) stop.abort(new RunStop('shutdown', 'stopped'));
  };
  await expect(bench.run({ uid: 'x', ...options, signal: stop.signal, onPage })).rejects.toThrow('stopped');
  bench.asked();
}
