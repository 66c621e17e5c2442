// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { downloadEnvtest, envtestIndexUrl } from './archive.ts';
import {
  cachedVersions,
  cacheRoot,
  executable,
  inspectFolder,
  kubernetesVersion,
  type ControlPlaneBinaries,
  type Lookup,
} from './binaries.ts';
import { buildFromModules } from './build.ts';

export type { ControlPlaneBinaries } from './binaries.ts';

export interface ResolveOptions {
  /** Told what is being done and how long it takes; one line without a line end. */
  readonly progress: (line: string) => void;
  /** Whether a `go build` of several minutes is acceptable. */
  readonly allowBuild: boolean;
  /** Also find or build kube-controller-manager; otherwise it is given only where it happens to be. */
  readonly controllerManager?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  readonly indexUrl?: string;
}

/** No place had a control plane. The message lists each place with its reason, and what to install. */
export class ControlPlaneUnavailable extends Error {
  override readonly name = 'ControlPlaneUnavailable';
  readonly tried: readonly string[];

  constructor(tried: readonly string[]) {
    super(
      [
        'no Kubernetes control plane could be had. Looked at:',
        ...tried.map((line) => `  - ${line}`),
        'Any one of these helps: install Go 1.26 or later (https://go.dev/dl/) so that it can be built from the Go modules;',
        'or let this machine reach https://raw.githubusercontent.com and https://github.com, where the official envtest archive is;',
        'or set KUBEBUILDER_ASSETS to a folder with kube-apiserver, etcd and kubectl of Kubernetes 1.32 or later.',
      ].join('\n'),
    );
    this.tried = tried;
  }
}

/**
 * Finds the programs of a control plane: KUBEBUILDER_ASSETS, the user's cache, the official envtest archive, a build from
 * the Go modules, in this order. Tests, demo and benchmarks all come through here.
 * @throws ControlPlaneUnavailable with every place's reason
 */
export async function resolveControlPlane(options: ResolveOptions): Promise<ControlPlaneBinaries> {
  const tried: string[] = [];
  const base = await findBase(options, tried);
  if (options.controllerManager !== true || base.controllerManager !== undefined) return base;
  return { ...base, controllerManager: await findControllerManager(options, tried) };
}

async function findBase(options: ResolveOptions, tried: string[]): Promise<ControlPlaneBinaries> {
  const env = options.env ?? process.env;
  const cache = cacheRoot(env);
  const places = [
    () => fromAssets(env, options.progress),
    () => fromCache(cache),
    () => fromDownload(options, cache),
    () => fromBuild(options, env, cache),
  ];
  for (const look of places) {
    const found = await look();
    if ('binaries' in found) return found.binaries;
    tried.push(found.miss);
  }
  throw new ControlPlaneUnavailable(tried);
}

async function fromAssets(env: NodeJS.ProcessEnv, progress: (line: string) => void): Promise<Lookup> {
  const folder = env['KUBEBUILDER_ASSETS'];
  if (!folder) return { miss: 'KUBEBUILDER_ASSETS is not set' };
  const found = await inspectFolder(folder, 'KUBEBUILDER_ASSETS');
  if ('binaries' in found) return found;
  progress(`control plane: KUBEBUILDER_ASSETS is set but of no use: ${found.miss}; looking elsewhere`);
  return { miss: `KUBEBUILDER_ASSETS: ${found.miss}` };
}

async function fromCache(cache: string): Promise<Lookup> {
  const misses: string[] = [];
  for (const version of await cachedVersions(cache)) {
    const found = await inspectFolder(join(cache, version), 'cache');
    if ('binaries' in found) return found;
    misses.push(found.miss);
  }
  return { miss: misses.length === 0 ? `nothing in the cache ${cache}` : misses.join('; ') };
}

async function fromDownload(options: ResolveOptions, cache: string): Promise<Lookup> {
  const indexUrl = options.indexUrl ?? envtestIndexUrl;
  options.progress('control plane: looking for the official envtest archive');
  const found = await downloadEnvtest({ cache, indexUrl, progress: options.progress });
  if ('miss' in found) options.progress(`control plane: ${found.miss}`);
  return found;
}

async function fromBuild(options: ResolveOptions, env: NodeJS.ProcessEnv, cache: string): Promise<Lookup> {
  if (!options.allowBuild) return { miss: 'a build from the Go modules was not asked for' };
  const folder = join(cache, kubernetesVersion);
  const names = ['etcd', 'kube-apiserver', 'kubectl'] as const;
  const miss = await buildFromModules({ names, folder, env, progress: options.progress });
  return miss === undefined ? inspectFolder(folder, 'build') : { miss };
}

async function findControllerManager(options: ResolveOptions, tried: readonly string[]): Promise<string> {
  const env = options.env ?? process.env;
  const folder = join(cacheRoot(env), kubernetesVersion);
  const cached = await executable(folder, 'kube-controller-manager');
  if (cached !== undefined) return cached;
  const miss = options.allowBuild
    ? await buildFromModules({ names: ['kube-controller-manager'], folder, env, progress: options.progress })
    : 'a build of kube-controller-manager from the Go modules was not asked for';
  if (miss !== undefined) throw new ControlPlaneUnavailable([...tried, miss]);
  return join(folder, 'kube-controller-manager');
}
