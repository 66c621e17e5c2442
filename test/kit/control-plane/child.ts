// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

/**
 * Spawns a program that ends with this process even when this process is killed. Linux only: the kernel sends the signal
 * when the *thread* that spawned it ends, so a worker thread must not ask for it. Elsewhere `exit` hooks have to do.
 */
export function spawnTied(program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const setpriv = isMainThread && process.platform === 'linux' ? findSetpriv() : undefined;
  if (setpriv === undefined) return spawn(program, args, options);
  return spawn(setpriv, ['--pdeathsig', 'KILL', program, ...args], options);
}

/** Resolves at once for a child that has ended. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null && child.pid !== undefined)
    await once(child, 'exit');
}

function findSetpriv(): string | undefined {
  return ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
