// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { dump } from 'js-yaml';
import type { ControlPlaneBinaries } from './binaries.ts';
import { issueToken } from './issued-tokens.ts';

/** All that another process needs to use a running control plane; plain JSON, so that vitest can hand it to its workers. */
export interface ClusterAddress {
  readonly server: string;
  /** PEM. */
  readonly ca: string;
  readonly adminToken: string;
  readonly tokenKey: string;
  /** Kubeconfig files of users are written here; removed when the control plane stops. */
  readonly directory: string;
  readonly kubeconfigPath: string;
  readonly binaries: ControlPlaneBinaries;
  readonly auditLogPath?: string;
}

export interface UserAccess {
  readonly kubeConfig: KubeConfig;
  readonly kubeconfigPath: string;
  readonly token: string;
}

export interface KubectlOptions {
  /** Written to its standard input. */
  readonly input?: string;
  /** Whose kubeconfig; the administrator's by default. */
  readonly kubeconfigPath?: string;
}

export interface ClusterAccess {
  /** `https://127.0.0.1:PORT` */
  readonly server: string;
  /** The administrator's (group system:masters). */
  readonly kubeconfigPath: string;
  readonly binaries: ControlPlaneBinaries;
  /** Lines of JSON, one per request; only where an audit log was asked for. */
  readonly auditLogPath?: string;
  /** A new one each time, for the administrator. */
  kubeConfig(): KubeConfig;
  /** Any user, in any groups; system:authenticated is added by the API server. */
  kubeConfigFor(user: string, groups?: readonly string[]): UserAccess;
  /** The account's own token, by TokenRequest, valid for an hour. The account must exist. */
  kubeConfigForServiceAccount(namespace: string, name: string): Promise<UserAccess>;
  /** Runs the real kubectl and gives its standard output. Rejects with what it wrote to standard error. */
  kubectl(args: readonly string[], options?: KubectlOptions): Promise<string>;
}

export function clusterAccess(address: ClusterAddress): ClusterAccess {
  const { server, kubeconfigPath, binaries } = address;
  const userAccess = (name: string, token: string): UserAccess => {
    const path = join(address.directory, `kubeconfig-${randomUUID()}`);
    writeKubeconfig(path, address, name, token);
    return { kubeConfig: load(path), kubeconfigPath: path, token };
  };
  const kubectl = (args: readonly string[], options: KubectlOptions = {}) =>
    runKubectl(
      binaries.kubectl,
      ['--kubeconfig', options.kubeconfigPath ?? kubeconfigPath, ...args],
      options.input,
    );
  return {
    server,
    kubeconfigPath,
    binaries,
    ...(address.auditLogPath === undefined ? {} : { auditLogPath: address.auditLogPath }),
    kubeConfig: () => load(kubeconfigPath),
    kubeConfigFor: (user, groups = []) =>
      userAccess(user, issueToken(address.tokenKey, { user, groups: [...groups] })),
    async kubeConfigForServiceAccount(namespace, name) {
      const token = await kubectl(['create', 'token', name, '--namespace', namespace]);
      return userAccess(`system:serviceaccount:${namespace}:${name}`, token.trim());
    },
    kubectl,
  };
}

/** Readable by its owner only: it holds a token. */
export function writeKubeconfig(
  path: string,
  cluster: { readonly server: string; readonly ca: string },
  user: string,
  token: string,
): void {
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'control-plane',
        cluster: {
          server: cluster.server,
          'certificate-authority-data': Buffer.from(cluster.ca).toString('base64'),
        },
      },
    ],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: 'default', context: { cluster: 'control-plane', user } }],
    'current-context': 'default',
  };
  writeFileSync(path, dump(kubeconfig), { mode: 0o600 });
}

function load(path: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(path);
  return config;
}

function runKubectl(kubectl: string, args: readonly string[], input: string | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(kubectl, args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else
        reject(
          new Error(`kubectl ${args.slice(2).join(' ')}: ${stderr.trim() || error.message}`, {
            cause: error,
          }),
        );
    });
    // kubectl may end before it has read its input; its own error says more than the broken pipe.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}
