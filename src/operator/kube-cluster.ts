// SPDX-License-Identifier: Apache-2.0
import {
  apiVersion,
  externalSystemKind,
  externalSystemPlural,
  group,
  syncRunKind,
  syncRunPlural,
  version,
} from '../api/group.ts';
import type { ExternalSystem, SyncRun } from '../api/resource.ts';
import { isAlreadyExists, isConflict, isNotFound } from './api-error.ts';
import type { ClusterPort, SecretContent } from './cluster-port.ts';
import type { KubeClient, Resource } from './kube-client.ts';

export const externalSystems: Resource = { group, version, plural: externalSystemPlural };
export const syncRuns: Resource = { group, version, plural: syncRunPlural };
const secrets: Resource = { group: '', version: 'v1', plural: 'secrets' };

interface SecretObject {
  readonly metadata: { readonly uid: string; readonly resourceVersion: string };
  readonly data?: Readonly<Record<string, string>>;
}

interface SyncRunList {
  readonly metadata: { readonly continue?: string };
  readonly items: readonly SyncRun[];
}

/** The writes and reads of reconciling, on a real API server. */
export function kubeCluster(client: KubeClient): ClusterPort {
  const ifThere = <T>(found: Promise<T>): Promise<T | undefined> =>
    found.catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });

  return {
    async createRun({ namespace, name, spec, owner }) {
      const metadata = {
        name,
        namespace,
        ...(owner === undefined
          ? {}
          : { ownerReferences: [{ apiVersion, kind: externalSystemKind, ...owner, controller: true }] }),
      };
      try {
        return await client.send<SyncRun>({
          verb: 'create',
          resource: syncRuns,
          namespace,
          body: { apiVersion, kind: syncRunKind, metadata, spec },
        });
      } catch (error) {
        if (isAlreadyExists(error)) return undefined;
        throw error;
      }
    },
    getRun: (namespace, name) =>
      ifThere(client.send<SyncRun>({ verb: 'get', resource: syncRuns, namespace, name })),
    async runsOf(namespace, systemName) {
      const query = { fieldSelector: `spec.systemRef.name=${systemName}`, limit: '500' };
      const found: SyncRun[] = [];
      let token = '';
      do {
        const page = await client.send<SyncRunList>({
          verb: 'list',
          resource: syncRuns,
          namespace,
          query: token === '' ? query : { ...query, continue: token },
        });
        found.push(...page.items);
        token = page.metadata.continue ?? '';
      } while (token !== '');
      return found;
    },
    // An empty list is a statement. Not found, for one object, may also mean that the kind itself is not there.
    async hasSystem(namespace, name) {
      const found = await client.send<{ readonly items: readonly unknown[] }>({
        verb: 'list',
        resource: externalSystems,
        namespace,
        query: { fieldSelector: `metadata.name=${name}` },
      });
      return found.items.length > 0;
    },
    updateRunStatus: (run, status) =>
      client.send<SyncRun>({
        verb: 'update',
        resource: syncRuns,
        namespace: run.metadata.namespace,
        name: run.metadata.name,
        subresource: 'status',
        body: { ...run, apiVersion, kind: syncRunKind, status },
      }),
    async deleteRun(namespace, name, uid) {
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        preconditions: { uid },
        propagationPolicy: 'Background',
      };
      await client
        .send({ verb: 'delete', resource: syncRuns, namespace, name, body })
        .catch((error: unknown) => {
          // Gone, or another object of that name: either way ours is not there any more.
          if (!isNotFound(error) && !isConflict(error)) throw error;
        });
    },
    updateSystemStatus: (system, status) =>
      client.send<ExternalSystem>({
        verb: 'update',
        resource: externalSystems,
        namespace: system.metadata.namespace,
        name: system.metadata.name,
        subresource: 'status',
        body: { ...system, apiVersion, kind: externalSystemKind, status },
      }),
    async getSecret(namespace, name): Promise<SecretContent | undefined> {
      const secret = await ifThere(
        client.send<SecretObject>({ verb: 'get', resource: secrets, namespace, name }),
      );
      if (secret === undefined) return undefined;
      const { uid, resourceVersion } = secret.metadata;
      return { uid, resourceVersion, data: secret.data ?? {} };
    },
  };
}
