// SPDX-License-Identifier: Apache-2.0
import type { Dictionary } from './dictionary.ts';

/** Where a path of fields ends before its time: at which table, at which name. */
export interface PathTrouble {
  readonly kind: 'noDictionary' | 'unknown' | 'secret' | 'noReference';
  readonly table: string;
  readonly name: string;
}

/** Follows a path through the references of the dictionary; every hop must be known. Undefined when all are. */
export async function followPath(
  path: readonly string[],
  from: string,
  dictionary: Dictionary,
): Promise<PathTrouble | undefined> {
  let table = from;
  for (const [hop, name] of path.entries()) {
    const entries = await dictionary.entriesOf(table);
    if (entries.size === 0) return { kind: 'noDictionary', table, name };
    const entry = entries.get(name);
    if (entry === undefined) return { kind: 'unknown', table, name };
    if (entry.secret) return { kind: 'secret', table, name };
    if (hop === path.length - 1) return undefined;
    if (entry.reference === undefined) return { kind: 'noReference', table, name };
    table = entry.reference;
  }
  return undefined;
}
