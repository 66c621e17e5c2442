// SPDX-License-Identifier: Apache-2.0
import { appendFileSync } from 'node:fs';

/** What a process is told by its environment. */
export interface ProcessFault {
  /** The calls that are counted: a regular expression for their names. */
  readonly call: string;
  /** From 1; 0 for none. */
  readonly at: number;
  readonly where: 'before' | 'after';
  /** SIGKILL or SIGSTOP; sent by the process to itself, so that it is exactly there. */
  readonly signal: NodeJS.Signals;
  /** Gets a line for each call: its name and how it ended. */
  readonly trace: string;
}

export const faultVariable = 'CRASH_FAULT';

const fault = JSON.parse(process.env[faultVariable] ?? 'null') as ProcessFault | null;
const counted = new RegExp(fault?.call ?? '(?!)', 'u');
let calls = 0;

/** A place between two awaits, at which the process may be stopped from outside the program. */
export async function passBoundary<T>(name: string, call: () => Promise<T>): Promise<T> {
  if (fault === null) return call();
  if (counted.test(name)) calls += 1;
  const here = counted.test(name) && calls === fault.at ? fault.where : undefined;
  if (here === 'before') stop(fault, name);
  const how = await call().then(
    (answer) => ({ ended: 'done', answer }) as const,
    (error: unknown) => ({ ended: error instanceof Error ? error.name : 'error', error }) as const,
  );
  appendFileSync(fault.trace, `${name} ${how.ended}\n`);
  if (here === 'after') stop(fault, name);
  if ('error' in how) throw how.error;
  return how.answer;
}

function stop({ signal, trace }: ProcessFault, name: string): void {
  appendFileSync(trace, `${name} ${signal}\n`);
  process.kill(process.pid, signal);
}
