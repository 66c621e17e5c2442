// SPDX-License-Identifier: Apache-2.0
import { connectors } from '../../connectors/index.ts';
import { specProblems, validateManifest, type Problem } from '../api/validate.ts';
import type { ExternalSystem } from '../api/resource.ts';
import { resolveSchedule } from '../sync/schedule.ts';
import type { Manifest } from './manifests.ts';

function scheduleProblem(schedule: Parameters<typeof resolveSchedule>[0]): string | undefined {
  const resolved = resolveSchedule(schedule, '');
  return 'problem' in resolved ? resolved.problem : undefined;
}

/** What is wrong with a manifest, by the connectors of this program. */
export function problemsOf(manifest: Manifest): readonly Problem[] {
  return validateManifest(manifest, connectors, scheduleProblem);
}

/** The first problem of a system's spec, beginning with the field. */
export function specProblemOf(system: ExternalSystem): string | undefined {
  const [first] = specProblems(system.spec, connectors, scheduleProblem);
  return first === undefined ? undefined : `${first.path}: ${first.message}.`;
}
