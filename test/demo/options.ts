// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import { outputForms, type OutputForm } from '../../src/cli/output.ts';
import type { DemoSystem } from './systems/demo-system.ts';
import { demoSystems } from './systems/index.ts';

export interface DemoOptions {
  readonly once: boolean;
  readonly cluster: 'local' | 'none' | { readonly context: string };
  readonly form: OutputForm;
  /** What is read. */
  readonly system: DemoSystem;
  /** How many of what `system.counts` names. */
  readonly size: number;
  readonly seed: number;
}

const [shownFirst] = demoSystems;
const ids = demoSystems.map(({ id }) => id);
const sizes = demoSystems.map(({ id, counts, defaultSize }) => `${counts} of ${id} (default ${defaultSize})`);

export const demoUsage = `npm run demo -- [--once] [--output json|yaml|table] [--connector ID] [--no-cluster | --context NAME]
                [--size N] [--seed N]

Shows one sync from an emulated system into a SQLite inventory, live.

  --once          one run, then the end; the finished SyncRun goes to standard output, all else to standard error
  --output FORM   of the SyncRun: table (default), json or yaml
  --connector ID  what is read: ${ids.join(', ')} (default ${shownFirst.id})
  --no-cluster    without Kubernetes, in seconds
  --context NAME  uses a cluster of your kubeconfig instead of a local API server
  --size N        ${sizes.join(', ')}; --servers is the same
  --seed N        of the data (default 1)
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
      connector: { type: 'string', default: shownFirst.id },
      size: { type: 'string' },
      servers: { type: 'string' },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const form = outputForms.find((name) => name === values.output);
  if (form === undefined) throw new Error(`--output ${values.output}: use ${outputForms.join(', ')}`);
  if (values['no-cluster'] && values.context !== undefined)
    throw new Error('give --no-cluster or --context, not both');
  const system = demoSystems.find(({ id }) => id === values.connector);
  if (system === undefined)
    throw new Error(`--connector ${values.connector}: there is no demo of that; use ${ids.join(', ')}`);
  if (values.size !== undefined && values.servers !== undefined)
    throw new Error('give --size or --servers, not both: they are the same');
  const cluster = values['no-cluster']
    ? 'none'
    : values.context === undefined
      ? 'local'
      : { context: values.context };
  return {
    once: values.once,
    cluster,
    form,
    system,
    size: wholeNumber('--size', values.size ?? values.servers ?? String(system.defaultSize), 1_000_000),
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
