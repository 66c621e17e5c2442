// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { clusterAccess, writeKubeconfig, type ClusterAccess, type ClusterAddress } from './access.ts';
import { apiserverCa, isReady } from './apiserver-probe.ts';
import type { ControlPlaneBinaries } from './binaries.ts';
import { startTokenReviewer } from './issued-tokens.ts';
import {
  apiserverArgs,
  controllerManagerArgs,
  etcdArgs,
  freePort,
  writeSettings,
  type Settings,
} from './settings.ts';
import { obituary, startService, type Service } from './services.ts';
import { makeWorkFolder } from './work-folder.ts';
import { waitFor } from '../wait.ts';

export interface StartOptions {
  /** Also run garbage collection and namespace deletion; needs `binaries.controllerManager`. */
  readonly controllerManager?: boolean;
  /** `true` logs the metadata of every request; a string is an audit Policy as YAML. */
  readonly audit?: boolean | string;
  readonly apiserverArgs?: readonly string[];
  readonly startTimeoutMs?: number;
}

export interface ControlPlane extends ClusterAccess {
  /** For another process: `clusterAccess(address)` gives it the same access. */
  readonly address: ClusterAddress;
  /** Of etcd, kube-apiserver and, where started, kube-controller-manager: to measure them. */
  processIds(): readonly number[];
  /** The API server is killed, as by a crash: clients see their connections reset. */
  stopApiServer(signal?: NodeJS.Signals): Promise<void>;
  /** On the same port and etcd, with the same certificate. Resolves when it is ready. */
  startApiServer(): Promise<void>;
  restartApiServer(signal?: NodeJS.Signals): Promise<void>;
  /** Ends every process and removes every file. May be called twice. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts etcd and kube-apiserver on loopback in a temporary directory of their own, and waits until the API is ready
 * (about two seconds). Needs no root. The processes end with this one, however it ends.
 * @throws Error with the end of the logs when it is not ready in time
 */
export async function startControlPlane(
  binaries: ControlPlaneBinaries,
  options: StartOptions = {},
): Promise<ControlPlane> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(binaries, options);
    } catch (error) {
      // Between finding a free port and binding it, another process may have taken it.
      const taken = error instanceof Error && error.message.includes('address already in use');
      if (!taken || attempt === 3) throw error;
    }
  }
}

async function startOnce(binaries: ControlPlaneBinaries, options: StartOptions): Promise<ControlPlane> {
  if (options.controllerManager === true && binaries.controllerManager === undefined) {
    throw new Error(
      'kube-controller-manager was asked for but is not at hand: resolve with { controllerManager: true }',
    );
  }
  const directory = await makeWorkFolder();
  const tokenKey = randomBytes(32).toString('base64url');
  const reviewer = await startTokenReviewer(tokenKey);
  const services = new Map<string, Service>();
  const onExit = () => {
    for (const service of services.values()) service.process.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  };
  const unhook = hookExit(onExit);
  const stop = async () => {
    unhook();
    await Promise.all([...services.values()].map((service) => service.stop('SIGKILL')));
    if (services.size > 0) await reviewer.close();
    services.clear();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const settings = await writeSettings(directory, options.audit ?? false, reviewer.url);
    return await bringUp(binaries, options, settings, tokenKey, services, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function bringUp(
  binaries: ControlPlaneBinaries,
  options: StartOptions,
  settings: Settings,
  tokenKey: string,
  services: Map<string, Service>,
  stop: () => Promise<void>,
): Promise<ControlPlane> {
  const { directory } = settings;
  const [etcdPort, peerPort, apiPort] = [await freePort(), await freePort(), await freePort()];
  const server = `https://127.0.0.1:${apiPort}`;
  const run = (name: string, program: string, args: readonly string[]) =>
    services.set(name, startService(name, program, args, join(directory, `${name}.log`)));

  const startApiServer = async () => {
    const args = [...apiserverArgs(settings, etcdPort, apiPort), ...(options.apiserverArgs ?? [])];
    run('kube-apiserver', binaries.apiserver, args);
    await untilReady(server, settings.adminToken, services, options.startTimeoutMs ?? 60_000);
  };
  const stopApiServer = async (signal: NodeJS.Signals = 'SIGKILL') =>
    services.get('kube-apiserver')?.stop(signal);

  run('etcd', binaries.etcd, etcdArgs(directory, etcdPort, peerPort));
  await startApiServer();
  const ca = await apiserverCa(directory);
  const kubeconfigPath = join(directory, 'kubeconfig');
  writeKubeconfig(kubeconfigPath, { server, ca }, 'admin', settings.adminToken);
  if (options.controllerManager === true && binaries.controllerManager !== undefined) {
    const path = join(directory, 'kubeconfig-controller-manager');
    writeKubeconfig(path, { server, ca }, 'system:kube-controller-manager', settings.controllerManagerToken);
    run('kube-controller-manager', binaries.controllerManager, controllerManagerArgs(settings, path));
  }
  const base = { server, ca, adminToken: settings.adminToken, tokenKey, directory, kubeconfigPath, binaries };
  const address =
    settings.auditLogPath === undefined ? base : { ...base, auditLogPath: settings.auditLogPath };
  return {
    ...clusterAccess(address),
    address,
    processIds: () =>
      [...services.values()].flatMap(({ process: { pid } }) => (pid === undefined ? [] : [pid])),
    stopApiServer,
    startApiServer,
    async restartApiServer(signal) {
      await stopApiServer(signal);
      await startApiServer();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function untilReady(
  server: string,
  token: string,
  services: ReadonlyMap<string, Service>,
  timeoutMs: number,
): Promise<void> {
  let dead: Service | undefined;
  const probe = async () => {
    dead = [...services.values()].find((service) => !service.running());
    return dead !== undefined || (await isReady(server, token));
  };
  try {
    await waitFor('the Kubernetes API server to be ready', probe, { timeoutMs, intervalMs: 50 });
  } catch (error) {
    const ends = await Promise.all([...services.values()].map(obituary));
    throw new Error([error instanceof Error ? error.message : String(error), ...ends].join('\n'), {
      cause: error,
    });
  }
  if (dead !== undefined) throw new Error(`the control plane did not start: ${await obituary(dead)}`);
}

/**
 * Cleans up when the process ends by itself or by a signal. A signal that somebody else listens to is theirs to answer
 * (the demo first lets the operator finish); their exit comes through here all the same.
 */
function hookExit(cleanUp: () => void): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const onSignal = (signal: NodeJS.Signals) => {
    if (process.listenerCount(signal) > 1) return;
    unhook();
    cleanUp();
    process.kill(process.pid, signal);
  };
  const unhook = () => {
    process.off('exit', cleanUp);
    for (const signal of signals) process.off(signal, onSignal);
  };
  process.on('exit', cleanUp);
  for (const signal of signals) process.on(signal, onSignal);
  return unhook;
}
