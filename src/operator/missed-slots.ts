// SPDX-License-Identifier: Apache-2.0
import type { ExternalSystem } from '../api/resource.ts';
import type { MissedSlots } from '../api/sync-run.ts';
import type { Store } from '../store/port.ts';
import { missedBetween, resolveSchedule } from '../sync/schedule.ts';

/**
 * The slots between this one and the one before it that got a run: the same answer for every attempt of its run, and for a run
 * that is not carried out.
 */
export async function missedSlotsOf(
  store: Store,
  system: ExternalSystem,
  slot: Date | undefined,
): Promise<MissedSlots | undefined> {
  if (slot === undefined) return undefined;
  const { uid } = system.metadata;
  const schedule = resolveSchedule(system.spec.schedule, uid);
  if ('problem' in schedule) return undefined;
  return missedBetween(schedule, await store.slotBefore(uid, slot), slot);
}
