// SPDX-License-Identifier: Apache-2.0
import { expect, test, vi } from 'vitest';
import { connectors } from '../../connectors/index.ts';
import { testCapabilities } from '../contract/connectors/capabilities.ts';
import { testDeclaration } from '../contract/connectors/connector-contract.ts';
import { testLeaks } from '../contract/connectors/leaks.ts';
import { harnesses } from '../contract/connectors/harnesses.ts';

// A connector may wait a while before it asks again; here no time is spent on that.
vi.mock(import('node:timers/promises'), async (original) => {
  const timers = await original();
  return {
    ...timers,
    setTimeout: async (ms = 0, value, options) => timers.setTimeout(ms >= 1000 ? 1 : ms, value, options),
  };
});

test.each(connectors.map(({ id, auth }) => [id, auth] as const))(
  '%s has a harness for each way it logs in, so that it is held to the contract',
  (id, auth) => {
    const held = harnesses.filter((harness) => harness.id === id).map((harness) => harness.auth);
    expect(held.toSorted(), 'test/contract/connectors/harnesses.ts').toEqual(auth.toSorted());
  },
);

for (const connector of connectors) testDeclaration(connector);
for (const harness of harnesses) testCapabilities(harness);
for (const harness of harnesses) testLeaks(harness);
