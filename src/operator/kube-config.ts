// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';

const podNamespaceFile = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** The cluster to talk to: a named file, else what kubectl would take, else the pod's own account. */
export function loadKubeConfig(
  file: string | undefined,
  context: string | undefined,
): { readonly config: KubeConfig; readonly namespace: string | undefined } {
  const config = new KubeConfig();
  if (file === undefined) config.loadFromDefault();
  else config.loadFromFile(file);
  if (context !== undefined) {
    if (config.getContextObject(context) === null)
      throw new Error(`--context ${context}: the kubeconfig has no such context`);
    config.setCurrentContext(context);
  }
  const inPod = file === undefined && existsSync(podNamespaceFile);
  return { config, namespace: inPod ? readFileSync(podNamespaceFile, 'utf8').trim() : undefined };
}
