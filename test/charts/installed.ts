// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import type { ExternalSystem, SyncRun } from '../../src/api/resource.ts';
import { isFinal } from '../../src/api/sync-run.ts';
import { startOperatorProcess, type OperatorProcess } from '../demo/operator-process.ts';
import { sharedCluster } from '../kit/control-plane/shared.ts';
import { startControlPlane, type ControlPlane } from '../kit/control-plane/start.ts';
import { chart, helm, release } from '../kit/helm.ts';
import { waitFor } from '../kit/wait.ts';

export const account = `system:serviceaccount:${release}:${release}`;

/**
 * The chart, installed by Helm on an API server of its own that keeps an audit log. Nothing runs pods there: the operator is a
 * process here, with the flags of the Deployment and the token of its ServiceAccount.
 */
export class InstalledChart {
  readonly plane: ControlPlane;
  private readonly folder: string;
  private operator: OperatorProcess | undefined;

  private constructor(plane: ControlPlane, folder: string) {
    this.plane = plane;
    this.folder = folder;
  }

  static async create(namespaces: readonly string[], ...values: readonly string[]): Promise<InstalledChart> {
    const plane = await startControlPlane(sharedCluster().binaries, { audit: true });
    const installed = new InstalledChart(plane, await mkdtemp(join(tmpdir(), 'installed-chart-')));
    for (const name of [release, ...namespaces]) await plane.kubectl(['create', 'namespace', name]);
    const flags = ['--kubeconfig', plane.kubeconfigPath, '--namespace', release];
    await helm('install', release, chart, ...flags, ...values.flatMap((value) => ['--set-json', value]));
    const wait = ['wait', '--for=condition=Established', '--timeout=60s', 'crd', '--all'];
    await plane.kubectl(wait);
    return installed;
  }

  async start(): Promise<void> {
    const args = JSON.parse(
      await this.plane.kubectl([
        ...['get', 'deployment', release, '--namespace', release],
        ...['--output', 'jsonpath={.spec.template.spec.containers[0].args}'],
      ]),
    ) as string[];
    const { kubeconfigPath } = await this.plane.kubeConfigForServiceAccount(release, release);
    let ready = false;
    this.operator = startOperatorProcess(
      [
        // The command itself is given by who starts it. What follows stands in for the pod: its volume, network and namespace.
        ...args.slice(1).filter((arg) => !arg.startsWith('--store')),
        ...['--kubeconfig', kubeconfigPath, '--lease-namespace', release],
        ...['--store', `sqlite:${join(this.folder, 'inventory.db')}`, '--listen', '127.0.0.1:0'],
        '--allow-insecure-upstreams',
      ],
      join(this.folder, 'operator.log'),
      ({ msg }) => {
        if (msg === 'leading') ready = true;
      },
    );
    await waitFor('the operator to lead', () => ready);
  }

  /** Answers the exit status. */
  async stop(): Promise<number> {
    await this.operator?.stop();
    return (await this.operator?.ended) ?? 0;
  }

  async close(): Promise<void> {
    await this.stop();
    await this.plane.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  async apply(namespace: string, ...objects: readonly object[]): Promise<void> {
    const input = objects.map((object) => dump(object)).join('---\n');
    await this.plane.kubectl(['apply', '--namespace', namespace, '-f', '-'], { input });
  }

  async system(namespace: string): Promise<ExternalSystem> {
    const args = ['get', 'externalsystem', 'cmdb', '--namespace', namespace, '--output', 'json'];
    return JSON.parse(await this.plane.kubectl(args)) as ExternalSystem;
  }

  async runs(namespace: string): Promise<SyncRun[]> {
    const args = ['get', 'syncruns', '--namespace', namespace, '--output', 'json'];
    return (JSON.parse(await this.plane.kubectl(args)) as { items: SyncRun[] }).items;
  }

  /** Waits until a run that fits has ended. */
  ended(namespace: string, fits: (run: SyncRun) => boolean): Promise<SyncRun> {
    return waitFor('a run to end', async () =>
      (await this.runs(namespace)).find((run) => fits(run) && isFinal(run.status?.phase)),
    );
  }

  /** Waits until the system `cmdb` has a reason for its readiness. */
  async becomes(namespace: string, reason: string): Promise<void> {
    await waitFor(`Ready to have the reason ${reason}`, async () => {
      const { status, metadata } = await this.system(namespace);
      const ready = status?.conditions?.find(({ type }) => type === 'Ready');
      return ready?.reason === reason && ready.observedGeneration === metadata.generation;
    });
  }
}
