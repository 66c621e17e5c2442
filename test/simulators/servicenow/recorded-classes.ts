// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { mergedRow, textOf, type RecordedRow } from './recorded-cell.ts';
import { standardClasses } from './standard-classes.ts';

interface ClassEntry {
  readonly row: RecordedRow;
  sysId: string;
  /** Name of the class above; empty at the top. */
  parent: string;
  /** The recording says where it hangs; else the standard tree does, and items may know better. */
  recorded: boolean;
  /** The row is not in the recording. */
  readonly added: boolean;
}

/**
 * The class tree of a recording: what its rows of sys_db_object say, completed by the standard classes. A class row without a
 * sys_id has the one by which others name it as their parent; which parent a standard class names is known from the
 * standard tree. A parent that nobody knows makes a root.
 */
export class RecordedClasses {
  private readonly entries = new Map<string, ClassEntry>();
  /** Rows that name no table. */
  private readonly others: RecordedRow[] = [];
  private readonly nameById = new Map<string, string>();

  constructor(rows: readonly RecordedRow[]) {
    for (const row of rows) this.take(row);
    for (const [name, { parent }] of standardClasses) {
      if (!this.entries.has(name)) this.add(name, parent);
    }
    this.nameParents();
    for (const entry of this.entries.values()) {
      if (entry.row['super_class'] !== undefined) this.setParent(entry);
    }
    for (const [name, entry] of this.entries) {
      if (entry.sysId === '') entry.sysId = madeId(name);
    }
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  parentOf(name: string): string {
    return this.entries.get(name)?.parent ?? '';
  }

  /** A class and all above it, the class first. A loop ends where it began. */
  chain(name: string): readonly string[] {
    const chain = [name];
    for (
      let above = this.parentOf(name);
      above !== '' && !chain.includes(above);
      above = this.parentOf(above)
    ) {
      chain.push(above);
    }
    return chain;
  }

  /** Whether a class is one of configuration items, as far as its place in the tree tells. */
  isItem(name: string): boolean {
    return this.has(name) && this.chain(name).some((above) => above === 'cmdb_ci' || above === 'cmdb');
  }

  below(name: string): ReadonlySet<string> {
    return new Set([...this.entries.keys(), name].filter((each) => this.chain(each).includes(name)));
  }

  /** The one class with this label: that of the recording before that of the standard tree. */
  byLabel(label: string): string | undefined {
    const recorded = [...this.entries].filter(
      ([, { row, added }]) => !added && textOf(row['label']) === label,
    );
    const standard = [...standardClasses].filter(([, { label: known }]) => known === label);
    const found = (recorded.length > 0 ? recorded : standard).map(([name]) => name);
    return found.length === 1 ? found[0] : undefined;
  }

  /** Hangs a class below a table whose answer held an item of it, unless the recording itself says where it hangs. */
  hang(name: string, table: string): void {
    const entry = this.entries.get(name) ?? this.add(name, '');
    if (entry.sysId === '') entry.sysId = madeId(name);
    const loops = this.chain(table).includes(name);
    if (!entry.recorded && !loops && !this.chain(name).includes(table)) entry.parent = table;
  }

  /** Rows of sys_db_object: the recorded ones with what was missing, then the added ones. */
  rows(): RecordedRow[] {
    return [...this.others, ...[...this.entries].map(([name, entry]) => this.rowOf(name, entry))];
  }

  private rowOf(name: string, { row, sysId, parent }: ClassEntry): RecordedRow {
    const above = this.entries.get(parent);
    const recorded = row['super_class'];
    const cells = { ...row, name: row['name'] ?? cell(name), sys_id: cell(sysId) };
    if (above === undefined) return { ...cells, super_class: recorded ?? cell('') };
    const stays = this.nameById.get(textOf(recorded)) === parent;
    return stays ? cells : { ...cells, super_class: cell(above.sysId) };
  }

  private take(row: RecordedRow): void {
    const name = textOf(row['name']);
    if (name === '') {
      this.others.push(row);
      return;
    }
    const known = this.entries.get(name);
    const merged = known === undefined ? row : mergedRow(known.row, row);
    const sysId = textOf(merged['sys_id']);
    const parent = standardClasses.get(name)?.parent ?? '';
    this.entries.set(name, { row: merged, sysId, parent, recorded: false, added: false });
    const id = textOf(row['sys_id']);
    if (id !== '') this.nameById.set(id, name);
  }

  private add(name: string, parent: string): ClassEntry {
    const label = standardClasses.get(name)?.label;
    const row: RecordedRow = { name: cell(name), ...(label === undefined ? {} : { label: cell(label) }) };
    const entry: ClassEntry = { row, sysId: '', parent, recorded: false, added: true };
    this.entries.set(name, entry);
    return entry;
  }

  /** Finds whose sys_ids the parents are that no recorded row has, by the name that most of their children have above them. */
  private nameParents(): void {
    const votes = new Map<string, Map<string, number>>();
    for (const [name, { row }] of this.entries) {
      const reference = row['super_class'];
      const id = textOf(reference);
      if (id === '' || isLabelOnly(reference) || this.nameById.has(id) || this.entries.has(id)) continue;
      const said = this.saidParent(row) ?? standardClasses.get(name)?.parent ?? '';
      if (said === '') continue;
      const counts = votes.get(id) ?? new Map<string, number>();
      votes.set(id, counts.set(said, (counts.get(said) ?? 0) + 1));
    }
    for (const [id, counts] of votes) {
      const [best] = [...counts].toSorted(([, one], [, other]) => other - one);
      const name = best?.[0] ?? '';
      const entry = this.entries.get(name) ?? this.add(name, standardClasses.get(name)?.parent ?? '');
      if (entry.sysId !== '') continue;
      entry.sysId = id;
      this.nameById.set(id, name);
    }
  }

  /** The parent by its name or label, where a row shows one. */
  private saidParent(row: RecordedRow): string | undefined {
    const name = textOf(row['super_class.name']);
    if (name !== '') return name;
    const reference = row['super_class'];
    const label = reference === undefined || 'odd' in reference ? undefined : reference.label;
    return label === undefined || label === null || label === '' ? undefined : this.byLabel(label);
  }

  private setParent(entry: ClassEntry): void {
    const reference = textOf(entry.row['super_class']);
    const named = this.entries.has(reference) ? reference : undefined;
    const said = this.nameById.get(reference) ?? named ?? this.saidParent(entry.row);
    entry.parent = said ?? '';
    entry.recorded = reference === '' || said !== undefined;
  }
}

function isLabelOnly(cell: RecordedRow[string] | undefined): boolean {
  return cell !== undefined && !('odd' in cell) && cell.labelOnly === true;
}

function cell(value: string): RecordedRow[string] {
  return { value, label: undefined };
}

/** A sys_id for a class that the recording gives none: always the same for the same name. */
function madeId(name: string): string {
  return hash('sha256', `class ${name}`, 'hex').slice(0, 32);
}
