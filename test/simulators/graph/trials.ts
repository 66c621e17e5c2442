// SPDX-License-Identifier: Apache-2.0
import { isRequest, throttled } from './faults.ts';
import type { Graph } from './index.ts';
import { everyRole, type Licences } from './world.ts';

/** What a tenant lacks and does wrong, to try what becomes of it. */
export interface Trials {
  /** Permissions without consent. */
  readonly withhold: readonly string[];
  readonly without: readonly (keyof Licences)[];
  readonly pageSize: number | undefined;
  /** Every so many requests of Graph one is answered 429, to be tried again after a second; 0 for never. */
  readonly throttleEvery: number;
  /** So many users are deleted after a time. */
  readonly deleteAfter: { readonly seconds: number; readonly rows: number } | undefined;
}

/** Throws for a permission that the emulator does not know. */
export function startTrials(graph: Graph, trials: Trials): void {
  for (const role of trials.withhold) {
    if (!graph.roles.delete(role)) throw new Error(`--withhold ${role}: use one of ${everyRole.join(', ')}`);
  }
  for (const licence of trials.without) graph.licences[licence] = false;
  graph.quirks.pageSize = trials.pageSize ?? graph.quirks.pageSize;
  if (trials.throttleEvery > 0) {
    let asked = 0;
    graph.faults.add({
      when: (one) => isRequest(one) && (asked += 1) % trials.throttleEvery === 0,
      answer: throttled(1),
    });
  }
  const { deleteAfter } = trials;
  if (deleteAfter === undefined) return;
  const { directory } = graph.tenant;
  const remove = () =>
    [...directory.objects.user].slice(0, deleteAfter.rows).forEach(({ id }) => directory.remove(id));
  setTimeout(remove, deleteAfter.seconds * 1000).unref();
}
