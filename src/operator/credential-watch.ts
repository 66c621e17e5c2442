// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';
import type { ExternalSystem } from '../api/resource.ts';
import type { ClusterPort, SecretContent } from './cluster-port.ts';

/** The identity of a Secret's content, for the name of the run that it causes. */
export interface ChangedSecret {
  readonly uid: string;
  readonly resourceVersion: string;
}

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

  /** The Secret when its data differ from those that were tried; undefined when nothing changed. */
  async changed(key: string, system: ExternalSystem): Promise<ChangedSecret | undefined> {
    const name = system.spec.auth.secretRef?.name;
    if (name === undefined) return undefined;
    const current = await this.cluster.getSecret(system.metadata.namespace, name);
    if (!this.tried.has(key)) {
      this.tried.set(key, current);
      return undefined;
    }
    const before = this.tried.get(key);
    if (current === undefined || isDeepStrictEqual(before?.data, current.data)) return undefined;
    this.tried.set(key, current);
    return current;
  }

  /** Remembers what a run has just read, so that a change during the run is seen as one. */
  remember(key: string, content: SecretContent | undefined): void {
    this.tried.set(key, content);
  }

  forget(key: string): void {
    this.tried.delete(key);
  }
}
