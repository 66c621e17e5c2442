// SPDX-License-Identifier: Apache-2.0
import type { TestProject } from 'vitest/node';
import type { ProvidedHelm } from './provided.ts';
import { ControlPlaneUnavailable, resolveControlPlane } from '../kit/control-plane/resolve.ts';
import { resolveHelm } from '../kit/control-plane/helm.ts';
import { startControlPlane } from '../kit/control-plane/start.ts';

/** Set by `npm test -- --without control-plane`. */
export const withoutVariable = 'TEST_WITHOUT';

/** The one test that fails, with the remedy, when no control plane can be had. */
const sentinel = /a real Kubernetes control plane is at hand/;
const noTest = /(?!)/;

/**
 * One control plane for all cluster tests, started in the main process because its end is tied to the thread that started
 * it. Runs only when a cluster test is selected. That none can be had is not thrown here, since it would take the
 * unit tests down with it: one named test tells it, and the other cluster tests are skipped with their hooks, because
 * their failures would all say the same.
 */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const missing = (reason: string, run: RegExp) => {
    project.provide('controlPlane', { state: 'missing', reason });
    project.provide('helm', { state: 'missing', reason });
    project.config.testNamePattern = run;
  };
  if (process.env[withoutVariable]?.split(',').includes('control-plane') === true) {
    missing('left out by --without control-plane', noTest);
    return undefined;
  }
  try {
    const binaries = await resolveControlPlane({ progress, allowBuild: true });
    const controlPlane = await startControlPlane(binaries);
    progress(`control plane: Kubernetes ${binaries.version} (${binaries.source}) at ${controlPlane.server}`);
    project.provide('controlPlane', { state: 'running', address: controlPlane.address });
    project.provide('helm', await findHelm());
    return () => controlPlane.stop();
  } catch (error) {
    const reason = error instanceof ControlPlaneUnavailable ? error.message : describe(error);
    progress(`${reason}\nAll cluster tests are skipped but one, which fails and says this again.`);
    missing(reason, sentinel);
    // Also when that one test is not among the selected ones.
    process.exitCode = 1;
    return undefined;
  }
}

/** Without Helm only the tests of the chart have nothing to run on: one of them fails and says why. */
async function findHelm(): Promise<ProvidedHelm> {
  try {
    return { state: 'found', path: await resolveHelm({ progress }) };
  } catch (error) {
    return { state: 'missing', reason: error instanceof Error ? error.message : String(error) };
  }
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

function describe(error: unknown): string {
  return `the control plane was found but did not start: ${error instanceof Error ? error.message : String(error)}`;
}
