// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    pool: 'forks',
    provide: { seed: 1 },
    include: ['test/image/**/*.test.ts'],
    globalSetup: ['test/setup/control-plane.ts'],
    testTimeout: 120_000,
    hookTimeout: 600_000,
  },
});
