// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { sharedCluster } from '../kit/control-plane/shared.ts';
import { startControlPlane, type ControlPlane } from '../kit/control-plane/start.ts';
import { chart, helm, release } from '../kit/helm.ts';

const namespaces = ['one', 'two'];
const postgresql = JSON.stringify({
  type: 'postgresql',
  postgresql: { url: 'postgres://extsys@db.example.com/inventory' },
});

describe.skipIf(inject('helm')?.state === 'missing')('a release that changes its database', () => {
  let plane: ControlPlane;

  beforeEach(async () => {
    plane = await startControlPlane(sharedCluster().binaries);
    for (const name of [release, ...namespaces]) await plane.kubectl(['create', 'namespace', name]);
    await ours('install', chart);
    await ours(
      'upgrade',
      chart,
      '--set-json',
      `store=${postgresql}`,
      '--set-json',
      'watchNamespaces=["one","two"]',
    );
    expect(await strategy()).toBe('RollingUpdate');
  });

  afterEach(() => plane.stop());

  const ours = (verb: string, ...args: readonly string[]) =>
    helm(verb, release, ...args, '--kubeconfig', plane.kubeconfigPath, '--namespace', release);

  const strategy = () =>
    plane.kubectl([
      ...['get', 'deployment', release, '--namespace', release],
      ...['--output', 'jsonpath={.spec.strategy.type}'],
    ]);

  const rights = () =>
    plane.kubectl([
      'get',
      'role,rolebinding',
      '--all-namespaces',
      '--output',
      'jsonpath={.items[*].metadata.name}',
    ]);

  test.each([
    ['rolled back', () => ours('rollback', '1')],
    ['upgraded', () => ours('upgrade', chart, '--reset-values')],
  ])('is %s to the one before, and leaves no rights behind when it is uninstalled', async (_, goBack) => {
    await goBack();
    expect(await strategy()).toBe('Recreate');
    expect(await rights()).toContain(release);
    await ours('uninstall');
    expect(await rights()).not.toContain(release);
  });

  test('is uninstalled without going back, and leaves no rights behind', async () => {
    expect(await rights()).toContain(release);
    await ours('uninstall');
    expect(await rights()).not.toContain(release);
  });
});
