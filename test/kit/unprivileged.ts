// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** Who runs the servers of tests when the tests are root's: some refuse root, and none needs it. Undefined for anybody else. */
export async function unprivileged(): Promise<User | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n');
  const fields = users.find((line) => line.startsWith('nobody:'))?.split(':');
  if (fields === undefined) throw new Error('as root the tests need a user nobody to run servers as');
  return { uid: Number(fields[2]), gid: Number(fields[3]) };
}
