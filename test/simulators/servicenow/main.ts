// SPDX-License-Identifier: Apache-2.0
import { startServiceNow } from './index.ts';
import { parseOptions, usage } from './options.ts';
import { startTrials } from './trials.ts';

async function main(): Promise<number> {
  try {
    const options = parseOptions(process.argv.slice(2));
    if (options === 'help') {
      console.log(usage);
      return 0;
    }
    const instance = await startServiceNow(options);
    startTrials(instance, options.trials);
    console.log(JSON.stringify({ url: instance.url }));
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void instance.stop());
    return 0;
  } catch (error) {
    // A wrong flag, a recording that cannot be read, a port in use: the message says it, a trace would hide it.
    console.error(error instanceof Error ? error.message : String(error));
    return 2;
  }
}

process.exitCode = await main();
