// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import type { TableApi } from './api.ts';
import { addressParts } from './chunks.ts';
import type { ClassTree } from './class-tree.ts';
import { allColumns, type Columns } from './columns.ts';
import { readAll } from './look-up.ts';
import type { PageSize } from './page-size.ts';
import { storedText } from './raw-row.ts';
import { hasSecretName, isSecretType } from './secret-fields.ts';

/** A longer list of fields does not fit into an address for sure. */
const maxFieldsLength = 6000;

export interface DictionaryEntry {
  readonly field: string;
  readonly secret: boolean;
  /** Table that a reference leads to. */
  readonly reference: string | undefined;
}

/** Fields of every configuration item that the dictionary must know: it knows only a part of the columns otherwise. */
export const itemFields = ['sys_id', 'sys_class_name', 'name'] as const;
/** Fields that the reading depends on, asked for in any case. */
const systemFields = ['sys_created_on', 'sys_updated_on', 'sys_mod_count'] as const;

/** Reads the dictionary of tables as they are needed; one table is asked for once. */
export class Dictionary {
  private readonly api: TableApi;
  private readonly tree: ClassTree;
  private readonly size: PageSize;
  /** Tables that other streams will ask for: they come with the first question. */
  private readonly besides: readonly string[];
  private readonly entries = new Map<string, readonly DictionaryEntry[]>();

  constructor(api: TableApi, tree: ClassTree, size: PageSize, besides: readonly string[] = []) {
    this.api = api;
    this.tree = tree;
    this.size = size;
    this.besides = besides;
  }

  /** Reads what is missing of tables and all above them, in as few questions as addresses allow. */
  async load(tables: readonly string[]): Promise<void> {
    const wanted = new Set([...tables, ...this.besides].flatMap((name) => this.tree.chain(name)));
    const missing = [...wanted].filter((name) => !this.entries.has(name)).toSorted();
    for (const names of addressParts(missing)) {
      const found = new Map<string, DictionaryEntry[]>(names.map((name) => [name, []]));
      const rows = await this.read(`nameIN${names.join(',')}^elementISNOTEMPTY`);
      for (const { table, entry } of rows) {
        const list = found.get(table);
        if (list === undefined) throw disobeyed(table);
        list.push(entry);
      }
      for (const [name, list] of found) this.entries.set(name, list);
    }
  }

  private async read(
    filter: string,
  ): Promise<readonly { readonly table: string; readonly entry: DictionaryEntry }[]> {
    const selection = {
      table: 'sys_dictionary',
      filter,
      fields: ['sys_id', 'name', 'element', 'internal_type', 'reference'],
      labels: false,
    };
    const { rows, hidden } = await readAll(this.api, selection, this.size);
    if (hidden) throw incompleteDictionary('hides rows');
    return rows.flatMap((row) => {
      const field = storedText(row, 'element');
      const type = storedText(row, 'internal_type');
      const table = storedText(row, 'name');
      if (field === undefined || table === undefined) return [];
      if (type === undefined) throw incompleteDictionary('hides the field internal_type');
      const reference = storedText(row, 'reference');
      return [{ table, entry: { field, secret: isSecretType(type), reference } }];
    });
  }

  /** The columns of a table by name, those of the tables above included; empty when the dictionary gives no rows of it. */
  async entriesOf(table: string): Promise<ReadonlyMap<string, DictionaryEntry>> {
    await this.load([table]);
    const known = new Map<string, DictionaryEntry>();
    for (const name of this.tree.chain(table)) {
      for (const entry of this.entries.get(name) ?? []) {
        // A table may override a column of one above: secret once is secret.
        const own = known.get(entry.field);
        const secret = entry.secret || own?.secret === true;
        known.set(entry.field, { ...entry, secret, reference: own?.reference ?? entry.reference });
      }
    }
    return known;
  }

  /**
   * The entries of fields by name, of whichever of the tables, or of one above or below them, has them. Asked for by name: a class has
   * hundreds of classes below it, whose whole dictionaries nobody needs. Empty when the dictionary gives none of the tables.
   */
  async entriesNamed(
    names: readonly string[],
    tables: readonly string[],
  ): Promise<ReadonlyMap<string, readonly DictionaryEntry[]>> {
    const found = new Map<string, DictionaryEntry[]>();
    for (const table of tables) {
      if ((await this.entriesOf(table)).size === 0) return found;
    }
    const near = new Set(tables.flatMap((name) => [...this.tree.chain(name), ...this.tree.below(name)]));
    for (const some of addressParts(names)) {
      for (const { table, entry } of await this.read(`elementIN${some.join(',')}`)) {
        if (!near.has(table)) continue;
        const known = found.get(entry.field);
        if (known === undefined) found.set(entry.field, [entry]);
        else known.push(entry);
      }
    }
    // Tables that are listed, none of whose fields is one of these: still an answer.
    if (found.size === 0) for (const name of names) found.set(name, []);
    return found;
  }

  /** The columns to read of a table. Throws a permission Failure when it knows some, but not all that are `needed`. */
  async columnsOf(table: string, needed: readonly string[] = itemFields): Promise<Columns> {
    const entries = await this.entriesOf(table);
    if (entries.size === 0) return allColumns;
    const absent = needed.filter((field) => !entries.has(field));
    if (absent.length > 0) {
      throw incompleteDictionary(`has rows for only a part of ${table} (no ${absent.join(', ')})`);
    }
    const open = [...entries.values()].filter(({ secret }) => !secret).map(({ field }) => field);
    const fields = [...new Set([...needed, ...systemFields, ...open])].toSorted();
    return {
      fields: fields.join(',').length <= maxFieldsLength ? fields : undefined,
      source: 'dictionary',
      keeps: (field) => !(entries.get(field)?.secret ?? hasSecretName(field)),
    };
  }
}

/** Rows that nobody asked for stand where others are missing: columns would go unread in silence. */
function disobeyed(table: string): Failure {
  const given = /^\w{1,80}$/u.test(table) ? `rows of ${table}` : 'rows of another table';
  return new Failure(
    'contract',
    `table sys_dictionary: the condition on name is not obeyed (${given} came unasked); look at what stands between here and the instance`,
  );
}

function incompleteDictionary(how: string): Failure {
  return new Failure(
    'permission',
    `table sys_dictionary ${how}, so not all columns are known; grant read access to all of sys_dictionary (role personalize_dictionary or an ACL)`,
  );
}
