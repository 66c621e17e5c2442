// SPDX-License-Identifier: Apache-2.0
import { Failure } from '../../src/connector/failure.ts';
import { grantRemedy } from './answers.ts';
import type { TableApi } from './api.ts';
import { addressParts, chunks } from './chunks.ts';
import type { PageSize } from './page-size.ts';
import { isSafeId, readableText, storedText } from './raw-row.ts';
import { scopeFailure } from './scope-failure.ts';
import { shifted } from './stored-time.ts';
import { askPage, pageRequest, walk, walkStart, type Selection } from './walk.ts';

const table = 'sys_audit_delete';
const fields = ['sys_id', 'tablename', 'documentkey', 'sys_created_on'];
/** Ids of 32 characters in one query keep the address within 4 KB. */
export const idsPerQuery = 70;

export interface DeletionWindow {
  readonly since: string;
  readonly until: string;
}

export interface DeletionRequest {
  /** Tables whose records may have been deleted; the audit names the very class, so with all classes below. */
  readonly audited: readonly string[];
  /** Tables in which a record would still stand if it was made again, or moved, since. */
  readonly places: readonly string[];
  readonly window: DeletionWindow;
}

/** What became of the question for deletions, for the evidence of a scope. */
export type DeletionReading = 'audited' | `not read (${Failure['code']})`;

/**
 * Deletions as the instance itself states them, in sys_audit_delete: one row per deleted record, with its id. They are an addition: tables
 * may be left out of the audit, and reading it needs elevated rights, so the proof remains the full pass. What cannot be read
 * costs an incremental run nothing but these statements.
 */
export class DeletionAudit {
  private readonly api: TableApi;
  private readonly size: PageSize;
  /** Once it was refused, or failed, nobody asks again in this run: what is optional may not hold it up. */
  private trouble: Failure | undefined;

  constructor(api: TableApi, size: PageSize) {
    this.api = api;
    this.size = size;
  }

  /** Yields ids of records that were deleted in the window and stand nowhere now. */
  async *deleted(request: DeletionRequest): AsyncGenerator<readonly string[], DeletionReading, void> {
    if (this.trouble !== undefined) return `not read (${this.trouble.code})`;
    try {
      for (const names of addressParts(request.audited)) yield* this.deletedOf(names, request);
      return 'audited';
    } catch (error) {
      this.trouble = ownTrouble(error);
      return `not read (${this.trouble.code})`;
    }
  }

  /** Of ids that stand nowhere those which the instance states as deleted; none where the audit cannot be read. */
  async statedOf(ids: readonly string[], audited: readonly string[]): Promise<readonly string[]> {
    if (ids.length === 0 || this.trouble !== undefined) return [];
    const names = new Set(audited);
    const asked = new Set(ids);
    const stated: string[] = [];
    try {
      const selection = { table, filter: `documentkeyIN${ids.join(',')}`, fields, labels: false };
      for await (const { rows } of walk(this.api, selection, this.size, walkStart)) {
        for (const row of rows) {
          const { name, id, at } = checkRow(row);
          if (!asked.has(id)) throw disobeyed(name, at);
          if (names.has(name)) stated.push(id);
        }
      }
      return stated;
    } catch (error) {
      this.trouble = ownTrouble(error);
      return [];
    }
  }

  /** What `extsys test` says. `now` as stored. */
  async test(now: string): Promise<string> {
    const window = { since: shifted(now, -3600), until: now };
    try {
      const { page } = await askPage(this.api, pageRequest(selectionOf(window), '', 1, 0), this.size);
      for (const row of page.rows) checkRow(row);
      return `${table}: readable, so incremental runs see deletions as well`;
    } catch (error) {
      const failure = ownTrouble(error);
      return `${table}: not readable, so only full runs see deletions (${failure.message})`;
    }
  }

  private async *deletedOf(
    names: readonly string[],
    { places, window }: DeletionRequest,
  ): AsyncGenerator<readonly string[], void, void> {
    const selection = selectionOf(window, `tablenameIN${names.join(',')}`);
    const asked = new Set(names);
    for await (const { rows } of walk(this.api, selection, this.size, walkStart)) {
      const ids = new Set<string>();
      for (const row of rows) {
        const { name, id, at } = checkRow(row);
        if (!asked.has(name) || at < window.since || at > window.until) throw disobeyed(name, at);
        if (isSafeId(id)) ids.add(id);
      }
      const gone: string[] = [];
      for (const some of chunks([...ids], idsPerQuery)) gone.push(...(await this.goneOf(some, places)));
      if (gone.length > 0) yield gone;
    }
  }

  /**
   * Of deleted ids those that stand in no table now: a record that was deleted may have been restored, or made again under its
   * id. Where the tables do not tell, because rows are hidden or not counted, none is stated.
   */
  private async goneOf(ids: readonly string[], places: readonly string[]): Promise<readonly string[]> {
    const gone = new Set(ids);
    for (const place of places) {
      const selection = {
        table: place,
        filter: `sys_idIN${ids.join(',')}`,
        fields: ['sys_id'],
        labels: false,
      };
      const { page } = await askPage(this.api, pageRequest(selection, '', idsPerQuery, 0), this.size);
      if (page.total !== page.rows.length) return [];
      for (const row of page.rows) gone.delete(storedText(row, 'sys_id') ?? '');
    }
    return [...gone];
  }
}

/** What concerns the audit alone; throws all else. */
function ownTrouble(error: unknown): Failure {
  const failure = scopeFailure(error);
  if (failure === undefined) throw error;
  return failure;
}

function selectionOf({ since, until }: DeletionWindow, ofTables?: string): Selection {
  const times = `sys_created_on>=${since}^sys_created_on<=${until}`;
  const filter = ofTables === undefined ? times : `${ofTables}^${times}`;
  return { table, filter, fields, labels: false };
}

interface DeletionRow {
  readonly name: string;
  readonly id: string;
  readonly at: string;
}

/** Throws a permission Failure for a row of which a field is hidden. */
function checkRow(row: unknown): DeletionRow {
  const name = readableText(row, 'tablename');
  const id = readableText(row, 'documentkey');
  const at = readableText(row, 'sys_created_on');
  if (name !== undefined && id !== undefined && at !== undefined) return { name, id, at };
  const hidden = 'tablename, documentkey or sys_created_on of a row is hidden';
  throw new Failure(
    'permission',
    `table ${table}: ${hidden}; ${grantRemedy(`table ${table}`)} with all its fields`,
  );
}

/** A condition on a field that the account may not read matches everything: the deletions of other tables and times are not ours. */
function disobeyed(name: string, at: string): Failure {
  return new Failure(
    'contract',
    `table ${table}: the conditions on tablename, documentkey and sys_created_on are not obeyed (a row is of ${name}, ${at})`,
  );
}
