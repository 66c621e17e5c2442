// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import { AnswerCut, type Page, type PageRequest, type TableApi } from './api.ts';
import { minPageSize, type PageSize } from './page-size.ts';
import { isSafeId, sysIdOf } from './raw-row.ts';

/** What is read: a table, the rows that match a filter, and of them some fields (undefined: all). */
export interface Selection {
  readonly table: string;
  /** Encoded query without order; empty for all rows. */
  readonly filter: string;
  readonly fields: readonly string[] | undefined;
  readonly labels: boolean;
  /** Whether a row was there, unmoved, all the time; when absent all count as such. */
  isSteady?(row: unknown): boolean;
}

/** How far a walk has come. It is stored, so a walk goes on after a crash. */
export interface Progress {
  readonly after: string;
  readonly rows: number;
  /** Of these rows, the steady ones. */
  readonly steady: number;
  readonly pages: number;
  /** Rows that match as the first page counted them, hidden ones included; -1 when it did not say. */
  readonly counted: number;
  readonly hiddenWindows: number;
  /** True once it is certain that a row is counted but not given to this account. */
  readonly hidden: boolean;
}

export const walkStart: Progress = {
  after: '',
  rows: 0,
  steady: 0,
  pages: 0,
  counted: -1,
  hiddenWindows: 0,
  hidden: false,
};

export interface WalkedPage {
  readonly rows: readonly unknown[];
  readonly progress: Progress;
}

/** One page; where the server cuts its answer, in ever smaller sizes, which are kept. Says in which size it came. */
export async function askPage(
  api: TableApi,
  request: PageRequest,
  size: PageSize,
): Promise<{ readonly page: Page; readonly limit: number }> {
  let { limit } = request;
  for (;;) {
    try {
      const page = await api.page({ ...request, limit });
      if (limit < request.limit) size.shrinkTo(limit);
      return { page, limit };
    } catch (error) {
      const smaller = error instanceof AnswerCut ? size.below(limit) : undefined;
      if (smaller === undefined) throw error;
      limit = smaller;
    }
  }
}

/**
 * Reads a selection page by page in the order of sys_id (section 5.2 of ServiceNow's paging as clients found it): only an
 * empty page ends the walk, since the limit is applied before row access, so any page may be short; and an empty page
 * whose count lies beyond its window is a window of hidden rows, after which more may come. `allGivenEnds` is for look-ups:
 * a page that holds as many rows as it counted ends it, whatever their ids.
 * Returns how far it came. Throws a contract Failure when the answers do not move on.
 */
export async function* walk(
  api: TableApi,
  selection: Selection,
  size: PageSize,
  start: Progress,
  allGivenEnds = false,
): AsyncGenerator<WalkedPage, Progress, void> {
  const progress = { ...start };
  let limit = size.rows;
  let skip = 0;
  for (;;) {
    limit = Math.min(limit, size.rows);
    const request = pageRequest(selection, beyond(progress.after), limit, skip);
    let { page, limit: passed } = await askPage(api, request, size);
    limit = passed;
    if (progress.pages === 0 && page.total !== undefined) progress.counted = page.total;
    progress.pages += 1;
    if (page.rows.length === 0 && beyondSkip(page, skip) && !progress.hidden) {
      // The count and the rows are two questions to the server's database: ask again before hidden rows are stated.
      ({ page, limit: passed } = await askPage(api, { ...request, limit }, size));
      limit = passed;
      progress.hidden = page.rows.length === 0 && beyondSkip(page, skip);
    }
    if (page.rows.length === 0) {
      if ((page.total ?? 0) <= skip + limit) return progress;
      progress.hiddenWindows += 1;
      skip += limit;
      continue;
    }
    if (allGivenEnds && skip === 0 && page.total === page.rows.length) {
      yield { rows: page.rows, progress: { ...progress } };
      return progress;
    }
    const last = checkedOrder(selection.table, page.rows, progress.after);
    if (
      !progress.hidden &&
      page.total !== undefined &&
      page.rows.length < Math.min(limit, page.total - skip)
    ) {
      progress.hidden = await hidesRows(api, selection, { after: progress.after, last, limit }, size);
      // A server that caps its pages hides nothing; to go on with its size spares the question.
      if (!progress.hidden) limit = Math.min(limit, Math.max(minPageSize, page.rows.length));
    }
    progress.after = last;
    progress.rows += page.rows.length;
    progress.steady += page.rows.filter((row) => selection.isSteady?.(row) ?? true).length;
    yield { rows: page.rows, progress: { ...progress } };
    skip = 0;
  }
}

/** Whether rows are counted in or after the window that starts at `skip`. */
function beyondSkip(page: Page, skip: number): boolean {
  return (page.total ?? 0) > skip;
}

export function pageRequest(selection: Selection, range: string, limit: number, offset: number): PageRequest {
  const { table, filter, fields, labels } = selection;
  const query = [filter, range, 'ORDERBYsys_id'].filter((part) => part !== '').join('^');
  return { table, query, fields, limit, offset, labels };
}

/**
 * Whether the range of a page that came out short holds more rows than it gave. Each answer both counts and lists, so that
 * rows that come and go meanwhile do not look hidden.
 */
async function hidesRows(
  api: TableApi,
  selection: Selection,
  { after, last, limit: asked }: { readonly after: string; readonly last: string; readonly limit: number },
  size: PageSize,
): Promise<boolean> {
  let from = after;
  for (;;) {
    const range = [beyond(from), `sys_id<=${last}`].filter((part) => part !== '').join('^');
    const request = pageRequest(selection, range, Math.min(asked, size.rows), 0);
    const { page, limit } = await askPage(api, request, size);
    const { rows, total } = page;
    if (total === undefined || total <= rows.length) return false;
    if (rows.length < Math.min(limit, total)) return true;
    // Full, and yet there is more: it was asked for in a smaller size, or rows were added.
    from = checkedOrder(selection.table, rows, from);
  }
}

function beyond(after: string): string {
  return after === '' ? '' : `sys_id>${after}`;
}

/** The last sys_id of a page, after a check that every row has one and that they go on from `after` upwards. */
function checkedOrder(table: string, rows: readonly unknown[], after: string): string {
  let previous = after;
  for (const row of rows) {
    const id = sysIdOf(row);
    if (id === undefined) {
      throw new Failure(
        'contract',
        `table ${table}: a row has no sys_id; grant read access to the field sys_id of ${table}`,
      );
    }
    if (!isSafeId(id)) {
      throw new Failure(
        'contract',
        `table ${table}: a sys_id is not of the known form, so paging cannot go on`,
      );
    }
    if (previous !== '' && !isAfter(id, previous)) {
      throw new Failure(
        'contract',
        `table ${table}: rows repeat or are not in the order of sys_id (${id} after ${previous}); paging would not end`,
      );
    }
    previous = id;
  }
  return previous;
}

/** Databases order letters and signs by different rules; ids of 32 hex digits are the same in all. */
function isAfter(id: string, previous: string): boolean {
  if (id === previous) return false;
  return (
    id > previous || id.toLowerCase() > previous.toLowerCase() || id.toUpperCase() > previous.toUpperCase()
  );
}
