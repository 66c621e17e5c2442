// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { dump } from 'js-yaml';
import { apiVersion } from '../../src/api/group.ts';
import { embeddedPostgres, startPostgres } from '../kit/postgres/server.ts';
import { nodeFlags } from './compiled.ts';
import type { Emulator, EstateName } from './emulator.ts';
import type { Measurement } from './measured.ts';
import { usageOfServer, type Usage } from './process-usage.ts';

export const stores = ['sqlite', 'postgres'] as const;
export type StoreName = (typeof stores)[number];

/** A measurement, and what the database server used besides, where there is one. */
export interface Load extends Measurement {
  readonly name: string;
  readonly kind: 'limit' | 'sync';
  readonly server?: Usage;
}

export interface BenchSetting {
  readonly emulator: Emulator;
  readonly records: number;
  readonly folder: string;
  /** Where the program lies as JavaScript. */
  readonly compiled: string;
  readonly say: (line: string) => void;
}

/** ExternalSystem and Secret of a system that the bench may ask and change without any restraint. */
export function manifests(url: string): string {
  const metadata = { name: 'bench', namespace: 'inventory' };
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata,
    stringData: { username: 'reader', password: 'change-me' },
  };
  const spec = {
    connector: { serviceNowCmdb: { url, classes: ['cmdb_ci_server'] } },
    auth: { type: 'Basic', secretRef: { name: 'bench' } },
    schedule: { every: '24h' },
    limits: { requestsPerSecond: 1000 },
    deletion: { budget: { maxPercent: 20, maxRecords: 10_000_000 } },
  };
  return [secret, { apiVersion, kind: 'ExternalSystem', metadata, spec }]
    .map((one) => dump(one))
    .join('---\n');
}

async function measure(compiled: string, args: readonly string[], input = ''): Promise<Measurement> {
  const measured = join(compiled, 'test/bench/measured.js');
  const child = spawn(process.execPath, [...nodeFlags(), measured, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(input);
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (code !== 0) throw new Error(`the measurement ${args[0]} ended with ${String(code)}`);
  return JSON.parse(printed) as Measurement;
}

/** What each sync must have done: a fast one that did something else is worth nothing. */
function expected(records: number): readonly (readonly [string, EstateName, NonNullable<Load['totals']>])[] {
  const changed = Math.ceil(records / 10);
  const deleted = Math.floor((records + 12) / 20);
  const zero = { created: 0, updated: 0, unchanged: 0, deleted: 0, failed: 0 };
  const fetched = records;
  return [
    ['first load', 'first', { ...zero, fetched, created: records }],
    ['unchanged', 'first', { ...zero, fetched, unchanged: records }],
    ['10 % changed', 'changed', { ...zero, fetched, updated: changed, unchanged: records - changed }],
    [
      '5 % deleted',
      'deleted',
      { ...zero, fetched: records - deleted, unchanged: records - deleted, deleted },
    ],
  ];
}

/** All measurements of one engine, the limits in the same minutes. */
export async function measureStore(store: StoreName, setting: BenchSetting): Promise<readonly Load[]> {
  if (store === 'sqlite') {
    const file = join(setting.folder, `inventory-${setting.records}.db`);
    const raw = ['insert', file, `${file}.raw`];
    return measureLoads(setting, { store, url: `sqlite:${file}`, raw, rawName: 'insert alone' });
  }
  const server = await startPostgres(await embeddedPostgres(), { durable: true });
  try {
    const usage = () => usageOfServer(server.pid);
    return await measureLoads(setting, {
      store,
      url: server.url,
      raw: ['copy', server.url],
      rawName: 'COPY alone',
      usage,
    });
  } finally {
    await server.stop();
  }
}

interface Engine {
  readonly store: StoreName;
  readonly url: string;
  readonly raw: readonly string[];
  readonly rawName: string;
  readonly usage?: () => Usage;
}

async function measureLoads(
  { emulator, records, compiled, say }: BenchSetting,
  { store, url, raw, rawName, usage }: Engine,
): Promise<Load[]> {
  const loads: Load[] = [];
  const run = async (name: string, kind: Load['kind'], args: readonly string[]): Promise<Load> => {
    say(`${records} records, ${store}: ${name} …`);
    const before = usage?.();
    const measured = await measure(compiled, args, kind === 'sync' ? manifests(emulator.url) : '');
    const after = usage?.();
    const load = { name, kind, ...measured, ...difference(before, after) };
    loads.push(load);
    return load;
  };
  await emulator.become('first');
  await run('fetch and parse alone', 'limit', ['fetch', emulator.url]);
  for (const [name, estate, totals] of expected(records)) {
    await emulator.become(estate);
    const load = await run(name, 'sync', ['sync', url]);
    for (const [count, value] of Object.entries(totals)) {
      const counted = load.totals?.[count as keyof typeof totals];
      if (counted !== value) throw new Error(`${name}: ${count} is ${String(counted)} instead of ${value}`);
    }
  }
  await run(rawName, 'limit', raw);
  return loads;
}

function difference(before: Usage | undefined, after: Usage | undefined): { readonly server?: Usage } {
  if (before === undefined || after === undefined) return {};
  const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
  return { server: { cpuSeconds, written: after.written - before.written } };
}
