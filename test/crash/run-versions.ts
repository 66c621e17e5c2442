// SPDX-License-Identifier: Apache-2.0
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { KubeConfig } from '@kubernetes/client-node';
import type { SyncRun } from '../../src/api/resource.ts';
import { KubeClient } from '../../src/operator/kube-client.ts';
import { syncRuns } from '../../src/operator/kube-cluster.ts';

interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: SyncRun;
}

/** Keeps every version that the SyncRuns of a namespace ever had, as the API server tells them. */
export class RunVersions {
  readonly versions: SyncRun[] = [];
  readonly standing = new Set<string>();
  private readonly client: KubeClient;
  private readonly stopped = new AbortController();
  private ended: Promise<void> = Promise.resolve();

  constructor(config: KubeConfig) {
    this.client = new KubeClient(config);
  }

  async watch(namespace: string): Promise<void> {
    const body = await this.client.watch({
      ...{ verb: 'watch', resource: syncRuns, namespace, query: { watch: 'true' } },
      signal: this.stopped.signal,
    });
    this.ended = this.read(body);
    // It is heard of when the watch is stopped.
    this.ended.catch(() => undefined);
  }

  /** Throws when the watch broke: then versions are missing, and nothing can be said. */
  async stop(): Promise<void> {
    this.stopped.abort();
    await this.ended;
    await this.client.close();
  }

  private async read(body: AsyncIterable<Buffer>): Promise<void> {
    try {
      for await (const line of createInterface({ input: Readable.from(body) }))
        this.take(JSON.parse(line) as WatchEvent);
    } catch (error) {
      if (!this.stopped.signal.aborted) throw error;
    }
    if (!this.stopped.signal.aborted) throw new Error('the watch of the SyncRuns ended');
  }

  private take({ type, object }: WatchEvent): void {
    if (type === 'DELETED') this.standing.delete(object.metadata.uid);
    else this.standing.add(object.metadata.uid);
    // What was deleted comes once more as it was.
    if (type !== 'DELETED') this.versions.push(object);
  }
}
