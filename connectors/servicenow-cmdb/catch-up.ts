// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import { chunks } from './chunks.ts';
import { classNameOf, tableOf, type ClassContext, type Scope } from './class-scope.ts';
import { keptRows } from './columns.ts';
import { readAll } from './look-up.ts';
import { sysIdOf } from './raw-row.ts';
import { allOf } from './read-window.ts';
import type { ScopeEvent } from './scope-end.ts';
import { walk, walkStart } from './walk.ts';
import type { Checkpoint } from './wire.ts';

/** Ids of 32 characters in one query keep the address within 4 KB. */
const idsPerQuery = 70;
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
  const pages = walk(session.api, selection, session.itemPageSize, walkStart);
  let hidden = false;
  for (;;) {
    const step = await pages.next();
    if (step.done === true) return hidden || step.value.hidden;
    let wanted = byClass(step.value.rows, scope.table);
    for (let attempt = 1; wanted.size > 0; attempt += 1) {
      if (attempt > maxLookUps) throw nowhere(wanted, scope);
      const missing: string[] = [];
      for (const [className, ids] of wanted) {
        for (const some of chunks(ids, idsPerQuery)) {
          const found = await lookUp(context, tableOf(context.tree, className, scope), className, some);
          if (found.length > 0) yield { type: 'page', scope: scope.name, rows: found, checkpoint };
          const seen = new Set(found.map(sysIdOf));
          missing.push(...some.filter((id) => !seen.has(id)));
        }
      }
      const now = await whereNow(context, scope, missing);
      wanted = byClass(now.rows, scope.table);
      hidden ||= now.hidden;
    }
  }
}

function nowhere(wanted: ReadonlyMap<string, readonly string[]>, scope: Scope): Failure {
  const [className] = wanted.keys();
  return new Failure(
    'contract',
    `table ${scope.table}: an item of class ${className} is shown but the table of that class does not give it, or it changes its class again and again; the next run tries again`,
  );
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
  { session, columnsOf }: ClassContext,
  table: string,
  className: string,
  ids: readonly string[],
): Promise<readonly unknown[]> {
  const columns = await columnsOf(table);
  const filter = `sys_class_name=${className}^sys_idIN${ids.join(',')}`;
  const selection = { table, filter, fields: columns.fields, labels: true };
  const { rows } = await readAll(session.api, selection, session.itemPageSize);
  return keptRows(rows, columns);
}

/** The classes in which ids stand now; an id that is nowhere, and not hidden, is gone. */
async function whereNow(
  { session }: ClassContext,
  scope: Scope,
  ids: readonly string[],
): Promise<{ readonly rows: readonly unknown[]; readonly hidden: boolean }> {
  const rows: unknown[] = [];
  let hidden = false;
  for (const some of chunks(ids, idsPerQuery)) {
    const filter = allOf(scope.query, `sys_idIN${some.join(',')}`);
    const selection = { table: scope.table, filter, fields: ['sys_id', 'sys_class_name'], labels: false };
    const found = await readAll(session.api, selection, session.itemPageSize);
    rows.push(...found.rows);
    hidden ||= found.hidden;
  }
  return { rows, hidden };
}
