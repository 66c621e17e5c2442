// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeWorkFolder } from './work-folder.ts';

test('removes what a killed process left behind, and nothing of one that lives', async () => {
  const base = await mkdtemp(join(tmpdir(), 'work-folder-'));
  const child = spawn(process.execPath, ['--eval', '']);
  await once(child, 'exit');
  const mine = await makeWorkFolder(base);
  const left = mine.replace(`-${process.pid}-`, `-${child.pid}-`);
  await rename(mine, left);
  const living = await makeWorkFolder(base);
  await makeWorkFolder(base);
  expect([existsSync(left), existsSync(living)]).toStrictEqual([false, true]);
  await rm(base, { recursive: true });
});
