// SPDX-License-Identifier: Apache-2.0

export interface Labelled {
  readonly value: string;
  readonly display_value: string | null;
  readonly currency_display_value?: string;
}

/** What a real instance would not answer (a number, a list): it is served as it is, in every shape. */
export interface Odd {
  readonly odd: unknown;
}

/** A stored value, one with its label, or something odd. */
export type Cell = string | Labelled | Odd;
export type Row = Readonly<Record<string, Cell>>;

/** Rows in the order of their sys_id; a cell is made when it is asked for, so that millions of rows cost no memory. */
export interface RowSource {
  readonly size: number;
  readonly fields: readonly string[];
  id(index: number): string;
  cell(index: number, field: string): Cell | undefined;
}

export function listSource(rows: readonly Row[]): RowSource {
  const sorted = rows.toSorted((one, other) => inOrder(valueOf(one['sys_id']), valueOf(other['sys_id'])));
  const fields = [...new Set(sorted.flatMap((row) => Object.keys(row)))];
  return {
    size: sorted.length,
    fields,
    id: (index) => valueOf(sorted[index]?.['sys_id']),
    cell: (index, field) => sorted[index]?.[field],
  };
}

export function generatedSource(
  count: number,
  prefix: string,
  cells: Readonly<Record<string, (index: number) => Cell>>,
): RowSource {
  const id = (index: number) => generatedId(prefix, index);
  const known: Readonly<Record<string, (index: number) => Cell>> = { sys_id: id, ...cells };
  return { size: count, fields: Object.keys(known), id, cell: (index, field) => known[field]?.(index) };
}

/** 32 hex digits that grow with the index: the table's prefix, the index, and noise. */
export function generatedId(prefix: string, index: number): string {
  const noise = (Math.imul(index + 1, 2_654_435_761) >>> 0).toString(16).padStart(8, '0');
  return `${prefix}${index.toString(16).padStart(8, '0')}${noise}${noise}`.padEnd(32, '0').slice(0, 32);
}

function inOrder(one: string, other: string): number {
  return one === other ? 0 : one < other ? -1 : 1;
}

export function isOdd(cell: Cell): cell is Odd {
  return typeof cell === 'object' && 'odd' in cell;
}

/** What queries compare with. */
export function valueOf(cell: Cell | undefined): string {
  if (cell === undefined) return '';
  if (typeof cell === 'string') return cell;
  if (!isOdd(cell)) return cell.value;
  return typeof cell.odd === 'number' || typeof cell.odd === 'boolean' ? String(cell.odd) : '';
}

/** What has become of a row: nothing, other values in some fields, or it is gone. */
export type Change = Row | 'gone' | undefined;

/** A table as it stands: what it began with, and what has happened since. */
export class Table {
  private readonly source: RowSource;
  private readonly patches = new Map<string, Row>();
  private readonly removed = new Set<string>();
  private readonly inserted: Row[] = [];
  private readonly cache = new Map<string, readonly number[]>();
  private change: (index: number) => Change = () => undefined;

  constructor(source: RowSource) {
    this.source = source;
  }

  get fields(): readonly string[] {
    return [...new Set([...this.source.fields, ...this.inserted.flatMap((row) => Object.keys(row))])];
  }

  /** Positions are indexes of the source; inserted rows have negative ones. */
  id(position: number): string {
    return position < 0 ? valueOf(this.inserted[-position - 1]?.['sys_id']) : this.source.id(position);
  }

  cell(position: number, field: string): Cell | undefined {
    if (position < 0) return this.inserted[-position - 1]?.[field];
    const change = this.change(position);
    if (typeof change === 'object' && Object.hasOwn(change, field)) return change[field];
    if (this.patches.size > 0) {
      const patch = this.patches.get(this.source.id(position));
      if (patch !== undefined && Object.hasOwn(patch, field)) return patch[field];
    }
    return this.source.cell(position, field);
  }

  /** What has become of the rows that the table began with, as a rule: it holds for millions and costs no memory. */
  changeAll(change: (index: number) => Change): void {
    this.cache.clear();
    this.change = change;
  }

  insert(row: Row): void {
    this.cache.clear();
    this.inserted.push(row);
  }

  update(id: string, patch: Row): void {
    this.cache.clear();
    const index = this.inserted.findIndex((row) => valueOf(row['sys_id']) === id);
    if (index === -1) this.patches.set(id, { ...this.patches.get(id), ...patch });
    else this.inserted[index] = { ...this.inserted[index], ...patch };
  }

  remove(id: string): void {
    this.cache.clear();
    const index = this.inserted.findIndex((row) => valueOf(row['sys_id']) === id);
    if (index === -1) this.removed.add(id);
    else this.inserted.splice(index, 1);
  }

  /** Positions of the rows for which the filter holds, in the order of sys_id; kept until something changes. */
  matching(key: string, holds: (position: number) => boolean): readonly number[] {
    const known = this.cache.get(key);
    if (known !== undefined) return known;
    const found = this.where(holds);
    if (this.cache.size > 64) this.cache.clear();
    this.cache.set(key, found);
    return found;
  }

  /** The same, looked at anew. */
  where(holds: (position: number) => boolean): readonly number[] {
    const found: number[] = [];
    for (let index = 0; index < this.source.size; index += 1) {
      if (this.removed.size > 0 && this.removed.has(this.source.id(index))) continue;
      if (this.change(index) === 'gone') continue;
      if (holds(index)) found.push(index);
    }
    if (this.inserted.length > 0) {
      for (let index = 0; index < this.inserted.length; index += 1)
        if (holds(-index - 1)) found.push(-index - 1);
      found.sort((one, other) => inOrder(this.id(one), this.id(other)));
    }
    return found;
  }

  /** Of a sorted list, the positions of these ids. */
  withIds(positions: readonly number[], ids: readonly string[]): readonly number[] {
    return ids.flatMap((id) => {
      const position = positions[this.countUpTo(positions, id, false)];
      return position !== undefined && this.id(position) === id ? [position] : [];
    });
  }

  /** How many positions of a sorted list come before, or up to, an id. */
  countUpTo(positions: readonly number[], id: string, inclusive: boolean): number {
    let low = 0;
    let high = positions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const here = this.id(positions[middle] ?? 0);
      if (here < id || (inclusive && here === id)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
