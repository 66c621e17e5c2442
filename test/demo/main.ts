// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ControlPlaneUnavailable,
  resolveControlPlane,
  type ControlPlaneBinaries,
} from '../kit/control-plane/resolve.ts';
import { startControlPlane } from '../kit/control-plane/start.ts';
import { demoInCluster, DemoRefused } from './in-cluster.ts';
import { demoUsage, parseDemoOptions, type DemoOptions } from './options.ts';
import { sampleManifests } from './sample.ts';
import type { Stage } from './stage.ts';
import { demoWithoutCluster } from './without-cluster.ts';

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function demo(options: DemoOptions, signal: AbortSignal): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'extsys-demo-'));
  const { system } = options;
  const started = await system.start(options, say);
  say(started.what);
  try {
    const manifests = await sampleManifests(system, started);
    const stage: Stage = { options, folder, manifests, look: system.look, say, signal };
    if (options.cluster === 'none') return await demoWithoutCluster(stage);
    if (options.cluster !== 'local') {
      const { context } = options.cluster;
      return await demoInCluster(stage, { kubectl: 'kubectl', kubeconfig: undefined, context });
    }
    const binaries = await controlPlaneFor(stage);
    if (typeof binaries === 'number') return binaries;
    say('starting etcd and kube-apiserver (about three seconds)');
    await using controlPlane = await startControlPlane(binaries);
    return await demoInCluster(stage, {
      kubectl: binaries.kubectl,
      kubeconfig: controlPlane.kubeconfigPath,
      context: undefined,
    });
  } finally {
    await started.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The control plane's programs; or, where none can be had, the exit status of the run without a cluster. */
async function controlPlaneFor(stage: Stage): Promise<ControlPlaneBinaries | number> {
  try {
    return await resolveControlPlane({ progress: say, allowBuild: false });
  } catch (error) {
    if (!(error instanceof ControlPlaneUnavailable)) throw error;
  }
  // A build takes minutes: nobody should wait in front of nothing. With --once the run itself is what was asked for.
  const { once } = stage.options;
  say(`no control plane is at hand${once ? '' : ', so here is a run without a cluster first'}`);
  const shown: Stage = { ...stage, options: { ...stage.options, form: 'table' } };
  const status = once ? undefined : await demoWithoutCluster(shown);
  try {
    return await resolveControlPlane({ progress: say, allowBuild: true });
  } catch (error) {
    stage.signal.throwIfAborted();
    if (!(error instanceof ControlPlaneUnavailable)) throw error;
    say(
      `${error.message}\nSo this is the demo without a cluster${status === undefined ? '' : ', which you have seen'}.`,
    );
    return status ?? demoWithoutCluster(stage);
  }
}

async function main(): Promise<number> {
  let options: DemoOptions | 'help';
  try {
    options = parseDemoOptions(process.argv.slice(2));
  } catch (error) {
    say(`demo: ${error instanceof Error ? error.message : String(error)}\n\n${demoUsage}`);
    return 2;
  }
  if (options === 'help') {
    say(demoUsage);
    return 0;
  }
  const stop = new AbortController();
  const interrupt = () => {
    say('stopping …');
    stop.abort(new Error('stopped'));
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    return await demo(options, stop.signal);
  } catch (error) {
    if (stop.signal.aborted) return 130;
    if (!(error instanceof DemoRefused)) throw error;
    say(`demo: ${error.message}`);
    return 1;
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

process.exitCode = await main();
