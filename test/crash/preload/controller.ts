// SPDX-License-Identifier: Apache-2.0
import { Controller as Real } from '../../../src/operator/controller.ts';
import { KubeClient, type KubeRequest } from '../../../src/operator/kube-client.ts';
import type { ControllerOptions } from '../../../src/operator/parts.ts';
import { passBoundary } from './process-boundary.ts';

/** So that a takeover takes seconds; well above what a busy machine needs to answer. */
const leaseTimes = { durationMs: 3_000, renewDeadlineMs: 2_000, retryMs: 400 };
/** Renewed by the clock, and told of what was done: neither is part of it. */
const uncounted: ReadonlySet<string> = new Set(['leases', 'events', 'namespaces']);

const send = Reflect.get(KubeClient.prototype, 'send');

/** Every request about the objects of the operator is a boundary. */
KubeClient.prototype.send = function sendAtBoundary<T>(this: KubeClient, request: KubeRequest): Promise<T> {
  const { verb, resource } = request;
  const answer = () => send.call<KubeClient, [KubeRequest], Promise<T>>(this, request);
  return uncounted.has(resource.plural) ? answer() : passBoundary(`${verb} ${resource.plural}`, answer);
};

/** With Leases that are short. */
export class Controller extends Real {
  constructor(options: ControllerOptions) {
    super({ ...options, leaseTimes });
  }
}
