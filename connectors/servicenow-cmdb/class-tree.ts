// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import type { TableApi } from './api.ts';
import { readAll } from './look-up.ts';
import type { PageSize } from './page-size.ts';
import { storedText } from './raw-row.ts';

const maxDepth = 32;

/** The class tree of an instance, from sys_db_object. */
export interface ClassTree {
  has(name: string): boolean;
  /** Name of the class above; undefined at the top. */
  parentOf(name: string): string | undefined;
  labelOf(name: string): string | undefined;
  /** A class and all above it, the class first. */
  chain(name: string): readonly string[];
  /** A class and all below it, the class first. */
  below(name: string): readonly string[];
}

/** Throws a permission Failure when the tree is not readable as a whole: a class that is missing in it loses its columns. */
export async function readClassTree(api: TableApi, size: PageSize): Promise<ClassTree> {
  const selection = {
    table: 'sys_db_object',
    filter: '',
    fields: ['sys_id', 'name', 'label', 'super_class', 'super_class.name'],
    labels: false,
  };
  const { rows, hidden } = await readAll(api, selection, size);
  if (hidden || rows.length === 0) {
    throw new Failure(
      'permission',
      `table sys_db_object ${hidden ? 'hides rows' : 'gives no rows'}, so the classes are not known; grant read access to all of sys_db_object (role personalize_dictionary or an ACL)`,
    );
  }
  return buildClassTree(rows);
}

/** Pure. References to the class above may be a plain id, an object with the id, or the dot-walked name. */
export function buildClassTree(rows: readonly unknown[]): ClassTree {
  const nameById = new Map<string, string>();
  for (const row of rows) {
    const id = storedText(row, 'sys_id');
    const name = storedText(row, 'name');
    if (id !== undefined && name !== undefined) nameById.set(id, name);
  }
  const parents = new Map<string, string | undefined>();
  const labels = new Map<string, string>();
  const children = new Map<string, string[]>();
  for (const row of rows) {
    const name = storedText(row, 'name');
    if (name === undefined) continue;
    const reference = storedText(row, 'super_class');
    const byId = reference === undefined ? undefined : nameById.get(reference);
    parents.set(name, byId ?? storedText(row, 'super_class.name'));
    const label = storedText(row, 'label');
    if (label !== undefined) labels.set(name, label);
  }
  for (const [name, above] of parents) {
    if (above !== undefined) children.set(above, [...(children.get(above) ?? []), name]);
  }
  return {
    has: (name) => parents.has(name),
    parentOf: (name) => parents.get(name),
    labelOf: (name) => labels.get(name),
    chain(name) {
      const chain = [name];
      for (let above = parents.get(name); above !== undefined; above = parents.get(above)) {
        if (chain.length >= maxDepth || chain.includes(above)) break;
        chain.push(above);
      }
      return chain;
    },
    below(name) {
      const found = new Set([name]);
      // A set gives what is added while it is gone through, and a loop in the tree adds nothing.
      for (const each of found) for (const child of children.get(each) ?? []) found.add(child);
      return [...found];
    },
  };
}

/**
 * The classes to read as scopes: the listed ones without those below another listed one, whose rows come with it.
 * Throws a configuration Failure for a class that the instance does not have.
 */
export function scopeClasses(listed: readonly string[], tree: ClassTree): readonly string[] {
  for (const [index, name] of listed.entries()) {
    if (tree.has(name)) continue;
    throw new Failure(
      'configuration',
      `spec.connector.serviceNowCmdb.classes[${index}]: the instance has no class ${name}; use the name of a table, such as cmdb_ci_server`,
    );
  }
  const names = new Set(listed);
  return [...names].filter(
    (name) =>
      !tree
        .chain(name)
        .slice(1)
        .some((above) => names.has(above)),
  );
}
