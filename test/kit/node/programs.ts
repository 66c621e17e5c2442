// SPDX-License-Identifier: Apache-2.0
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder, kubernetesVersion, type BinaryName } from '../control-plane/binaries.ts';
import { buildFromModules } from '../control-plane/build.ts';
import { resolveControlPlane } from '../control-plane/resolve.ts';
import { ensurePrograms, ProgramMissing } from '../debian.ts';

const plugins = ['bridge', 'loopback', 'host-local'] as const;
const others = [
  'kubelet',
  'kube-scheduler',
  'kube-proxy',
  'containerd',
  'containerd-shim-runc-v2',
  'ctr',
  'coredns',
  'pause',
] as const;

/** What comes with the operating system. */
const system = [
  { program: 'runc', debianPackage: 'runc' },
  { program: 'nft', debianPackage: 'nftables' },
  { program: 'iptables', debianPackage: 'iptables' },
  { program: 'ip', debianPackage: 'iproute2' },
  { program: 'openssl', debianPackage: 'openssl' },
  { program: 'pgrep', debianPackage: 'procps' },
];

/**
 * Puts every program of a node into a folder: found, or built once per machine, which takes about ten minutes on two cores after the
 * control plane.
 * @throws ProgramMissing, or ControlPlaneUnavailable
 */
export async function gatherPrograms(folder: string, progress: (line: string) => void): Promise<void> {
  await ensurePrograms(system, progress);
  const plane = await resolveControlPlane({ progress, allowBuild: true, controllerManager: true });
  const built = join(cacheFolder(process.env, 'node'), kubernetesVersion);
  const names: readonly BinaryName[] = [...others, ...plugins];
  const miss = await buildFromModules({ names, folder: built, env: process.env, progress });
  if (miss !== undefined) throw new ProgramMissing(`the programs of a node cannot be had: ${miss}`);
  await mkdir(join(folder, 'cni'), { recursive: true });
  const links: Readonly<Record<string, string>> = {
    etcd: plane.etcd,
    'kube-apiserver': plane.apiserver,
    kubectl: plane.kubectl,
    'kube-controller-manager': plane.controllerManager ?? '',
    ...Object.fromEntries(others.map((name) => [name, join(built, name)])),
    ...Object.fromEntries(plugins.map((name) => [join('cni', name), join(built, name)])),
  };
  for (const [name, target] of Object.entries(links)) await symlink(target, join(folder, name));
}
