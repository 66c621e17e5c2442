// SPDX-License-Identifier: Apache-2.0
import { kubernetesVersion, type BinaryName } from './binaries.ts';

/** How a program is built: a folder of `modules/`, which pins every version by checksum, and a package in it. */
export interface Recipe {
  readonly module: 'cni' | 'containerd' | 'coredns' | 'etcd' | 'helm' | 'kubernetes' | 'pause';
  readonly target: string;
  /** Values of variables, set by the linker. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly tags?: string;
  /** Measured on 2 cores with nothing in Go's build cache, after the ones before it. */
  readonly expected: string;
}

export const helmVersion = 'v4.3.1';

const [, major = '', minor = ''] = /^v(\d+)\.(\d+)/u.exec(kubernetesVersion) ?? [];

function kubernetes(name: string, expected: string): Recipe {
  return {
    module: 'kubernetes',
    target: `k8s.io/kubernetes/cmd/${name}`,
    // Without these the API server says v0.0.0, and clients that look at the version refuse it.
    variables: {
      'k8s.io/component-base/version.gitVersion': kubernetesVersion,
      'k8s.io/component-base/version.gitMajor': major,
      'k8s.io/component-base/version.gitMinor': minor,
    },
    expected,
  };
}

function containerd(name: string, expected: string): Recipe {
  return {
    module: 'containerd',
    target: `github.com/containerd/containerd/v2/cmd/${name}`,
    tags: 'urfave_cli_no_docs no_btrfs',
    expected,
  };
}

function cni(path: string): Recipe {
  return {
    module: 'cni',
    target: `github.com/containernetworking/plugins/plugins/${path}`,
    expected: '5 s',
  };
}

export const recipes: Readonly<Record<BinaryName, Recipe>> = {
  etcd: { module: 'etcd', target: 'go.etcd.io/etcd/server/v3', expected: '40 s' },
  'kube-apiserver': kubernetes('kube-apiserver', '6 min 30 s'),
  kubectl: kubernetes('kubectl', '30 s'),
  'kube-controller-manager': kubernetes('kube-controller-manager', '2 min 30 s'),
  'kube-scheduler': kubernetes('kube-scheduler', '20 s'),
  'kube-proxy': kubernetes('kube-proxy', '20 s'),
  kubelet: kubernetes('kubelet', '1 min 10 s'),
  helm: {
    module: 'helm',
    target: 'helm.sh/helm/v4/cmd/helm',
    variables: { 'helm.sh/helm/v4/internal/version.version': helmVersion },
    expected: '2 min',
  },
  containerd: containerd('containerd', '2 min'),
  'containerd-shim-runc-v2': containerd('containerd-shim-runc-v2', '20 s'),
  ctr: containerd('ctr', '20 s'),
  bridge: cni('main/bridge'),
  loopback: cni('main/loopback'),
  'host-local': cni('ipam/host-local'),
  coredns: { module: 'coredns', target: '.', expected: '1 min 30 s' },
  pause: { module: 'pause', target: '.', expected: '2 s' },
};

/** What `go build` is given for a program, besides where it goes. */
export function buildArgs({ target, variables = {}, tags }: Recipe, output: string): string[] {
  const sets = Object.entries(variables).map(([name, value]) => `-X ${name}=${value}`);
  return [
    'build',
    '-trimpath',
    '-ldflags',
    ['-s -w', ...sets].join(' '),
    ...(tags === undefined ? [] : ['-tags', tags]),
    '-o',
    output,
    target,
  ];
}
