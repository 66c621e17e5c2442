// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';

/** What a process, and those that it started and that have ended, have used up. */
export interface Usage {
  readonly cpuSeconds: number;
  /** Bytes that were sent to storage. */
  readonly written: number;
}

/** Ticks of a second in /proc, on every Linux. */
const ticksPerSecond = 100;

/** A PostgreSQL server with all its backends: of Linux's own books (proc(5)), so on Linux only. */
export function usageOfServer(pid: number): Usage {
  const living = readdirSync('/proc').filter((name) => /^\d+$/u.test(name) && parentOf(name) === pid);
  // What has ended was added to its parent.
  const all = [cpuOf(String(pid), true), ...living.map((child) => cpuOf(child, false))];
  const written = [String(pid), ...living].map(writtenBy);
  return { cpuSeconds: sum(all), written: sum(written) };
}

export function writtenBy(pid: string): number {
  return Number(/^write_bytes: (\d+)$/mu.exec(readOrNothing(`/proc/${pid}/io`))?.[1] ?? 0);
}

function cpuOf(pid: string, withEnded: boolean): number {
  const [, , , , , , , , , , , user, system, endedUser, endedSystem] = statOf(pid);
  const own = Number(user ?? 0) + Number(system ?? 0);
  const ended = withEnded ? Number(endedUser ?? 0) + Number(endedSystem ?? 0) : 0;
  return (own + ended) / ticksPerSecond;
}

function parentOf(pid: string): number {
  return Number(statOf(pid)[1]);
}

/** The fields from the state on; the name before them may hold anything. */
function statOf(pid: string): string[] {
  const text = readOrNothing(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** A process may end while it is looked at; then its parent has it. */
function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return '';
    throw error;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
