// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { dump } from 'js-yaml';
import { apiVersion } from '../../src/api/group.ts';
import { apiWritesPerRun } from './api-writes.ts';
import type { Measurement } from './measured.ts';

const usage = `npm run bench -- [--records N] [--no-cluster] [--output table|json]

Syncs N configuration items (default 200000) from the ServiceNow emulator into SQLite, first and unchanged, and measures in
the same run what the machine can do at most: fetching and parsing alone, inserting alone. Then counts the writes to a real
API server per run; --no-cluster leaves that out.
`;

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

async function startEmulator(records: number) {
  const child = spawn(
    process.execPath,
    [here('../simulators/servicenow/main.ts'), '--servers', String(records)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const { url } = JSON.parse(line) as { url: string };
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill();
      await once(child, 'exit');
    },
  };
}

async function measure(args: readonly string[], input = ''): Promise<Measurement> {
  const child = spawn(process.execPath, [here('measured.ts'), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(input);
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (code !== 0) throw new Error(`the measurement ${args[0]} ended with ${String(code)}`);
  return JSON.parse(printed) as Measurement;
}

function manifests(url: string): string {
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
    // The emulator is not to be spared.
    limits: { requestsPerSecond: 1000 },
  };
  return [secret, { apiVersion, kind: 'ExternalSystem', metadata, spec }]
    .map((one) => dump(one))
    .join('---\n');
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function bench(records: number, withCluster: boolean) {
  const folder = await mkdtemp(join(tmpdir(), 'extsys-bench-'));
  try {
    const database = join(folder, 'inventory.db');
    await using emulator = await startEmulator(records);
    const input = manifests(emulator.url);
    const steps: [string, readonly string[], string?][] = [
      ['fetch and parse alone', ['fetch', emulator.url]],
      ['first sync', ['sync', database, 'Full'], input],
      ['unchanged sync', ['sync', database, 'Full'], input],
      ['insert alone', ['insert', database, join(folder, 'raw.db')]],
    ];
    const results = new Map<string, Measurement>();
    for (const [name, args, given] of steps) {
      say(`${name} …`);
      const result = await measure(args, given);
      if (result.records !== records)
        throw new Error(`${name} saw ${result.records} records instead of ${records}`);
      results.set(name, result);
    }
    if (!withCluster) return { results, writes: undefined };
    say('writes to the API server …');
    await using small = await startEmulator(200);
    return { results, writes: await apiWritesPerRun(manifests(small.url), folder, say) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const rate = ({ records, seconds }: Measurement) => records / seconds;

function row(name: string, result: Measurement, fastest: number): string {
  return [
    name.padEnd(25),
    rate(result).toFixed(0).padStart(9),
    `${((rate(result) / fastest) * 100).toFixed(0)} %`.padStart(9),
    ((result.cpuSeconds / result.records) * 1e6).toFixed(1).padStart(13),
    result.peakMiB.toFixed(0).padStart(9),
  ].join(' ');
}

const { values } = parseArgs({
  allowNegative: true,
  options: {
    records: { type: 'string', default: '200000' },
    cluster: { type: 'boolean', default: true },
    output: { type: 'string', default: 'table' },
    help: { type: 'boolean', default: false },
  },
});
const records = Number(values.records);
if (values.help || !Number.isInteger(records) || records < 1) {
  say(values.help ? usage : `bench: --records ${values.records}: use a whole number above 0\n\n${usage}`);
  process.exitCode = values.help ? 0 : 2;
} else {
  const { results, writes } = await bench(records, values.cluster);
  const limits = ['fetch and parse alone', 'insert alone'].flatMap((name) => results.get(name) ?? []);
  // One thread reads, maps and writes: without any work of ours in between, this is what is left.
  const limit = 1 / limits.reduce((seconds, one) => seconds + 1 / rate(one), 0);
  if (values.output === 'json') {
    process.stdout.write(`${JSON.stringify({ ...Object.fromEntries(results), limit, writes })}\n`);
  } else {
    const lines = [...results].map(([name, result]) => row(name, result, limit));
    const head = `${String(records)} records, ${availableParallelism()} cores`.padEnd(25);
    process.stdout.write(`${head} records/s  of limit  CPU s/million  peak MiB\n${lines.join('\n')}\n`);
    process.stdout.write(`limit: fetch, parse and insert one after another, ${limit.toFixed(0)} records/s\n`);
    if (writes !== undefined) {
      process.stdout.write(
        `API writes per run that an annotation asks for: ${writes.writesPerRun.toFixed(1)} (${writes.runs} runs)\n`,
      );
    }
  }
}
