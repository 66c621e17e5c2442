// SPDX-License-Identifier: Apache-2.0
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the client against the daemon of this namespace and answers how it ended. */
export function tryDocker(args: readonly string[], input?: string): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { maxBuffer: 64 * 1024 * 1024 };
    const child = execFile(program(), args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

/** Likewise; rejects with what it said when it fails. */
export async function docker(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await tryDocker(args);
  if (code !== 0) throw new Error(`docker ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
  return stdout.trim();
}

/** Makes an image of one layer out of a folder. */
export async function importFolder(folder: string, tag: string, changes: readonly string[]): Promise<void> {
  const tar = spawn('tar', ['-C', folder, '-cf', '-', '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const flags = changes.flatMap((change) => ['-c', change]);
  const load = spawn(program(), ['import', ...flags, '-', tag], {
    stdio: [tar.stdout, 'ignore', 'inherit'],
  });
  const codes = await Promise.all([once(tar, 'exit'), once(load, 'exit')]);
  if (codes.some(([code]) => code !== 0)) throw new Error(`the image ${tag} was not imported`);
}

function program(): string {
  const { DOCKER } = process.env;
  if (DOCKER === undefined)
    throw new Error('run this by npm run test:image: it needs a private Docker daemon');
  return DOCKER;
}
