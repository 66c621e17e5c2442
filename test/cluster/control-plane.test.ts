// SPDX-License-Identifier: Apache-2.0
import { CoreV1Api } from '@kubernetes/client-node';
import { expect, inject, test } from 'vitest';
import { sharedCluster } from '../kit/control-plane/shared.ts';

// The only cluster test that fails where no control plane can be had; the others are skipped then.
test('a real Kubernetes control plane is at hand for the cluster tests', async () => {
  const provided = inject('controlPlane');
  if (provided.state === 'missing') expect.fail(provided.reason);
  const api = sharedCluster().kubeConfig().makeApiClient(CoreV1Api);
  const namespaces = await api.listNamespace();
  expect(namespaces.items.map((item) => item.metadata?.name)).toContain('default');
});
