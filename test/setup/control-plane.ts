// SPDX-License-Identifier: Apache-2.0
import type { TestProject } from 'vitest/node';
import { ControlPlaneUnavailable, resolveControlPlane } from '../kit/control-plane/resolve.ts';
import { startControlPlane } from '../kit/control-plane/start.ts';

/** Set by `npm test -- --without control-plane`. */
export const withoutVariable = 'TEST_WITHOUT';

/**
 * One control plane for all cluster tests, started in the main process because its end is tied to the thread that started
 * it. Runs only when a cluster test is selected. That none can be had is not thrown here, since it would take the
 * unit tests down with it: one named test tells it, and the other cluster tests are skipped.
 */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (process.env[withoutVariable]?.split(',').includes('control-plane') === true) {
    project.provide('controlPlane', {
      state: 'missing',
      leftOut: true,
      reason: 'left out by --without control-plane',
    });
    return undefined;
  }
  try {
    const binaries = await resolveControlPlane({ progress, allowBuild: true });
    const controlPlane = await startControlPlane(binaries);
    progress(`control plane: Kubernetes ${binaries.version} (${binaries.source}) at ${controlPlane.server}`);
    project.provide('controlPlane', { state: 'running', address: controlPlane.address });
    return () => controlPlane.stop();
  } catch (error) {
    const reason = error instanceof ControlPlaneUnavailable ? error.message : describe(error);
    project.provide('controlPlane', { state: 'missing', leftOut: false, reason });
    return undefined;
  }
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

function describe(error: unknown): string {
  return `the control plane was found but did not start: ${error instanceof Error ? error.message : String(error)}`;
}
