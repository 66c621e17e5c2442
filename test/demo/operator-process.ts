// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export interface OperatorLine {
  readonly msg?: string;
  readonly [field: string]: unknown;
}

export interface OperatorProcess {
  /** Resolves with the exit status; never rejects. */
  readonly ended: Promise<number>;
  /** SIGTERM lets the runs in hand reach their checkpoints. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Sends a signal that the process may survive. */
  signal(signal: NodeJS.Signals): void;
}

/** For tests: what Node is given before the program, and what is added to the environment. */
export interface Surroundings {
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** The operator as a process of its own, as in a cluster; its log goes to a file and, line by line, to `onLine`. */
export function startOperatorProcess(
  args: readonly string[],
  logFile: string,
  onLine: (line: OperatorLine) => void,
  { nodeArgs = [], env = {} }: Surroundings = {},
): OperatorProcess {
  const child = spawn(process.execPath, [...nodeArgs, main, 'operator', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const log = createWriteStream(logFile, { flags: 'a' });
  child.stderr.pipe(log, { end: false });
  createInterface({ input: child.stdout }).on('line', (text) => {
    log.write(`${text}\n`);
    const line = parseLine(text);
    if (line !== undefined) onLine(line);
  });
  const ended = once(child, 'exit').then(([code]) => (typeof code === 'number' ? code : 1));
  return {
    ended,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null) child.kill(signal);
      await ended;
      log.end();
    },
    signal: (signal) => void child.kill(signal),
  };
}

function parseLine(text: string): OperatorLine | undefined {
  try {
    return JSON.parse(text) as OperatorLine;
  } catch {
    // A crash prints plain text; it is in the log file.
    return undefined;
  }
}
