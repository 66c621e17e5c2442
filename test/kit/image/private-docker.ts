// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensurePrograms, findProgram, ProgramMissing } from '../debian.ts';
import { fillNpmCache } from './npm-cache.ts';

const script = fileURLToPath(new URL('private-docker.sh', import.meta.url));

/** Where the namespace finds its npm cache and registry; nothing outside can be reached from in there. */
export const npmCacheVariable = 'IMAGE_NPM_CACHE';
export const npmRegistryVariable = 'IMAGE_NPM_REGISTRY';

/**
 * Runs a command beside a Docker daemon of its own and answers its exit status. What needs a network is had before: Docker's
 * packages, and those of npm that the image is built of.
 * @throws ProgramMissing where that cannot be, with the remedy
 */
export async function inPrivateDocker(
  command: readonly string[],
  progress: (line: string) => void,
): Promise<number> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    throw new ProgramMissing(
      'a Docker daemon of its own needs Linux and root; docker build . works anywhere',
    );
  await ensurePrograms(
    [
      { program: 'dockerd', debianPackage: 'docker.io' },
      { program: 'ip', debianPackage: 'iproute2' },
    ],
    progress,
  );
  const { cache, registry } = await fillNpmCache(progress);
  const child = spawn('bash', [script, ...command], {
    stdio: 'inherit',
    env: {
      ...process.env,
      PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
      DOCKER: await client(),
      [npmCacheVariable]: cache,
      [npmRegistryVariable]: registry,
    },
  });
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, forward);
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

/** The client that came with the daemon: a newer one refuses to build without a plugin. */
async function client(): Promise<string> {
  const daemon = await findProgram('dockerd');
  const folders = [join(dirname(daemon ?? '/'), '../bin'), dirname(daemon ?? '/')].join(':');
  const found = (await findProgram('docker', { PATH: folders })) ?? (await findProgram('docker'));
  if (found === undefined) throw new ProgramMissing('dockerd is here but not docker: install docker.io');
  return found;
}
