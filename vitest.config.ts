// SPDX-License-Identifier: Apache-2.0
import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const clusterTests = ['test/cluster/**/*.test.ts', 'test/**/*.cluster.test.ts'];
/** They need root and a machine's minutes: npm run test:image, npm run test:cluster. */
const ownScripts = ['test/image/**', 'test/installation/**'];
const seed = Number(process.env['TEST_SEED'] ?? randomInt(2 ** 31));
process.stderr.write(`TEST_SEED=${seed} repeats the random inputs of this run\n`);

export default defineConfig({
  test: {
    // Processes, not threads: children of a test are tied to the main thread of its process.
    pool: 'forks',
    // Tests wait for sockets and processes more than they compute.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    provide: { seed },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...clusterTests, ...ownScripts],
          setupFiles: ['test/setup/seed.ts'],
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'cluster',
          include: clusterTests,
          globalSetup: ['test/setup/control-plane.ts'],
          setupFiles: ['test/setup/seed.ts'],
          testTimeout: 90_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
