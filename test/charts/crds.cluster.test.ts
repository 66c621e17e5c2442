// SPDX-License-Identifier: Apache-2.0
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { applyCrdsTo, sharedCluster } from '../kit/control-plane/shared.ts';
import { startControlPlane, type ControlPlane } from '../kit/control-plane/start.ts';
import { chart, helm, release } from '../kit/helm.ts';
import { system } from '../kit/manifests.ts';

const crd = 'externalsystems.integrations.buildworks.ai';

describe.skipIf(inject('helm')?.state === 'missing')('the CRDs of the chart', () => {
  let plane: ControlPlane;
  let folder: string;

  beforeEach(async () => {
    plane = await startControlPlane(sharedCluster().binaries);
    folder = await mkdtemp(join(tmpdir(), 'chart-'));
    await plane.kubectl(['create', 'namespace', release]);
  });

  afterEach(async () => {
    await plane.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const ours = (verb: string, ...args: readonly string[]) =>
    helm(verb, release, ...args, '--kubeconfig', plane.kubeconfigPath, '--namespace', release);

  /** The chart as it was before a kind had its short name. */
  async function olderChart(): Promise<string> {
    const older = join(folder, 'older');
    await cp(chart, older, { recursive: true });
    const file = join(older, 'templates/crds/externalsystems.yaml');
    const text = await readFile(file, 'utf8');
    const without = text.replace(/ {4}shortNames:\n {6}- xsys\n/u, '');
    expect(without).not.toBe(text);
    await writeFile(file, without);
    return older;
  }

  const shortNames = () =>
    plane.kubectl(['get', 'crd', crd, '--output', 'jsonpath={.spec.names.shortNames}']);

  test('are upgraded with it, and stay with every object when it is uninstalled', async () => {
    await ours('install', await olderChart());
    await plane.kubectl(['wait', '--for=condition=Established', '--timeout=60s', `crd/${crd}`]);
    expect(await shortNames()).toBe('');
    await plane.kubectl(['apply', '-f', '-'], {
      input: JSON.stringify(system('cmdb', {}, { namespace: 'default' })),
    });
    await ours('upgrade', chart);
    expect(await shortNames()).toBe('["xsys"]');
    await ours('uninstall');
    expect(
      await plane.kubectl(['get', 'externalsystems', '--namespace', 'default', '--output', 'name']),
    ).toContain('externalsystem.integrations.buildworks.ai/cmdb');
  });

  test('that kubectl has installed are adopted only when Helm is told to', async () => {
    await applyCrdsTo(plane);
    await expect(ours('install', chart)).rejects.toThrow(/invalid ownership metadata/u);
    await ours('install', chart, '--take-ownership');
    const owner = 'jsonpath={.metadata.annotations.meta\\.helm\\.sh/release-name}';
    expect(await plane.kubectl(['get', 'crd', crd, '--output', owner])).toBe(release);
  });

  test('of config/default stay, with the database, when the operator is deleted as the guide says', async () => {
    const config = fileURLToPath(new URL('../../config', import.meta.url));
    await plane.kubectl(['apply', '--server-side', '-k', join(config, 'default')]);
    const operator = [`deployment/${release}`, `service/${release}-metrics`];
    await plane.kubectl(['delete', '--namespace', release, ...operator]);
    await plane.kubectl(['delete', '--namespace', release, '-k', join(config, 'rbac')]);
    const left = await plane.kubectl([
      ...['get', 'deployment,service,serviceaccount,role,rolebinding,pvc', '--namespace', release],
      ...['--output', 'name'],
    ]);
    expect(left.trim()).toBe(`persistentvolumeclaim/${release}`);
    expect(await plane.kubectl(['get', 'clusterrole,clusterrolebinding', '--output', 'name'])).not.toContain(
      release,
    );
    expect(await shortNames()).toBe('["xsys"]');
  });
});
