// SPDX-License-Identifier: Apache-2.0
import { isForRows, tooManyRequests } from './faults.ts';
import { ServiceNow } from './index.ts';

/** What an instance does wrong, to try what becomes of it. */
export interface Trials {
  /** Tables that answer 403. */
  readonly forbid: readonly string[];
  /** So many configuration items are counted and not given. */
  readonly hideRows: number;
  /** Every so many requests for rows one is answered 429, to be tried again after a second; 0 for never. */
  readonly throttleEvery: number;
  /** So many configuration items are deleted after a time. */
  readonly deleteAfter: { readonly seconds: number; readonly rows: number } | undefined;
}

export function startTrials(instance: ServiceNow, trials: Trials): void {
  for (const table of trials.forbid) instance.forbidden.add(table);
  if (trials.hideRows > 0) {
    const hidden = new Set(firstItems(trials.hideRows));
    instance.hidden = (_, field) => hidden.has(field('sys_id'));
  }
  if (trials.throttleEvery > 0) {
    let asked = 0;
    instance.faults.add({
      when: (one) => isForRows(one) && (asked += 1) % trials.throttleEvery === 0,
      answer: tooManyRequests(1),
    });
  }
  const { deleteAfter } = trials;
  if (deleteAfter === undefined) return;
  const remove = () => firstItems(deleteAfter.rows).forEach((id) => instance.remove('cmdb_ci', id));
  setTimeout(remove, deleteAfter.seconds * 1000).unref();
}

function firstItems(count: number): string[] {
  return Array.from({ length: count }, (_, index) => ServiceNow.id('0c', index));
}
