// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { access, constants, readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What a build makes and the cache is asked for. The module files under `modules/` pin the same version. */
export const kubernetesVersion = 'v1.37.2';
/** Selectable fields of custom resources are on by default from here. */
const oldestMinor = 32;

/** Programs that can be built from `modules/`: of the control plane, of a node that runs pods, and Helm. */
export type BinaryName =
  | 'etcd'
  | 'kube-apiserver'
  | 'kubectl'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kube-proxy'
  | 'kubelet'
  | 'containerd'
  | 'containerd-shim-runc-v2'
  | 'ctr'
  | 'bridge'
  | 'loopback'
  | 'host-local'
  | 'coredns'
  | 'pause'
  | 'helm';
export type BinarySource = 'KUBEBUILDER_ASSETS' | 'cache' | 'download' | 'build';

/** Absolute paths of programs that were run once and answered. */
export interface ControlPlaneBinaries {
  readonly etcd: string;
  readonly apiserver: string;
  readonly kubectl: string;
  /** Garbage collection and namespace deletion; no part of the official envtest archive. */
  readonly controllerManager?: string;
  /** Of kube-apiserver, such as `v1.37.2`. */
  readonly version: string;
  readonly source: BinarySource;
}

/** Either the programs or the reason, fit to be shown, why a place does not have them. */
export type Lookup = { readonly binaries: ControlPlaneBinaries } | { readonly miss: string };

const run = promisify(execFile);

/** `$XDG_CACHE_HOME` or `~/.cache`, then the project's own folder: outside the checkout, because `npm ci` empties node_modules. */
export function cacheFolder(env: NodeJS.ProcessEnv, name: string): string {
  const base = env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache');
  return join(base, 'externalsystem-operator', name);
}

export function cacheRoot(env: NodeJS.ProcessEnv): string {
  return cacheFolder(env, 'control-plane');
}

/** The path of the program when it is there and can be executed. */
export async function executable(folder: string, name: BinaryName): Promise<string | undefined> {
  const path = join(folder, name);
  try {
    await access(path, constants.X_OK);
    return path;
  } catch {
    return undefined;
  }
}

/** Runs the programs once: that one does not work must not be found out by the tests. */
export async function inspectFolder(folder: string, source: BinarySource): Promise<Lookup> {
  const [etcd, apiserver, kubectl, controllerManager] = await Promise.all([
    executable(folder, 'etcd'),
    executable(folder, 'kube-apiserver'),
    executable(folder, 'kubectl'),
    executable(folder, 'kube-controller-manager'),
  ]);
  if (etcd === undefined || apiserver === undefined || kubectl === undefined) {
    const missing = Object.entries({ etcd, 'kube-apiserver': apiserver, kubectl }).filter(
      ([, path]) => path === undefined,
    );
    return { miss: `${folder} has no ${missing.map(([name]) => name).join(', ')}` };
  }
  try {
    const [stdout] = await Promise.all([
      ask('kube-apiserver', apiserver),
      ask('etcd', etcd),
      ask('kubectl', kubectl),
    ]);
    const version = /v\d+\.\d+\.\S+/.exec(stdout)?.[0];
    if (version === undefined) return { miss: `${apiserver} does not say which version it is` };
    if (minorOf(version) < oldestMinor) {
      return { miss: `${apiserver} is Kubernetes ${version}; 1.${oldestMinor} or later is needed` };
    }
    const base = { etcd, apiserver, kubectl, version, source };
    return { binaries: controllerManager === undefined ? base : { ...base, controllerManager } };
  } catch (error) {
    return {
      miss: `a program in ${folder} does not run: ${error instanceof Error ? error.message.trim() : String(error)}`,
    };
  }
}

/** Where `--version` is not what says it. */
const versionArgs: Readonly<Partial<Record<BinaryName, readonly string[]>>> = {
  kubectl: ['version', '--client'],
  helm: ['version', '--short'],
  coredns: ['-version'],
  'containerd-shim-runc-v2': ['-v'],
};

/** What the program says about its version. Rejects when it does not run: cut off, or for another processor. */
export async function ask(name: BinaryName, path: string): Promise<string> {
  const { stdout } = await run(path, versionArgs[name] ?? ['--version'], { timeout: 60_000 });
  return stdout;
}

/** The cache's folders of our minor version, the wanted version first, then the newest. */
export async function cachedVersions(root: string): Promise<string[]> {
  const names = await readdir(root).catch(() => []);
  return names.filter(isOurMinor).toSorted((a, b) => preference(b) - preference(a));
}

/** A release of the minor version we build, not an alpha or candidate. */
export function isOurMinor(version: string): boolean {
  return /^v\d+\.\d+\.\d+$/.test(version) && minorOf(version) === minorOf(kubernetesVersion);
}

/** Higher is better: exactly ours, else the newest patch. */
export function preference(version: string): number {
  return version === kubernetesVersion ? Infinity : Number(version.split('.')[2]);
}

function minorOf(version: string): number {
  return Number(version.split('.')[1]);
}
