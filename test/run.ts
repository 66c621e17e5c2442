// SPDX-License-Identifier: Apache-2.0
import { parseCLI, startVitest } from 'vitest/node';
import { parseArguments, UsageError } from './setup/arguments.ts';
import { withoutVariable } from './setup/control-plane.ts';
import { summary, tallyOf, type Tally } from './setup/tally.ts';

// `npm test`: all tests on the real parts. The last line on standard output is the summary, whatever happens; the exit
// code is 1 for any failure, and when no test ran.

const oldestNode = 24;
const nothingRan: Tally = { passed: 0, failed: 1, skipped: [] };

async function run(args: readonly string[]): Promise<Tally> {
  const { without, rest } = parseArguments(args, process.env);
  process.env[withoutVariable] = without.join(',');
  const { filter, options } = parseCLI(['vitest', 'run', ...rest]);
  const vitest = await startVitest(filter, options);
  if (without.length > 0)
    console.log(`Left out at your request, with the tests that need it: ${without.join(', ')}`);
  const tally = tallyOf(vitest);
  if (tally.passed + tally.failed === 0) console.error('no test ran');
  // vitest also fails a run for what belongs to no test: a setup that cannot be read, a filter that selects nothing.
  const broken = tally.passed === 0 || (process.exitCode ?? 0) !== 0;
  return broken && tally.failed === 0 ? { ...tally, failed: 1 } : tally;
}

function finish(tally: Tally): void {
  // A handle that a test left open must not keep the run from ending.
  process.stdout.write(`${summary(tally)}\n`, () => process.exit(tally.failed > 0 ? 1 : 0));
}

function giveUp(error: unknown): void {
  const known = error instanceof UsageError || !(error instanceof Error);
  console.error(known ? String(error) : (error.stack ?? error.message));
  finish(nothingRan);
}

process.on('uncaughtException', giveUp);
if (Number(process.versions.node.split('.')[0]) < oldestNode) {
  giveUp(
    `the tests need Node ${oldestNode} and this is ${process.versions.node}: npm ci installs it, npm test then uses it`,
  );
} else {
  run(process.argv.slice(2)).then(finish, giveUp);
}
