// SPDX-License-Identifier: Apache-2.0
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive } from './work-folder.ts';

/**
 * Lets one process at a time fill a cache folder, so that two builds do not compete for the same minutes. It only saves
 * work: that files are never seen half-written is owed to the rename that puts them in place, so a lock left by a process
 * that died is simply taken over.
 */
export async function withCacheLock<T>(
  folder: string,
  onWaiting: () => void,
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(folder, { recursive: true });
  const lock = join(folder, '.lock');
  let told = false;
  while (!(await take(lock))) {
    if (!told) onWaiting();
    told = true;
    await delay(250);
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

async function take(lock: string): Promise<boolean> {
  try {
    await writeFile(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  }
  const holder = Number(await readFile(lock, 'utf8').catch(() => ''));
  // An empty file is a holder between creating and writing it.
  if (holder > 0 && !isAlive(holder)) await rm(lock, { force: true });
  return false;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
