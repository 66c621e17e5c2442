// SPDX-License-Identifier: Apache-2.0
import { bounded } from '../api/bounded.ts';
import { annotations } from '../api/group.ts';
import type { ExternalSystem } from '../api/resource.ts';
import { runModes, type RunMode } from '../api/sync-run.ts';

/** As much as status.lastHandledRequest can acknowledge. */
const longestToken = 256;

export type RunRequest =
  | { readonly type: 'run'; readonly token: string; readonly mode: RunMode }
  /** Nothing is run, and the token is not acknowledged, until it is mended. */
  | { readonly type: 'refused'; readonly problem: string };

/** The run that the annotations of a system ask for; undefined when they ask for none, or for one that was handled. */
export function requestOf(system: ExternalSystem): RunRequest | undefined {
  const given = system.metadata.annotations ?? {};
  const token = given[annotations.runRequested] ?? '';
  if (token === '' || token === system.status?.lastHandledRequest) return undefined;
  if (token.length > longestToken) {
    const problem = `annotation ${annotations.runRequested} has ${token.length} characters; use at most ${longestToken}`;
    return { type: 'refused', problem };
  }
  const asked = given[annotations.runMode] ?? 'Incremental';
  const mode = runModes.find((name) => name === asked);
  if (mode !== undefined) return { type: 'run', token, mode };
  const problem = `annotation ${annotations.runMode}: ${bounded(asked, 40)} is not known; use ${runModes.join(', ')}`;
  return { type: 'refused', problem };
}
