// SPDX-License-Identifier: Apache-2.0
import { DatabaseSync } from 'node:sqlite';
import { Client } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';

/** Rows in a transaction, as a page of a sync has them. */
const pageSize = 1000;

interface Written {
  readonly records: number;
  /** Reading the rows to write is no part of writing them. */
  readonly seconds: number;
}

/** The rows of an inventory into a table with the same key in another file, nothing else. */
export function insertAll(source = '', target = ''): Written {
  const from = new DatabaseSync(source, { readOnly: true });
  const to = new DatabaseSync(target);
  to.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  const columns = from
    .prepare("SELECT name FROM pragma_table_info('assets')")
    .all()
    .map(({ name }) => `"${String(name)}"`);
  to.exec(
    `CREATE TABLE assets (${columns.join(',')}, PRIMARY KEY (system, stream, external_id)) WITHOUT ROWID`,
  );
  const insert = to.prepare(`INSERT INTO assets VALUES (${columns.map(() => '?').join(',')})`);
  const rows = from.prepare(
    `SELECT ${columns.join(',')} FROM assets WHERE external_id > ? ORDER BY external_id LIMIT ?`,
  );
  rows.setReturnArrays(true);
  const idAt = columns.indexOf('"external_id"');
  let [records, spentMs, last] = [0, 0, ''];
  for (;;) {
    const page = rows.all(last, pageSize) as unknown as (string | number | null)[][];
    if (page.length === 0) break;
    const startedMs = performance.now();
    to.exec('BEGIN IMMEDIATE');
    for (const row of page) insert.run(...row);
    to.exec('COMMIT');
    spentMs += performance.now() - startedMs;
    records += page.length;
    last = String(page.at(-1)?.[idAt]);
  }
  to.close();
  from.close();
  return { records, seconds: spentMs / 1000 };
}

/** The rows of an inventory by COPY into an equal table beside it, page by page, nothing else. */
export async function copyAll(url = ''): Promise<Written> {
  const reader = new Client({ connectionString: url });
  const writer = new Client({ connectionString: url });
  await Promise.all([reader.connect(), writer.connect()]);
  await writer.query('CREATE TABLE raw_assets (LIKE assets INCLUDING ALL)');
  let [records, spentMs] = [0, 0];
  let lines: string[] = [];
  const write = async () => {
    const startedMs = performance.now();
    await writer.query('BEGIN');
    const into = writer.query(copyFrom('COPY raw_assets FROM STDIN'));
    await new Promise((resolve, reject) => {
      into.once('finish', resolve).once('error', reject);
      into.end(Buffer.from(`${lines.join('\n')}\n`));
    });
    await writer.query('COMMIT');
    spentMs += performance.now() - startedMs;
    records += lines.length;
    lines = [];
  };
  let rest = '';
  const rows = reader.query(copyTo('COPY (SELECT * FROM assets ORDER BY external_id) TO STDOUT'));
  rows.setEncoding('utf8');
  for await (const chunk of rows as AsyncIterable<string>) {
    const parts = `${rest}${chunk}`.split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      lines.push(line);
      if (lines.length === pageSize) await write();
    }
  }
  if (lines.length > 0) await write();
  await writer.query('DROP TABLE raw_assets');
  await Promise.all([reader.end(), writer.end()]);
  return { records, seconds: spentMs / 1000 };
}
