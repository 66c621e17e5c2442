// SPDX-License-Identifier: Apache-2.0
import { valueOf, type Cell, type Table } from './rows.ts';

/** The table that a reference leads to; undefined for a field that is none. */
export type Targets = (field: string) => Table | undefined;

/** A field of the record that references lead to, such as `location.city`; empty where the reference is. */
export function walkedCell(
  table: Table,
  position: number,
  field: string,
  targets: Targets,
): Cell | undefined {
  const [head, rest] = parted(field);
  const cell = table.cell(position, head);
  if (rest === undefined || cell === undefined) return cell;
  const target = targets(head);
  if (target === undefined) return undefined;
  const all = target.matching('', () => true);
  const id = valueOf(cell);
  const there = all[target.countUpTo(all, id, false)];
  return there === undefined || target.id(there) !== id ? '' : walkedCell(target, there, rest, targets);
}

/** Whether every step of such a path is there; `first` tells of the table itself. */
export function knowsPath(field: string, first: (field: string) => boolean, targets: Targets): boolean {
  const [head, rest] = parted(field);
  if (!first(head)) return false;
  if (rest === undefined) return true;
  const target = targets(head);
  if (target === undefined) return false;
  const fields = new Set(target.fields);
  return knowsPath(rest, (name) => fields.has(name), targets);
}

function parted(field: string): readonly [head: string, rest: string | undefined] {
  const dot = field.indexOf('.');
  return dot === -1 ? [field, undefined] : [field.slice(0, dot), field.slice(dot + 1)];
}
