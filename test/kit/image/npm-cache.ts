// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cacheFolder } from '../control-plane/binaries.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));

/** An npm cache with every package of the lock file, so that `npm ci` needs no network afterwards. */
export async function fillNpmCache(
  progress: (line: string) => void,
): Promise<{ readonly cache: string; readonly registry: string }> {
  const cache = cacheFolder(process.env, 'npm');
  await mkdir(cache, { recursive: true });
  const scratch = await mkdtemp(join(tmpdir(), 'npm-cache-'));
  try {
    for (const file of ['package.json', 'package-lock.json'])
      await copyFile(join(root, file), join(scratch, file));
    progress(`filling the npm cache for the build of the image: ${cache}`);
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--cache', cache];
    await run('npm', ['ci', ...flags], { cwd: scratch, maxBuffer: 16 * 1024 * 1024 });
    const { stdout } = await run('npm', ['config', 'get', 'registry'], { cwd: scratch });
    return { cache, registry: stdout.trim() };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
