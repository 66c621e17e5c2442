// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';

const podNamespaceFile = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** What kubectl and its libraries fall back to where there is nothing: never what anybody means. */
const nowhere = 'http://localhost:8080';

/** The cluster cannot be told from what was given; the message says why in one sentence. */
export class UnusableKubeConfig extends Error {
  override readonly name = 'UnusableKubeConfig';
}

/**
 * The cluster to talk to: a named file, else what kubectl would take, else the pod's own account.
 * @throws UnusableKubeConfig
 */
export function loadKubeConfig(
  file: string | undefined,
  context: string | undefined,
): { readonly config: KubeConfig; readonly namespace: string | undefined } {
  const config = new KubeConfig();
  const source = sourceOf(file);
  try {
    if (file === undefined) config.loadFromDefault();
    else config.loadFromFile(file);
  } catch (error) {
    throw new UnusableKubeConfig(`${source}: ${firstLine(error)}`);
  }
  if (context !== undefined) {
    if (config.getContextObject(context) === null) {
      const known = config.getContexts().map(({ name }) => name);
      const choice = known.length === 0 ? 'it has none' : `use ${known.join(', ')}`;
      throw new UnusableKubeConfig(`--context ${context}: ${source} has no such context; ${choice}`);
    }
    config.setCurrentContext(context);
  }
  const server = config.getCurrentCluster()?.server;
  if (server === undefined)
    throw new UnusableKubeConfig(`${source} names no cluster; set --kubeconfig or --context`);
  if (file === undefined && !process.env['KUBECONFIG'] && server === nowhere)
    throw new UnusableKubeConfig('there is no kubeconfig and this is no pod; set --kubeconfig or KUBECONFIG');
  const inPod = file === undefined && existsSync(podNamespaceFile);
  return { config, namespace: inPod ? readFileSync(podNamespaceFile, 'utf8').trim() : undefined };
}

function sourceOf(file: string | undefined): string {
  if (file !== undefined) return `--kubeconfig ${file}`;
  const { KUBECONFIG: paths = '' } = process.env;
  return paths === '' ? 'the kubeconfig' : `KUBECONFIG ${paths}`;
}

/** The YAML parser quotes the place under its first line, and a kubeconfig holds credentials. */
function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0] ?? message;
}
