// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseRefused, type Store } from '../store/port.ts';
import type { Check } from '../telemetry/http-server.ts';
import { isForbidden } from './api-error.ts';
import type { KubeClient } from './kube-client.ts';

const namespaces = { group: '', version: 'v1', plural: 'namespaces' } as const;
/** Made with the cluster and never again: its uid is what the field takes for the identity of a cluster. */
const oldestNamespace = 'kube-system';

export interface InstallationOptions {
  readonly client: Pick<KubeClient, 'send'>;
  readonly store: Pick<Store, 'bind'>;
  /** The installation that the database may be taken over from. */
  readonly adopt: string | undefined;
  readonly onAdopted: (from: string, installation: string) => void;
  readonly onError: (error: unknown) => void;
  readonly tryAgainMs?: number;
}

/**
 * Binds the database to this cluster before anything is watched. The operators of one cluster may share a database: their systems
 * have different names, and each is held by one run. What is away, or not yet allowed, is waited for.
 */
export class Installation {
  private readonly options: InstallationOptions;
  private detail = 'not known yet';
  private bound = false;

  constructor(options: InstallationOptions) {
    this.options = options;
  }

  get check(): Check {
    return { name: 'installation', ok: this.bound, detail: this.detail };
  }

  /** Answers once the database is bound, or the signal fires. Throws DatabaseRefused when it belongs to another cluster. */
  async bind(signal: AbortSignal): Promise<void> {
    const { onError, tryAgainMs = 5_000 } = this.options;
    for (;;) {
      try {
        return await this.tryToBind(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof DatabaseRefused) throw error;
        this.detail = error instanceof Error ? error.message : String(error);
        onError(error);
      }
      await delay(tryAgainMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
    }
  }

  private async tryToBind(signal: AbortSignal): Promise<void> {
    const { store, adopt, onAdopted } = this.options;
    const installation = await this.clusterUid(signal);
    const from = await store.bind(installation, adopt);
    this.detail = installation;
    this.bound = true;
    if (from !== undefined) onAdopted(from, installation);
  }

  private async clusterUid(signal: AbortSignal): Promise<string> {
    const { client } = this.options;
    const request = { verb: 'get', resource: namespaces, name: oldestNamespace, signal } as const;
    const { metadata } = await client
      .send<{ readonly metadata: { readonly uid: string } }>(request)
      .catch((error: unknown) => {
        if (!isForbidden(error)) throw error;
        const needed = `get on the namespace ${oldestNamespace}, whose uid tells this cluster from others`;
        throw new Error(`the operator's account lacks ${needed}; grant it`, { cause: error });
      });
    return metadata.uid;
  }
}
