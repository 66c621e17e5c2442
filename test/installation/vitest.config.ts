// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    pool: 'forks',
    provide: { seed: 1 },
    include: ['test/installation/**/*.test.ts'],
    // They share the node.
    fileParallelism: false,
    // One story: a test goes on from where the one before it ended.
    bail: 1,
    testTimeout: 180_000,
    hookTimeout: 60_000,
  },
});
