// SPDX-License-Identifier: Apache-2.0
import type { ObjectMeta, SyncRun } from '../api/resource.ts';

/** `namespace/name`, by which objects are cached and queued. */
export function keyOf(object: { readonly metadata: ObjectMeta }): string {
  return `${object.metadata.namespace}/${object.metadata.name}`;
}

/** `namespace/name` of the system that a run is for. */
export function systemKeyOf(run: SyncRun): string {
  return `${run.metadata.namespace}/${run.spec.systemRef.name}`;
}

/** What a run is known by upstream, in rows and on every line of the log. */
export function correlationIdOf(run: SyncRun): string {
  return run.spec.correlationId ?? run.metadata.uid;
}
