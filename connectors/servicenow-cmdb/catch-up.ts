// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import {
  classNameOf,
  columnsOf,
  tableOf,
  withoutSecrets,
  type ClassContext,
  type Scope,
} from './class-scope.ts';
import { chunks } from './chunks.ts';
import { allOf, type ScopeEvent } from './scope-end.ts';
import { readAll, sysIdOf, walk, walkStart } from './walk.ts';
import type { Checkpoint } from './wire.ts';

/** Ids of 32 characters in one query keep the address within 4 KB. */
const idsPerQuery = 100;
/** A record that changes its class more often than this while it is looked up is left for the next run. */
const maxLookUps = 3;

/**
 * Reads once more what was edited since a full reading began, so that a record that moved from a class not yet read to
 * one already read is seen. Returns whether row access hid any of them. The list of ids goes over the whole scope, where a move changes
 * neither membership nor order.
 */
export async function* catchUp(
  context: ClassContext,
  scope: Scope,
  since: string,
  checkpoint: Checkpoint,
): AsyncGenerator<ScopeEvent, boolean, void> {
  const { session } = context;
  const selection = {
    table: scope.table,
    filter: allOf(scope.query, `sys_updated_on>=${since}`),
    fields: ['sys_id', 'sys_class_name'],
    labels: false,
  };
  const pages = walk(session.api, selection, session.pageSize, walkStart);
  for (;;) {
    const step = await pages.next();
    if (step.done === true) return step.value.hidden;
    let wanted = byClass(step.value.rows, scope.table);
    for (let attempt = 1; wanted.size > 0; attempt += 1) {
      if (attempt > maxLookUps) {
        throw new Failure(
          'contract',
          `table ${scope.table}: a record changes its class again and again while it is read; the next run tries again`,
        );
      }
      const missing: string[] = [];
      for (const [className, ids] of wanted) {
        for (const some of chunks(ids, idsPerQuery)) {
          // A table that gives nothing time and again is left for that of the scope, which said where the row stands.
          const table = attempt < maxLookUps ? tableOf(context.tree, className, scope) : scope.table;
          const found = await lookUp(context, table, className, some);
          if (found.length > 0) yield { type: 'page', scope: scope.name, rows: found, checkpoint };
          const seen = new Set(found.map(sysIdOf));
          missing.push(...some.filter((id) => !seen.has(id)));
        }
      }
      wanted = await whereNow(context, scope, missing);
    }
  }
}

function byClass(rows: readonly unknown[], table: string): Map<string, string[]> {
  const ids = new Map<string, string[]>();
  for (const row of rows) {
    const id = sysIdOf(row);
    if (id === undefined) continue;
    const className = classNameOf(row, table);
    const known = ids.get(className);
    if (known === undefined) ids.set(className, [id]);
    else known.push(id);
  }
  return ids;
}

async function lookUp(
  context: ClassContext,
  table: string,
  className: string,
  ids: readonly string[],
): Promise<readonly unknown[]> {
  const columns = await columnsOf(context, table);
  const filter = `sys_class_name=${className}^sys_idIN${ids.join(',')}`;
  const selection = { table, filter, fields: columns.fields, labels: true };
  try {
    const { rows } = await readAll(context.session.api, selection, context.session.pageSize);
    return withoutSecrets(rows, columns);
  } catch (error) {
    // The class has no table of its own: it is found in that of the scope.
    if (error instanceof Failure && error.code === 'configuration') return [];
    throw error;
  }
}

/** The classes in which ids stand now; an id that is nowhere is gone. */
async function whereNow(
  context: ClassContext,
  scope: Scope,
  ids: readonly string[],
): Promise<Map<string, string[]>> {
  const rows: unknown[] = [];
  for (const some of chunks(ids, idsPerQuery)) {
    const filter = allOf(scope.query, `sys_idIN${some.join(',')}`);
    const selection = { table: scope.table, filter, fields: ['sys_id', 'sys_class_name'], labels: false };
    const found = await readAll(context.session.api, selection, context.session.pageSize);
    rows.push(...found.rows);
  }
  return byClass(rows, scope.table);
}
