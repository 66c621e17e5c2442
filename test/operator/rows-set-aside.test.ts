// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import type { ExternalSystem } from '../../src/api/resource.ts';
import { setAsideVerdict } from '../../src/operator/rows-set-aside.ts';

const system = { metadata: { namespace: 'inventory', name: 'cmdb' } } as ExternalSystem;

test.each([
  ['spec.mapping.cis.memoryMb: 16 GB is no whole number', 'owner of the ExternalSystem'],
  ['row/name must be string', 'maintainer of the operator'],
])('rows set aside because %s are for the %s', (reason, audience) => {
  const found = { streams: [{ stream: 'cis', rows: 3 }], most: { stream: 'cis', reason, rows: 2 } };
  expect(setAsideVerdict(system, found)?.message).toMatch(
    new RegExp(`2 of cis because: ${reason}; .* Who must act: ${audience}\\.$`, 'u'),
  );
});
