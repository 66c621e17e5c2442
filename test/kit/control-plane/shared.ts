// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CoreV1Api } from '@kubernetes/client-node';
import { inject } from 'vitest';
import { clusterAccess, type ClusterAccess } from './access.ts';
import { waitFor } from '../wait.ts';

const crdFolder = fileURLToPath(new URL('../../../crds', import.meta.url));

let shared: ClusterAccess | undefined;
let applied: Promise<readonly string[]> | undefined;

/**
 * The control plane of this test run, shared by all cluster tests, so work in a `freshNamespace()` and never stop it. For
 * a restart, an audit log or the controller manager, start an own one: `startControlPlane(sharedCluster().binaries)`.
 * Call it inside tests and hooks, not while a test file is read: without a control plane it throws.
 */
export function sharedCluster(): ClusterAccess {
  const provided = inject('controlPlane');
  if (provided === undefined)
    throw new Error('only the tests of the cluster project have a control plane: *.cluster.test.ts');
  if (provided.state === 'missing') throw new Error(provided.reason);
  shared ??= clusterAccess(provided.address);
  return shared;
}

/** A new empty namespace. Nobody deletes it: it goes with the control plane. */
export async function freshNamespace(
  cluster: ClusterAccess = sharedCluster(),
  prefix = 'test',
): Promise<string> {
  const name = `${prefix}-${randomBytes(5).toString('hex')}`;
  const api = cluster.kubeConfig().makeApiClient(CoreV1Api);
  await api.createNamespace({ body: { metadata: { name } } });
  return name;
}

/** Applies the files of `crds/` to the shared cluster, once per test file, and gives the names of the definitions. */
export function applyCrds(): Promise<readonly string[]> {
  applied ??= applyCrdsTo(sharedCluster());
  return applied;
}

/**
 * Applies the definitions of a folder, `crds/` by default, and waits until their resources can be listed: a new one is Established first, and answers
 * 404 or 429 for a moment longer.
 */
export async function applyCrdsTo(cluster: ClusterAccess, folder = crdFolder): Promise<readonly string[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.yaml')).toSorted();
  if (files.length === 0) throw new Error(`${folder} has no *.yaml file: generate the CRDs first`);
  const args = files.flatMap((file) => ['--filename', join(folder, file)]);
  const output = await cluster.kubectl([
    'apply',
    '--server-side',
    '--force-conflicts',
    '--output',
    'name',
    ...args,
  ]);
  const names = output
    .split('\n')
    .filter((line) => line.startsWith('customresourcedefinition'))
    .map((line) => line.slice(line.indexOf('/') + 1));
  await cluster.kubectl([
    'wait',
    '--for=condition=Established',
    '--timeout=60s',
    ...names.map((name) => `crd/${name}`),
  ]);
  for (const name of names) {
    const listed = async () => {
      await cluster.kubectl(['get', name, '--all-namespaces', '--output', 'name']);
      return true;
    };
    await waitFor(`${name} to be served`, listed);
  }
  return names;
}
