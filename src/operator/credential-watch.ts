// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';
import type { ExternalSystem } from '../api/resource.ts';
import type { ClusterPort, SecretContent } from './cluster-port.ts';

/**
 * Looks again at Secrets whose content is known to be bad, and only at those. What was tried is kept in memory until the
 * system works again, to be compared; no hash of it is kept anywhere.
 */
export class CredentialWatch {
  private readonly cluster: ClusterPort;
  private readonly tried = new Map<string, SecretContent | undefined>();

  constructor(cluster: ClusterPort) {
    this.cluster = cluster;
  }

  /**
   * The Secret while its data differ from those that were tried; undefined when nothing changed. It is the same answer until
   * `remember` says that a run was made for it: another run, or an API server that is away, must not lose the change.
   */
  async changed(key: string, system: ExternalSystem): Promise<SecretContent | undefined> {
    const name = system.spec.auth.secretRef?.name;
    if (name === undefined) return undefined;
    const current = await this.cluster.getSecret(system.metadata.namespace, name);
    if (!this.tried.has(key)) {
      this.tried.set(key, current);
      return undefined;
    }
    const before = this.tried.get(key);
    return isDeepStrictEqual(before?.data, current?.data) ? undefined : current;
  }

  /** What a run has read, or what one was made for: what a change is judged against from here on. */
  remember(key: string, content: SecretContent | undefined): void {
    this.tried.set(key, content);
  }

  forget(key: string): void {
    this.tried.delete(key);
  }
}
