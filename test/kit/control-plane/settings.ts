// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

export interface Settings {
  readonly directory: string;
  readonly adminToken: string;
  readonly controllerManagerToken: string;
  readonly auditLogPath?: string;
}

const metadataPolicy =
  'apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{ level: Metadata }]\n';

/** Writes keys, tokens and policies into the directory, readable by their owner only. */
export async function writeSettings(
  directory: string,
  audit: boolean | string,
  reviewerUrl: string,
): Promise<Settings> {
  const adminToken = randomBytes(24).toString('hex');
  const controllerManagerToken = randomBytes(24).toString('hex');
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const tokens = [
    `${adminToken},admin,admin,"system:masters"`,
    `${controllerManagerToken},system:kube-controller-manager,system:kube-controller-manager`,
  ];
  const webhook = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'reviewer', cluster: { server: reviewerUrl } }],
    users: [{ name: 'apiserver', user: {} }],
    contexts: [{ name: 'default', context: { cluster: 'reviewer', user: 'apiserver' } }],
    'current-context': 'default',
  };
  const write = (name: string, content: string) => writeFile(join(directory, name), content, { mode: 0o600 });
  await Promise.all([
    write('sa.pub', publicKey.export({ type: 'spki', format: 'pem' }).toString()),
    write('sa.key', privateKey.export({ type: 'sec1', format: 'pem' }).toString()),
    write('tokens.csv', `${tokens.join('\n')}\n`),
    write('token-webhook.yaml', JSON.stringify(webhook)),
    audit === false ? undefined : write('audit-policy.yaml', audit === true ? metadataPolicy : audit),
  ]);
  const base = { directory, adminToken, controllerManagerToken };
  return audit === false ? base : { ...base, auditLogPath: join(directory, 'audit.log') };
}

export function etcdArgs(directory: string, clientPort: number, peerPort: number): string[] {
  const client = `http://127.0.0.1:${clientPort}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  return flags({
    'data-dir': join(directory, 'etcd'),
    'listen-client-urls': client,
    'advertise-client-urls': client,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `default=${peer}`,
    // Its files do not outlive the run.
    'unsafe-no-fsync': 'true',
  });
}

export function apiserverArgs(settings: Settings, etcdPort: number, port: number): string[] {
  const file = (name: string) => join(settings.directory, name);
  const audit =
    settings.auditLogPath === undefined
      ? {}
      : { 'audit-policy-file': file('audit-policy.yaml'), 'audit-log-path': settings.auditLogPath };
  return flags({
    'etcd-servers': `http://127.0.0.1:${etcdPort}`,
    'cert-dir': file('certs'),
    'secure-port': String(port),
    'bind-address': '127.0.0.1',
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-key-file': file('sa.pub'),
    'service-account-signing-key-file': file('sa.key'),
    'authorization-mode': 'RBAC',
    'token-auth-file': file('tokens.csv'),
    'authentication-token-webhook-config-file': file('token-webhook.yaml'),
    'authentication-token-webhook-version': 'v1',
    'service-cluster-ip-range': '10.0.0.0/24',
    // It waits for service accounts that nobody makes here.
    'disable-admission-plugins': 'ServiceAccount',
    ...audit,
  });
}

/** As itself and its controllers as themselves, so that policies see the identities they see in a real cluster. */
export function controllerManagerArgs(settings: Settings, kubeconfigPath: string): string[] {
  return flags({
    kubeconfig: kubeconfigPath,
    controllers: 'garbagecollector,namespace,validatingadmissionpolicy-status-controller',
    'leader-elect': 'false',
    'secure-port': '0',
    'use-service-account-credentials': 'true',
    'service-account-private-key-file': join(settings.directory, 'sa.key'),
  });
}

function flags(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).map(([name, value]) => `--${name}=${value}`);
}

/** Free a moment ago; nothing keeps another process from taking it. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port');
  return address.port;
}
