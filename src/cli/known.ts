// SPDX-License-Identifier: Apache-2.0
import { connectors } from '../../connectors/index.ts';
import type { ExternalSystemSpec } from '../api/external-system.ts';
import { externalSystemKind } from '../api/group.ts';
import type { ExternalSystem } from '../api/resource.ts';
import { specProblems, validateManifest, type Problem } from '../api/validate.ts';
import { Failure } from '../connector/failure.ts';
import { resolveSchedule } from '../sync/schedule.ts';
import type { Manifest } from './manifests.ts';

function scheduleProblem(schedule: Parameters<typeof resolveSchedule>[0]): string | undefined {
  const resolved = resolveSchedule(schedule, '');
  return 'problem' in resolved ? resolved.problem : undefined;
}

/** What is wrong with a manifest, by the connectors of this program. */
export function problemsOf(manifest: Manifest): readonly Problem[] {
  const problems = validateManifest(manifest, connectors, scheduleProblem);
  if (problems.length > 0 || manifest.kind !== externalSystemKind) return problems;
  return addressProblems(manifest['spec'] as ExternalSystemSpec);
}

/** The first problem of a system's spec, beginning with the field; of the others the fields. */
export function specProblemOf({ spec }: ExternalSystem): string | undefined {
  const own = specProblems(spec, connectors, scheduleProblem);
  const [first, ...more] = own.length > 0 ? own : addressProblems(spec);
  if (first === undefined) return undefined;
  const others = more.map(({ path }) => path).slice(0, 5);
  const also = more.length === 0 ? '' : ` Also wrong: ${others.join(', ')}${more.length > 5 ? ', …' : ''}.`;
  return `${first.path}: ${first.message}.${also}`;
}

/** A schema cannot say all of what an address must be; the connector can. The spec has passed its schema. */
function addressProblems(spec: ExternalSystemSpec): readonly Problem[] {
  const connector = connectors.find(({ id }) => id in spec.connector);
  if (connector === undefined) return [];
  try {
    connector.origin(spec.connector[connector.id]);
    return [];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const path = `spec.connector.${connector.id}`;
    return [{ path, message: error.message.replace(`${path}: `, '') }];
  }
}
