// SPDX-License-Identifier: Apache-2.0
import { auditEntry } from './cli/audit.ts';
import { adoptCommand, adoptUsage } from './cli/adopt.ts';
import { approveCommand, approveUsage } from './cli/approve.ts';
import { backupCommand, backupUsage } from './cli/backup.ts';
import { CommandFailed, type CommandEntry, type Streams } from './cli/command.ts';
import { connectorsCommand, connectorsUsage } from './cli/connectors.ts';
import { InputError } from './cli/manifests.ts';
import { operatorCommand, operatorUsage } from './cli/operator.ts';
import { runsEntry } from './cli/runs.ts';
import { purgeCommand, purgeUsage } from './cli/purge.ts';
import { quarantineCommand } from './cli/quarantine.ts';
import { planCommand } from './cli/plan.ts';
import { syncCommand, syncUsage } from './cli/sync.ts';
import { testCommand, testUsage } from './cli/test.ts';
import { validateCommand, validateUsage } from './cli/validate.ts';
import { version } from './cli/version.ts';

const commands: Readonly<Record<string, CommandEntry>> = {
  operator: { run: operatorCommand, usage: operatorUsage },
  sync: { run: syncCommand, usage: syncUsage },
  test: { run: testCommand, usage: testUsage },
  audit: auditEntry,
  runs: runsEntry,
  plan: planCommand,
  approve: { run: approveCommand, usage: approveUsage },
  backup: { run: backupCommand, usage: backupUsage },
  adopt: { run: adoptCommand, usage: adoptUsage },
  purge: { run: purgeCommand, usage: purgeUsage },
  quarantine: quarantineCommand,
  validate: { run: validateCommand, usage: validateUsage },
  connectors: { run: connectorsCommand, usage: connectorsUsage },
};

const usage = `extsys ${version}: keeps one inventory in step with the systems that hold it.

  extsys operator              the controller, in a cluster or beside it
  extsys sync -f FILE          one sync from a file, without a cluster
  extsys test -f FILE          checks connection and permissions
  extsys plan show [RUN]       what a run of mode Plan would change
  extsys validate -f FILE      checks manifests offline
  extsys connectors [ID]       what each connector reads, needs and can do
  extsys runs list|show        reads the archive of runs
  extsys audit verify          finds runs that somebody altered, removed or inserted
  extsys approve SYSTEM        approves deletions that passed the budget
  extsys quarantine WORD       rows that were set aside: list, show, replay
  extsys backup --to FILE      copies a SQLite inventory while it is written into
  extsys adopt SYSTEM          binds the rows of a system to another source
  extsys purge SYSTEM          erases rows of a system
  extsys version               prints the version

extsys COMMAND --help tells more.
`;

async function main(args: readonly string[], streams: Streams): Promise<number> {
  const [name = '--help', ...rest] = args;
  if (name === '--help' || name === 'help') {
    streams.stdout.write(usage);
    return 0;
  }
  if (name === 'version' || name === '--version') {
    streams.stdout.write(`${version}\n`);
    return 0;
  }
  const command = commands[name];
  if (command === undefined) {
    streams.stderr.write(`extsys: there is no command ${name}\n\n${usage}`);
    return 2;
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    streams.stdout.write(command.usage);
    return 0;
  }
  try {
    return await command.run(rest, streams);
  } catch (error) {
    const failed = error instanceof CommandFailed;
    if (!failed && !(error instanceof InputError) && !isUsageError(error)) throw error;
    streams.stderr.write(`extsys ${name}: ${error.message}\n`);
    return failed ? 1 : 2;
  }
}

/** Errors of util.parseArgs: an unknown flag, a missing value. */
function isUsageError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}

const { stdin, stdout, stderr } = process;
// A reader that went away (`| head`) wants no more: that is no failure of ours.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});
process.exitCode = await main(process.argv.slice(2), { stdin, stdout, stderr });
