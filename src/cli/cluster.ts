// SPDX-License-Identifier: Apache-2.0
import { ApiError } from '../operator/api-error.ts';
import { KubeClient } from '../operator/kube-client.ts';
import { loadKubeConfig, UnusableKubeConfig } from '../operator/kube-config.ts';
import { CommandFailed } from './command.ts';
import { InputError } from './manifests.ts';

/** The flags that name the cluster, for commands that speak to it as the person who types. */
export const clusterOptions = {
  kubeconfig: { type: 'string' },
  context: { type: 'string' },
  namespace: { type: 'string', short: 'n' },
} as const;

export const clusterUsage = `      --kubeconfig FILE           instead of KUBECONFIG or ~/.kube/config
      --context NAME              of the kubeconfig
  -n, --namespace NAME            namespace of the objects (default: that of the context, else default)`;

export interface ClusterFlags {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly namespace?: string | undefined;
}

/** The cluster of the flags. Throws InputError when it cannot be told which one is meant. */
export function kubeConfigOf({
  kubeconfig,
  context,
}: Omit<ClusterFlags, 'namespace'>): ReturnType<typeof loadKubeConfig> {
  try {
    return loadKubeConfig(kubeconfig, context);
  } catch (error) {
    if (error instanceof UnusableKubeConfig) throw new InputError(error.message);
    throw error;
  }
}

export interface Cluster {
  readonly client: KubeClient;
  readonly namespace: string;
}

/**
 * Works with the cluster of the flags, and closes the connection.
 * @throws InputError when it cannot be told which cluster is meant, CommandFailed with the words of the API server
 */
export async function withCluster<T>(
  flags: ClusterFlags,
  work: (cluster: Cluster) => Promise<T>,
): Promise<T> {
  const { config, namespace: podNamespace } = kubeConfigOf(flags);
  const client = new KubeClient(config);
  const ofContext = config.getContextObject(config.getCurrentContext())?.namespace;
  const namespace = flags.namespace ?? podNamespace ?? ofContext ?? 'default';
  try {
    return await work({ client, namespace });
  } catch (error) {
    if (error instanceof ApiError) throw new CommandFailed(error.message);
    throw error;
  } finally {
    await client.close();
  }
}
