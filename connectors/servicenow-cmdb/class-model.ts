// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import type { TableApi } from './api.ts';
import { readAll, storedText } from './walk.ts';

/** Look-up tables hold small rows of few fields. */
const lookUpPageSize = 5000;
/** Tables asked for in one question to the dictionary; names of 80 characters stay within an address of 8 KB. */
const namesPerQuery = 60;
/** A longer list of fields does not fit into an address for sure. */
const maxFieldsLength = 6000;
const maxDepth = 32;

/** The class tree of an instance, from sys_db_object. */
export interface ClassTree {
  has(name: string): boolean;
  /** Name of the class above; undefined at the top. */
  parentOf(name: string): string | undefined;
  labelOf(name: string): string | undefined;
  /** A class and all above it, the class first. */
  chain(name: string): readonly string[];
}

/** The fields to ask for of one class. */
export interface ClassFields {
  /** Undefined: ask for all, and drop secret ones from the answer. */
  readonly fields: readonly string[] | undefined;
  /** Whether the list comes from the dictionary, or secrets are known by their names only. */
  readonly source: 'dictionary' | 'all';
  isSecret(field: string): boolean;
}

interface DictionaryEntry {
  readonly field: string;
  readonly secret: boolean;
}

/** Dictionary types whose values are secrets, hashed or not. */
const secretTypes: ReadonlySet<string> = new Set(['password', 'password2', 'glide_encrypted']);
/** Without a dictionary, secrets show by their names only. */
const secretName = /passw(or)?d|passphrase|secret|credential|private_?key|api_?key|access_?key|token/iu;

/** Fields that every class has and the reading depends on. */
const baseFields = [
  'sys_id',
  'sys_class_name',
  'name',
  'sys_created_on',
  'sys_updated_on',
  'sys_mod_count',
] as const;

export async function readClassTree(api: TableApi): Promise<ClassTree> {
  const selection = {
    table: 'sys_db_object',
    filter: '',
    fields: ['sys_id', 'name', 'label', 'super_class', 'super_class.name'],
    labels: false,
  };
  const { rows } = await readAll(api, selection, lookUpPageSize);
  if (rows.length === 0) {
    throw new Failure(
      'permission',
      'table sys_db_object gives no rows, so the classes are not known; grant read access to sys_db_object (role personalize_dictionary or an ACL)',
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
  for (const row of rows) {
    const name = storedText(row, 'name');
    if (name === undefined) continue;
    const reference = storedText(row, 'super_class');
    const byId = reference === undefined ? undefined : nameById.get(reference);
    parents.set(name, byId ?? storedText(row, 'super_class.name'));
    const label = storedText(row, 'label');
    if (label !== undefined) labels.set(name, label);
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

/** Reads the dictionary of classes as they are needed; one table is asked for once. */
export class ClassDictionary {
  private readonly api: TableApi;
  private readonly tree: ClassTree;
  private readonly entries = new Map<string, readonly DictionaryEntry[]>();

  constructor(api: TableApi, tree: ClassTree) {
    this.api = api;
    this.tree = tree;
  }

  async fieldsOf(classes: readonly string[]): Promise<ReadonlyMap<string, ClassFields>> {
    await this.load([...new Set(classes.flatMap((name) => this.tree.chain(name)))]);
    return new Map(classes.map((name) => [name, this.of(name)]));
  }

  private async load(tables: readonly string[]): Promise<void> {
    const missing = tables.filter((name) => !this.entries.has(name)).toSorted();
    for (let start = 0; start < missing.length; start += namesPerQuery) {
      const names = missing.slice(start, start + namesPerQuery);
      const found = new Map<string, DictionaryEntry[]>(names.map((name) => [name, []]));
      const selection = {
        table: 'sys_dictionary',
        filter: `nameIN${names.join(',')}^elementISNOTEMPTY`,
        fields: ['sys_id', 'name', 'element', 'internal_type'],
        labels: false,
      };
      const { rows, hidden } = await readAll(this.api, selection, lookUpPageSize);
      if (hidden) throw incompleteDictionary('hides rows');
      for (const row of rows) {
        const element = storedText(row, 'element');
        const type = storedText(row, 'internal_type');
        const name = storedText(row, 'name');
        if (element === undefined || name === undefined) continue;
        if (type === undefined) throw incompleteDictionary('hides the field internal_type');
        found.get(name)?.push({ field: element, secret: secretTypes.has(type) });
      }
      for (const [name, list] of found) this.entries.set(name, list);
    }
  }

  private of(className: string): ClassFields {
    const entries = this.tree.chain(className).flatMap((name) => this.entries.get(name) ?? []);
    if (entries.length === 0) {
      return { fields: undefined, source: 'all', isSecret: (field) => secretName.test(field) };
    }
    const secrets = new Set(entries.filter((entry) => entry.secret).map((entry) => entry.field));
    const open = entries.filter((entry) => !secrets.has(entry.field)).map((entry) => entry.field);
    const fields = [...new Set([...baseFields, ...open])].toSorted();
    const fits = fields.join(',').length <= maxFieldsLength;
    return {
      fields: fits ? fields : undefined,
      source: 'dictionary',
      isSecret: (field) => secrets.has(field),
    };
  }
}

function incompleteDictionary(how: string): Failure {
  return new Failure(
    'permission',
    `table sys_dictionary ${how}, so the columns of the classes are not known; grant read access to all of sys_dictionary (role personalize_dictionary or an ACL)`,
  );
}
