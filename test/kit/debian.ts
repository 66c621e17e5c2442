// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { access, constants, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const policyFile = '/usr/sbin/policy-rc.d';

/** A program that a test needs and that is neither here nor to be had; the message says what to install. */
export class ProgramMissing extends Error {
  override readonly name = 'ProgramMissing';
}

export interface SystemProgram {
  readonly program: string;
  /** The package of Debian and its relatives that has it; with spaces between them those that it cannot do without. */
  readonly debianPackage: string;
}

/** The path of a program on PATH or in the folders of system programs, which PATH often lacks. */
export async function findProgram(name: string, env = process.env): Promise<string | undefined> {
  const folders = [...(env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'];
  for (const folder of folders.filter((one) => one !== '')) {
    const path = join(folder, name);
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return undefined;
}

/**
 * Finds system programs, and installs the packages of those that are missing where this is Debian and we are root.
 * @throws ProgramMissing with the remedy
 */
export async function ensurePrograms(
  wanted: readonly SystemProgram[],
  progress: (line: string) => void,
): Promise<void> {
  const missing: SystemProgram[] = [];
  for (const one of wanted) if ((await findProgram(one.program)) === undefined) missing.push(one);
  if (missing.length === 0) return;
  const names = missing.map(({ program }) => program).join(', ');
  const packages = [...new Set(missing.flatMap(({ debianPackage }) => debianPackage.split(' ')))];
  const remedy = `install ${packages.join(' ')} (names of Debian's packages)`;
  if (process.getuid?.() !== 0 || (await findProgram('apt-get')) === undefined)
    throw new ProgramMissing(`not found: ${names}; ${remedy}`);
  progress(`installing ${packages.join(' ')} from Debian, for ${names}`);
  try {
    await install(packages);
  } catch (error) {
    const said = error instanceof Error ? error.message.split('\n').slice(-3).join(' ') : String(error);
    throw new ProgramMissing(`not found: ${names}, and apt-get could not install them: ${said}; ${remedy}`);
  }
}

async function install(packages: readonly string[]): Promise<void> {
  // Packages start their services otherwise; a policy that is there already is the owner's.
  const ours = await writeFile(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' }).then(
    () => true,
    () => false,
  );
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    await run('apt-get', ['update', '--quiet'], { env, maxBuffer: 16 * 1024 * 1024 });
    await run('apt-get', ['install', '--yes', '--no-install-recommends', ...packages], {
      env,
      maxBuffer: 16 * 1024 * 1024,
    });
  } finally {
    if (ours) await rm(policyFile, { force: true });
  }
}
