// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import { outputForms, type OutputForm } from '../../src/cli/output.ts';

export interface DemoOptions {
  readonly once: boolean;
  readonly cluster: 'local' | 'none' | { readonly context: string };
  readonly form: OutputForm;
  /** Configuration items of the emulator. */
  readonly servers: number;
  readonly seed: number;
}

export const demoUsage = `npm run demo -- [--once] [--output json|yaml|table] [--no-cluster | --context NAME] [--servers N] [--seed N]

Shows one sync from a ServiceNow emulator into a SQLite inventory, live.

  --once          one run, then the end; the finished SyncRun goes to standard output, all else to standard error
  --output FORM   of the SyncRun: table (default), json or yaml
  --no-cluster    without Kubernetes, in seconds
  --context NAME  uses a cluster of your kubeconfig instead of a local API server
  --servers N     configuration items of the emulator (default 3000)
  --seed N        of the emulator's data (default 1)
`;

/** Throws an Error that says which flag is wrong. */
export function parseDemoOptions(args: readonly string[]): DemoOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      once: { type: 'boolean', default: false },
      output: { type: 'string', default: 'table' },
      'no-cluster': { type: 'boolean', default: false },
      context: { type: 'string' },
      servers: { type: 'string', default: '3000' },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const form = outputForms.find((name) => name === values.output);
  if (form === undefined) throw new Error(`--output ${values.output}: use ${outputForms.join(', ')}`);
  if (values['no-cluster'] && values.context !== undefined)
    throw new Error('give --no-cluster or --context, not both');
  const cluster = values['no-cluster']
    ? 'none'
    : values.context === undefined
      ? 'local'
      : { context: values.context };
  return {
    once: values.once,
    cluster,
    form,
    servers: wholeNumber('--servers', values.servers, 1_000_000),
    seed: wholeNumber('--seed', values.seed, 2 ** 31),
  };
}

function wholeNumber(flag: string, value: string, largest: number): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 0 || number > largest) {
    throw new Error(`${flag} ${value}: use a whole number from 0 to ${largest}`);
  }
  return number;
}
