// SPDX-License-Identifier: Apache-2.0
import { vi } from 'vitest';
import { testFaults } from '../contract/connectors/fault-matrix.ts';
import { harnesses } from '../contract/connectors/harnesses.ts';

// A connector may wait a while before it asks again; here no time is spent on that.
vi.mock(import('node:timers/promises'), async (original) => {
  const timers = await original();
  return {
    ...timers,
    setTimeout: async (ms = 0, value, options) => timers.setTimeout(ms >= 1000 ? 1 : ms, value, options),
  };
});

const first = harnesses.filter(({ id }, index) => harnesses.findIndex((other) => other.id === id) === index);

for (const harness of first) testFaults(harness);
