// SPDX-License-Identifier: Apache-2.0
import { runEmulator } from '../command-line.ts';
import { serviceNowCommands } from './commands.ts';
import { startServiceNow } from './index.ts';
import { parseOptions, usage } from './options.ts';
import { startTrials } from './trials.ts';

process.exitCode = await runEmulator(usage, parseOptions, async (options) => {
  const instance = await startServiceNow(options);
  startTrials(instance, options.trials);
  return {
    address: { url: instance.url },
    commands: serviceNowCommands(instance),
    controlPort: options.controlPort,
    stop: () => instance.stop(),
  };
});
