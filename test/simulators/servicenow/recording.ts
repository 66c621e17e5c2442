// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { listSource, Table, valueOf, type Cell, type Row } from './rows.ts';

interface Recording {
  readonly exchanges: readonly {
    readonly request: { readonly url: string };
    readonly response: { readonly body: { readonly result?: unknown } };
  }[];
}

export interface RecordedEstate {
  readonly tables: Map<string, Table>;
  /** Name of the class above, by class. */
  readonly parents: Map<string, string>;
}

/**
 * Tables from a file of recorded answers: `{ exchanges: [{ request: { url }, response: { body: { result } } }] }`. Rows of one
 * table are merged by sys_id. Class rows without a sys_id get the one by which others name them as their parent.
 */
export function readRecording(file: string): RecordedEstate {
  const recording = JSON.parse(readFileSync(file, 'utf8')) as Recording;
  const byTable = new Map<string, Row[]>();
  for (const { request, response } of recording.exchanges) {
    const table = /\/api\/now\/(?:v[12]\/)?table\/(\w+)/u.exec(request.url)?.[1];
    const { result } = response.body;
    if (table === undefined || result === undefined) continue;
    const rows = (Array.isArray(result) ? result : [result]) as Record<string, unknown>[];
    byTable.set(table, [...(byTable.get(table) ?? []), ...rows.map(toRow)]);
  }
  const classRows = nameClasses(byTable.get('sys_db_object') ?? []);
  byTable.set('sys_db_object', classRows);
  const names = new Map(classRows.map((row) => [valueOf(row['sys_id']), valueOf(row['name'])]));
  const parents = new Map(
    classRows.map((row) => [valueOf(row['name']), names.get(valueOf(row['super_class'])) ?? '']),
  );
  // Items of all classes stand in one table; asking for a class gives those of the classes below.
  const items = [...byTable].filter(([table]) => table.startsWith('cmdb_ci')).flatMap(([, rows]) => rows);
  for (const table of byTable.keys()) if (table.startsWith('cmdb_ci')) byTable.delete(table);
  byTable.set('cmdb_ci', items);
  for (const table of [
    'cmdb_rel_ci',
    'sys_user',
    'sys_user_group',
    'sys_user_grmember',
    'sys_dictionary',
    'sys_audit_delete',
  ]) {
    if (!byTable.has(table)) byTable.set(table, []);
  }
  for (const row of classRows) {
    const above = valueOf(row['super_class']);
    // A class that hangs nowhere would hide its items from every question.
    if (above !== '' && !names.has(above))
      throw new Error(`class ${valueOf(row['name'])} names an unknown class above it`);
  }
  const tables = new Map([...byTable].map(([table, rows]) => [table, new Table(listSource(merged(rows)))]));
  return { tables, parents };
}

function toRow(raw: Record<string, unknown>): Row {
  return Object.fromEntries(Object.entries(raw).map(([field, cell]) => [field, toCell(cell)]));
}

/** A recorded reference has a link beside its value; where a label is known it is kept. */
function toCell(cell: unknown): Cell {
  if (typeof cell === 'string') return cell;
  const { value, display_value: label } = (cell ?? {}) as { value?: string; display_value?: string | null };
  return { value: value ?? '', display_value: label === undefined ? (value ?? '') : label };
}

function merged(rows: readonly Row[]): Row[] {
  const byId = new Map<string, Row>();
  for (const row of rows) {
    const id = valueOf(row['sys_id']);
    byId.set(id, { ...byId.get(id), ...row });
  }
  return [...byId.values()];
}

/** A class is the parent of the classes whose names go on from its own; so its sys_id is what they name as super_class. */
function nameClasses(rows: readonly Row[]): Row[] {
  const known = rows.filter((row) => row['sys_id'] !== undefined);
  const nameless = rows.filter((row) => row['sys_id'] === undefined);
  const chain = ['cmdb', 'cmdb_ci', 'cmdb_ci_hardware', 'cmdb_ci_computer', 'cmdb_ci_server'];
  const unix = new Set(['cmdb_ci_aix_server', 'cmdb_ci_solaris_server', 'cmdb_ci_hpux_server']);
  const parentOf = (name: string): string => {
    const at = chain.indexOf(name);
    if (at !== -1) return chain[at - 1] ?? '';
    return unix.has(name) ? 'cmdb_ci_unix_server' : 'cmdb_ci_server';
  };
  const ids = new Map<string, string>();
  for (const row of nameless) {
    const above = valueOf(row['super_class']);
    const parent = parentOf(valueOf(row['name']));
    if (above !== '' && parent !== '' && !ids.has(parent)) ids.set(parent, above);
  }
  return [
    ...known,
    ...nameless.map((row) => {
      const name = valueOf(row['name']);
      return { sys_id: ids.get(name) ?? `class-${name}`.slice(0, 32), label: name, ...row };
    }),
  ];
}
