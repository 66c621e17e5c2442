// SPDX-License-Identifier: Apache-2.0
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { ended, spawnTied } from './child.ts';

export interface Service {
  readonly name: string;
  readonly process: ChildProcess;
  readonly logPath: string;
  /** The program as it could not be started, or undefined. */
  spawnError(): Error | undefined;
  running(): boolean;
  /** Resolves when the process is gone. */
  stop(signal: NodeJS.Signals): Promise<void>;
}

/** Starts a long-running program with its output in a file. Its own process group: Ctrl-C is for the one who started it. */
export function startService(
  name: string,
  program: string,
  args: readonly string[],
  logPath: string,
): Service {
  const log = openSync(logPath, 'a');
  const child = spawnTied(program, args, { stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  let failure: Error | undefined;
  child.on('error', (error) => {
    failure = error;
  });
  const running = () => failure === undefined && child.exitCode === null && child.signalCode === null;
  return {
    name,
    process: child,
    logPath,
    spawnError: () => failure,
    running,
    async stop(signal) {
      if (!running()) return;
      child.kill(signal);
      await ended(child);
    },
  };
}

/** How a service ended and the end of its log, for an error message. */
export async function obituary(service: Service): Promise<string> {
  const log = await readFile(service.logPath, 'utf8').catch(() => '');
  const excerpt = log.trim().split('\n').slice(-15).join('\n');
  const end = service.running()
    ? 'is running'
    : `ended (${service.spawnError()?.message ?? service.process.signalCode ?? `exit code ${service.process.exitCode ?? '?'}`})`;
  return `${service.name} ${end}; the end of its log:\n${excerpt}`;
}
