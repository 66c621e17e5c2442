// SPDX-License-Identifier: Apache-2.0
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { RecordTable } from '../../inventory/columns.ts';
import { keptColumns, recordColumns, type RecordRows, type SqlValue } from '../sql/sql.ts';

/** Emptying the staging table costs more than many pages that go through it. */
const pagesBetweenTruncates = 64;

/**
 * Writes whole rows by COPY, over one connection. New rows go straight into their table: the caller has looked and holds the
 * system's lock, so nobody can have come between. Changed rows go into a staging table of this connection, and from there by one
 * merge.
 */
export class RecordCopy {
  private readonly client: PoolClient;
  private readonly staged = new Map<string, number>();

  constructor(client: PoolClient) {
    this.client = client;
  }

  async put(table: RecordTable, { created, replaced }: RecordRows): Promise<void> {
    const columns = recordColumns(table);
    if (created.length > 0) await this.copy(table.name, columns, created);
    if (replaced.length > 0) await this.merge(table, columns, replaced);
  }

  private async merge(
    table: RecordTable,
    columns: readonly string[],
    rows: readonly (readonly SqlValue[])[],
  ): Promise<void> {
    const staging = `staging_${table.name}`;
    const page = await this.nextPage(table, staging);
    await this.copy(
      staging,
      [...columns, 'staged_page'],
      rows.map((row) => [...row, page]),
    );
    const changed = columns.filter((name) => !keptColumns.has(name));
    await this.client.query(
      `UPDATE "${table.name}" r SET ${changed.map((name) => `"${name}" = s."${name}"`).join(', ')}
       FROM "${staging}" s WHERE s.staged_page = $1
         AND r.system = s.system AND r.stream = s.stream AND r.external_id = s.external_id`,
      [page],
    );
  }

  /** The staging table may be gone with the transaction that made it: it is asked for each time. */
  private async nextPage(table: RecordTable, staging: string): Promise<number> {
    const page = (this.staged.get(staging) ?? 0) + 1;
    this.staged.set(staging, page);
    await this.client.query(
      `CREATE TEMP TABLE IF NOT EXISTS "${staging}" (LIKE "${table.name}", staged_page bigint NOT NULL)`,
    );
    if (page % pagesBetweenTruncates === 0) await this.client.query(`TRUNCATE "${staging}"`);
    return page;
  }

  private async copy(
    table: string,
    columns: readonly string[],
    rows: readonly (readonly SqlValue[])[],
  ): Promise<void> {
    const names = columns.map((name) => `"${name}"`).join(', ');
    const into = this.client.query(copyFrom(`COPY "${table}" (${names}) FROM STDIN`));
    await pipeline(Readable.from([Buffer.from(rows.map(lineOf).join(''))]), into);
  }
}

/** COPY's text format: tabs between values, `\N` for none, a backslash before what would be taken for either. */
function lineOf(row: readonly SqlValue[]): string {
  let line = '';
  for (let index = 0; index < row.length; index += 1) {
    if (index > 0) line += '\t';
    const value = row[index];
    if (value === null || value === undefined) line += '\\N';
    else line += typeof value === 'string' ? escaped(value) : String(value);
  }
  return `${line}\n`;
}

const special = /[\\\t\n\r]/u;
const marks: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

function escaped(text: string): string {
  if (!special.test(text)) return text;
  return text.replaceAll(/[\\\t\n\r]/gu, (character) => marks[character] ?? character);
}
