// SPDX-License-Identifier: Apache-2.0
import { runEmulator } from '../command-line.ts';
import { graphCommands } from './commands.ts';
import { startGraph } from './index.ts';
import { parseOptions, usage } from './options.ts';
import { startTrials } from './trials.ts';

process.exitCode = await runEmulator(usage, parseOptions, async (options) => {
  const graph = await startGraph(options);
  const stop = () => graph.stop();
  try {
    startTrials(graph, options.trials);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    address: { graphUrl: graph.url, loginUrl: graph.loginUrl, tenantId: graph.tenant.id },
    commands: graphCommands(graph),
    controlPort: options.controlPort,
    stop,
  };
});
