// SPDX-License-Identifier: Apache-2.0
import { FaultyProxy, type Dialect } from '../../kit/faulty-proxy.ts';
import type { HttpFault } from './http-faults.ts';
import type { RunningSystem } from './harness.ts';

export interface HttpSystem {
  readonly url: string;
  readonly dialect: Dialect;
  /** The connector's block, with the proxy's address in the place of the system's own. */
  connector(url: string): Readonly<Record<string, unknown>>;
  change(): void | Promise<void>;
  remove(): void | Promise<void>;
  stop(): Promise<void>;
}

/** Any HTTP system, with the proxy in front of it that makes the faults. */
export async function behindProxy(system: HttpSystem): Promise<RunningSystem<HttpFault>> {
  const proxy = await new FaultyProxy(system.url, system.dialect).listen();
  return {
    connector: system.connector(proxy.origin),
    asked: proxy.asked,
    strays: proxy.strays,
    change: async () => system.change(),
    remove: async () => system.remove(),
    fault: (kind, at, times) => proxy.fault(kind, at, times),
    lift: () => proxy.lift(),
    issued: () => proxy.issued(),
    quoteSecrets: () => proxy.quoteSecrets(),
    plant: (canary) => proxy.plant(canary),
    watch: (on) => proxy.watch(on),
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await system.stop();
    },
  };
}
