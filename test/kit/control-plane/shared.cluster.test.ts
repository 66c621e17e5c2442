// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CoreV1Api, CustomObjectsApi } from '@kubernetes/client-node';
import { dump } from 'js-yaml';
import { expect, test } from 'vitest';
import { applyCrdsTo, freshNamespace, sharedCluster } from './shared.ts';

function widgets(group: string): string {
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object' } } } };
  return dump({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      names: { kind: 'Widget', listKind: 'WidgetList', plural: 'widgets', singular: 'widget' },
      scope: 'Namespaced',
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  });
}

test('a definition can be used as soon as it was applied, also by several at once', async () => {
  const cluster = sharedCluster();
  const group = `${await freshNamespace(cluster, 'group')}.example.com`;
  const folder = await mkdtemp(join(tmpdir(), 'crds-'));
  await writeFile(join(folder, 'widgets.yaml'), widgets(group));
  const names = await Promise.all([applyCrdsTo(cluster, folder), applyCrdsTo(cluster, folder)]);
  await rm(folder, { recursive: true });
  expect(names).toStrictEqual([[`widgets.${group}`], [`widgets.${group}`]]);
  const namespace = await freshNamespace(cluster);
  const api = cluster.kubeConfig().makeApiClient(CustomObjectsApi);
  const body = { apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'one' } };
  const created: unknown = await api.createNamespacedCustomObject({
    group,
    version: 'v1',
    namespace,
    plural: 'widgets',
    body,
  });
  expect(created).toMatchObject({ metadata: { name: 'one', namespace } });
});

test('a fresh namespace is new each time', async () => {
  const names = [await freshNamespace(), await freshNamespace()];
  const all = await sharedCluster().kubeConfig().makeApiClient(CoreV1Api).listNamespace();
  expect(all.items.map((item) => item.metadata?.name)).toEqual(expect.arrayContaining(names));
  expect(new Set(names).size).toBe(2);
});

test('a folder without definitions is an error, not "applied"', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'crds-'));
  await expect(applyCrdsTo(sharedCluster(), folder)).rejects.toThrow(/no \*\.yaml file/);
  await rm(folder, { recursive: true });
});
