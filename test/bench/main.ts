// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { apiWritesPerRun } from './api-writes.ts';
import { compileInto } from './compiled.ts';
import { startEmulator } from './emulator.ts';
import { manifests, measureStore, stores, type StoreName } from './loads.ts';
import { headOf, tableOf, type StoreResult } from './report.ts';

const usage = `npm run bench -- [--records N[,N]] [--store sqlite|postgres|both] [--no-cluster] [--output table|json]

Syncs N configuration items (default 200000) from the ServiceNow emulator into SQLite and PostgreSQL: first, unchanged, with 10 %
changed, with 5 % deleted. Measures in the same run what the machine can do at most: fetching and parsing alone, inserting or
copying alone. Both databases are durable. Then counts the writes to a real API server per run; --no-cluster leaves that out.
`;

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function bench(sizes: readonly number[], wanted: readonly StoreName[], withCluster: boolean) {
  const folder = await mkdtemp(join(tmpdir(), 'extsys-bench-'));
  try {
    const results: StoreResult[] = [];
    const compiled = join(folder, 'compiled');
    say('compiling …');
    compileInto(compiled);
    for (const records of sizes) {
      await using emulator = await startEmulator(records);
      for (const store of wanted) {
        const loads = await measureStore(store, { emulator, records, folder, compiled, say });
        results.push({ store, records, loads });
      }
    }
    if (!withCluster) return { results, writes: undefined };
    say('writes to the API server …');
    await using small = await startEmulator(200);
    return { results, writes: await apiWritesPerRun(manifests(small.url), folder, say) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function wrong(flag: string, value: string, remedy: string): undefined {
  say(`bench: --${flag} ${value}: ${remedy}\n\n${usage}`);
  process.exitCode = 2;
  return undefined;
}

function parseOptions() {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      records: { type: 'string', default: '200000' },
      store: { type: 'string', default: 'both' },
      cluster: { type: 'boolean', default: true },
      output: { type: 'string', default: 'table' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    say(usage);
    return undefined;
  }
  const sizes = values.records.split(',').map(Number);
  if (!sizes.every((size) => Number.isInteger(size) && size > 0))
    return wrong('records', values.records, 'use whole numbers above 0');
  const wanted = values.store === 'both' ? stores : stores.filter((name) => name === values.store);
  if (wanted.length === 0) return wrong('store', values.store, `use ${stores.join(', ')} or both`);
  const { output } = values;
  if (output !== 'table' && output !== 'json') return wrong('output', output, 'use table or json');
  return { sizes, wanted, output, withCluster: values.cluster } as const;
}

const options = parseOptions();
if (options !== undefined) {
  const { results, writes } = await bench(options.sizes, options.wanted, options.withCluster);
  if (options.output === 'json') process.stdout.write(`${JSON.stringify({ results, writes })}\n`);
  else {
    process.stdout.write(`${headOf()}\n${results.map((result) => tableOf(result)).join('\n')}`);
    if (writes !== undefined) {
      const { writesPerRun, runs } = writes;
      process.stdout.write(
        `API writes per run that an annotation asks for: ${writesPerRun.toFixed(1)} (${runs} runs)\n`,
      );
    }
  }
}
