// SPDX-License-Identifier: Apache-2.0
import { vi } from 'vitest';
import { testFaults } from '../contract/connectors/fault-matrix.ts';
import { harnesses } from '../contract/connectors/harnesses.ts';

// A connector may wait a moment before it asks again; here no time is spent on that.
vi.mock(import('node:timers/promises'), async (original) => {
  const timers = await original();
  return { ...timers, setTimeout: async (_ms, value, options) => timers.setTimeout(1, value, options) };
});

const first = harnesses.filter(({ id }, index) => harnesses.findIndex((other) => other.id === id) === index);

for (const harness of first) testFaults(harness);
