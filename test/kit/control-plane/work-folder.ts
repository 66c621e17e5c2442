// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A new folder below the temporary one, named after this process. A process that is killed cannot remove its own (some
 * 100 MB of preallocated etcd files), so the next one to start does it.
 */
export async function makeWorkFolder(base = tmpdir()): Promise<string> {
  // Containers may share the folder but not the process ids.
  const prefix = `control-plane-${hostname().replaceAll(/[^A-Za-z0-9]/g, '')}-`;
  const others = (await readdir(base)).filter((name) => name.startsWith(prefix));
  for (const name of others) {
    const pid = Number(name.slice(prefix.length).split('-')[0]);
    // Another user's folder, or one that somebody else removes right now, is not ours to complain about.
    if (pid > 0 && !isAlive(pid))
      await rm(join(base, name), { recursive: true, force: true }).catch(() => undefined);
  }
  return mkdtemp(join(base, `${prefix}${process.pid}-`));
}

/** A process of another user counts as alive. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}
