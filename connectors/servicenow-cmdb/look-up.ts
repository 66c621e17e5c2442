// SPDX-License-Identifier: Apache-2.0
import type { TableApi } from './api.ts';
import { PageSize } from './page-size.ts';
import { pageRequest, walk, walkStart, type Selection } from './walk.ts';

/** Look-up tables hold small rows of few fields. */
const lookUpPageSize = 5000;

/** Rows asked for at a time in look-ups: what the configuration allows, or more than of wide rows. */
export function lookUpSize(configured: number | undefined): PageSize {
  return new PageSize(Math.min(lookUpPageSize, configured ?? lookUpPageSize));
}

/** All rows of a small table. When an answer holds as many rows as it counted, no further question is needed. */
export async function readAll(
  api: TableApi,
  selection: Selection,
  size: PageSize,
): Promise<{ readonly rows: readonly unknown[]; readonly hidden: boolean }> {
  const rows: unknown[] = [];
  const pages = walk(api, selection, size, walkStart, true);
  for (;;) {
    const next = await pages.next();
    if (next.done === true) return { rows, hidden: next.value.hidden };
    for (const row of next.value.rows) rows.push(row);
  }
}

/** Rows that match a filter as the server counts them, hidden ones included; undefined when it does not say. */
export async function countRows(api: TableApi, table: string, filter: string): Promise<number | undefined> {
  const selection = { table, filter, fields: ['sys_id'], labels: false };
  const page = await api.page(pageRequest(selection, '', 1, 0));
  return page.total;
}
