// SPDX-License-Identifier: Apache-2.0
import { PassThrough } from 'node:stream';
import { request } from 'undici';
import type { SyncRun } from '../../src/api/resource.ts';
import { syncCommand } from '../../src/cli/sync.ts';
import { columnsOf } from '../simulators/servicenow/estate.ts';
import { writtenBy } from './process-usage.ts';
import { copyAll, insertAll } from './raw-writes.ts';

/*
 * One measurement in a process of its own, so that peak memory and CPU are its own:
 *   node measured.ts sync STORE < manifests      a full sync by the CLI's own code
 *   node measured.ts fetch URL                   the physical limit of reading: the same pages, parsed and dropped
 *   node measured.ts insert SOURCE TARGET        the physical limit of SQLite: the same rows into a table with the same key
 *   node measured.ts copy URL                    the physical limit of PostgreSQL: the same rows by COPY into an equal table
 * Prints one JSON line.
 */

export interface Measurement {
  readonly records: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
  /** Bytes that this process sent to storage. */
  readonly written: number;
  readonly totals?: NonNullable<SyncRun['status']>['totals'];
}

export type Counted = Pick<Measurement, 'records' | 'totals'> & { readonly seconds?: number };

export const pageSize = 1000;

async function sync(store = ''): Promise<Counted> {
  const stdout = new PassThrough();
  const printed: Buffer[] = [];
  stdout.on('data', (chunk: Buffer) => printed.push(chunk));
  const args = ['-f', '-', '--store', store, '--mode', 'Full', '--output', 'json', '--quiet'];
  const status = await syncCommand(args, {
    stdin: process.stdin,
    stdout,
    stderr: new PassThrough().resume(),
  });
  const run = JSON.parse(Buffer.concat(printed).toString('utf8')) as SyncRun;
  const { totals, failure } = run.status ?? {};
  if (status !== 0 || totals === undefined) throw new Error(failure?.message ?? 'the run has no totals');
  return { records: totals.fetched, totals };
}

async function fetchAll(url = ''): Promise<Counted> {
  const secret = new Set(['u_admin_password']);
  const fields = [...(columnsOf('cmdb_ci_linux_server') ?? [])].filter((field) => !secret.has(field));
  const authorization = `Basic ${Buffer.from('reader:change-me').toString('base64')}`;
  let [records, last] = [0, ''];
  for (;;) {
    const page = new URL('/api/now/table/cmdb_ci_server', url);
    page.searchParams.set('sysparm_query', `sys_id>${last}^ORDERBYsys_id`);
    page.searchParams.set('sysparm_limit', String(pageSize));
    page.searchParams.set('sysparm_display_value', 'all');
    page.searchParams.set('sysparm_fields', fields.join(','));
    const { body } = await request(page, { headers: { authorization } });
    const { result } = JSON.parse(await body.text()) as { result: { sys_id: { value: string } }[] };
    records += result.length;
    if (result.length === 0) return { records };
    last = result.at(-1)?.sys_id.value ?? '';
  }
}

const [what, ...args] = process.argv.slice(2);
const works: Readonly<Record<string, (...args: string[]) => Counted | Promise<Counted>>> = {
  sync,
  fetch: fetchAll,
  insert: insertAll,
  copy: copyAll,
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
  written: writtenBy('self'),
};
process.stdout.write(`${JSON.stringify(measurement)}\n`);
