// SPDX-License-Identifier: Apache-2.0
import { audiences } from '../api/failure.ts';
import type { Store, StreamFailure } from '../store/port.ts';

export interface ContactedSystem {
  readonly key: string;
  readonly uid: string;
  readonly generation: number;
}

/**
 * Who must act where a run could not reach the external system. An outage passes by itself, however long it takes; but as long as no run has come through
 * with this spec, nothing has shown that its address is right, and waiting may never help: then whoever wrote it looks first.
 */
export async function whoReaches(
  store: Pick<Store, 'hasRead'>,
  { key, uid, generation }: ContactedSystem,
  { code, audience }: StreamFailure,
): Promise<string | undefined> {
  if (code !== 'unavailable' || audience !== undefined) return audience;
  return (await store.hasRead(key, uid, generation)) ? undefined : audiences.owner;
}
