// SPDX-License-Identifier: Apache-2.0
import { roleSources, type RoleMapping, type RoleSource } from './role-mappings.ts';
import type { Problem } from './schema-problems.ts';

/** Whether each mapping says what stands for its role, also in a spec that does not fit its schema: so all is told at once. Pure. */
export function roleChoiceProblems(mappings: unknown, known: readonly RoleSource[]): readonly Problem[] {
  if (!Array.isArray(mappings) || known.length === 0) return [];
  return mappings.flatMap((mapping: unknown, index) => {
    if (typeof mapping !== 'object' || mapping === null || Array.isArray(mapping)) return [];
    const message = choiceProblem(mapping, known);
    return message === undefined ? [] : [{ path: `spec.roleMappings[${index}]`, message }];
  });
}

function choiceProblem(mapping: object, known: readonly RoleSource[]): string | undefined {
  const given = roleSources.filter((source) => Reflect.get(mapping, source) !== undefined);
  const [only, ...others] = known;
  if (given.length === 0)
    return `gives no ${known.join(' and no ')}; give ${others.length === 0 ? 'one' : 'one of them'}`;
  if (given.length === 1) return undefined;
  return `gives ${given.join(' and ')}; give ${others.length === 0 ? only : 'one of them'} alone`;
}

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
    const choice = choiceProblem(mapping, known);
    if (choice !== undefined) return [{ path, message: choice }];
    const source = roleSources.find((name) => mapping[name] !== undefined) ?? 'group';
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
