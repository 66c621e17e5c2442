// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The program as JavaScript, as an image has it: to strip types at start costs memory and time that no installation pays. */
export function compileInto(folder: string): void {
  const tsc = join(root, 'node_modules/.bin/tsc');
  const flags = ['--noEmit', 'false', '--outDir', folder, '--rewriteRelativeImportExtensions'];
  execFileSync(tsc, ['-p', root, ...flags], { stdio: 'inherit' });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  for (const engine of ['sqlite', 'postgres']) {
    const migrations = join('src/store', engine, 'migrations');
    cpSync(join(root, migrations), join(folder, migrations), { recursive: true });
  }
}

/** The flags of Node with which the program is started. */
export function nodeFlags(): readonly string[] {
  return [...readFileSync(join(root, 'bin/extsys'), 'utf8').matchAll(/^flags='(.*)'$/gmu)].flatMap(
    ([, flags = '']) => flags.split(' '),
  );
}
