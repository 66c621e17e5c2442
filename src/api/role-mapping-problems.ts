// SPDX-License-Identifier: Apache-2.0
import { roleSources, type RoleMapping, type RoleSource } from './role-mappings.ts';
import type { Problem } from './schema-problems.ts';

/** What is wrong with mappings that fit their schema, by what a connector can find. Pure. */
export function roleMappingProblems(
  mappings: readonly RoleMapping[] = [],
  connector: { readonly id: string; readonly roleSources: readonly RoleSource[] },
): readonly Problem[] {
  const known = connector.roleSources;
  if (mappings.length > 0 && known.length === 0)
    return [{ path: 'spec.roleMappings', message: `${connector.id} reads no role assignments; remove it` }];
  const seen = new Set<string>();
  return mappings.flatMap((mapping, index) => {
    const path = `spec.roleMappings[${index}]`;
    const given = roleSources.filter((source) => mapping[source] !== undefined);
    const [source] = given;
    if (source === undefined || given.length > 1)
      return [{ path, message: `give ${roleSources.join(' or ')}, and only one of them` }];
    if (!known.includes(source)) {
      const message = `${connector.id} has no such thing; use ${known.join(' or ')}`;
      return [{ path: `${path}.${source}`, message }];
    }
    const same = JSON.stringify([mapping.role, source, mapping[source]]);
    if (seen.has(same)) return [{ path, message: 'says the same as one before it; remove it' }];
    seen.add(same);
    return [];
  });
}
