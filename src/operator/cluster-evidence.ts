// SPDX-License-Identifier: Apache-2.0
import type { ExternalSystem, SyncRun } from '../api/resource.ts';
import { clusterRunOf, type ClusterEvidence, type ClusterRun } from '../sync/audit.ts';
import type { KeptHead } from '../sync/chain.ts';
import { isNotFound } from './api-error.ts';
import { keyOf } from './keys.ts';
import type { KubeClient, Resource } from './kube-client.ts';
import { externalSystems, syncRuns } from './kube-cluster.ts';

interface Page<Item> {
  readonly metadata: { readonly continue?: string };
  readonly items: readonly Item[];
}

/** What an audit compares with the archive, of one namespace or all. Needs `list` and `get` on both kinds. */
export async function readClusterEvidence(
  client: KubeClient,
  namespace: string | undefined,
): Promise<ClusterEvidence> {
  // The heads first: a run that ends meanwhile only makes the chain longer.
  const heads = new Map<string, KeptHead>();
  for await (const system of listed<ExternalSystem>(client, externalSystems, namespace)) {
    const head = system.status?.chainHead;
    if (head !== undefined) heads.set(keyOf(system), { ...head, from: 'status.chainHead in the cluster' });
  }
  const runs: ClusterRun[] = [];
  for await (const run of listed<SyncRun>(client, syncRuns, namespace)) runs.push(clusterRunOf(run));
  return {
    runs,
    heads,
    covers: (system) => namespace === undefined || system.startsWith(`${namespace}/`),
    async fetch({ system, name, uid }) {
      try {
        const [of = ''] = system.split('/');
        const found = await client.send<SyncRun>({ verb: 'get', resource: syncRuns, namespace: of, name });
        return found.metadata.uid === uid ? found : undefined;
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
  };
}

async function* listed<Item>(
  client: KubeClient,
  resource: Resource,
  namespace: string | undefined,
): AsyncGenerator<Item> {
  let token = '';
  do {
    const page = await client.send<Page<Item>>({
      verb: 'list',
      resource,
      ...(namespace === undefined ? {} : { namespace }),
      query: { limit: '500', ...(token === '' ? {} : { continue: token }) },
    });
    yield* page.items;
    token = page.metadata.continue ?? '';
  } while (token !== '');
}
