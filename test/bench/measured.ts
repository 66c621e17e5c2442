// SPDX-License-Identifier: Apache-2.0
import { DatabaseSync } from 'node:sqlite';
import { PassThrough } from 'node:stream';
import { request } from 'undici';
import type { SyncRun } from '../../src/api/resource.ts';
import { syncCommand } from '../../src/cli/sync.ts';
import { columnsOf } from '../simulators/servicenow/estate.ts';

/*
 * One measurement in a process of its own, so that peak memory and CPU are its own:
 *   node measured.ts sync DATABASE MODE < manifests     a sync by the CLI's own code
 *   node measured.ts fetch URL                          the physical limit of reading: the same pages, parsed and dropped
 *   node measured.ts insert SOURCE TARGET               the physical limit of writing: the same rows into a table with a key
 * Prints one JSON line.
 */

export interface Measurement {
  readonly records: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
  readonly bytes?: number;
  readonly totals?: NonNullable<SyncRun['status']>['totals'];
}

type Counted = Pick<Measurement, 'records' | 'bytes' | 'totals'> & { readonly seconds?: number };

const pageSize = 1000;

async function sync(database = '', mode = ''): Promise<Counted> {
  const stdout = new PassThrough();
  const printed: Buffer[] = [];
  stdout.on('data', (chunk: Buffer) => printed.push(chunk));
  const args = ['-f', '-', '--store', `sqlite:${database}`, '--mode', mode, '--output', 'json'];
  const status = await syncCommand(args, {
    stdin: process.stdin,
    stdout,
    stderr: new PassThrough().resume(),
  });
  const run = JSON.parse(Buffer.concat(printed).toString('utf8')) as SyncRun;
  const { totals, upstream, failure } = run.status ?? {};
  if (status !== 0 || totals === undefined) throw new Error(failure?.message ?? 'the run has no totals');
  return { records: totals.fetched, totals, bytes: upstream?.bytes ?? 0 };
}

async function fetchAll(url = ''): Promise<Counted> {
  const secret = new Set(['u_admin_password']);
  const fields = [...(columnsOf('cmdb_ci_linux_server') ?? [])].filter((field) => !secret.has(field));
  const authorization = `Basic ${Buffer.from('reader:change-me').toString('base64')}`;
  let [records, bytes, last] = [0, 0, ''];
  for (;;) {
    const page = new URL('/api/now/table/cmdb_ci_server', url);
    page.searchParams.set('sysparm_query', `sys_id>${last}^ORDERBYsys_id`);
    page.searchParams.set('sysparm_limit', String(pageSize));
    page.searchParams.set('sysparm_display_value', 'all');
    page.searchParams.set('sysparm_fields', fields.join(','));
    const { body } = await request(page, { headers: { authorization } });
    const text = await body.text();
    const { result } = JSON.parse(text) as { result: { sys_id: { value: string } }[] };
    bytes += text.length;
    records += result.length;
    if (result.length === 0) return { records, bytes };
    last = result.at(-1)?.sys_id.value ?? '';
  }
}

function insertAll(source = '', target = ''): Counted {
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
  // Reading the rows to write is no part of writing them.
  return { records, seconds: spentMs / 1000 };
}

const [what, ...args] = process.argv.slice(2);
const works: Readonly<Record<string, (...args: string[]) => Counted | Promise<Counted>>> = {
  sync,
  fetch: fetchAll,
  insert: insertAll,
};
const work = works[what ?? ''];
if (work === undefined) throw new Error(`unknown measurement ${what}`);
const startedMs = performance.now();
const counted = await work(...args);
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
const measurement: Measurement = {
  seconds: (performance.now() - startedMs) / 1000,
  ...counted,
  cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
  peakMiB: maxRSS / 1024,
};
process.stdout.write(`${JSON.stringify(measurement)}\n`);
