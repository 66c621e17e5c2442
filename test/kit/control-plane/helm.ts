// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EnvHttpProxyAgent, fetch, type Dispatcher } from 'undici';
import { findProgram } from '../debian.ts';
import { ask, cacheFolder, executable } from './binaries.ts';
import { buildFromModules } from './build.ts';
import { helmVersion } from './recipes.ts';

/** The official releases: archives, and the SHA-256 of each beside it. */
export const helmReleasesUrl = 'https://get.helm.sh/';

export interface HelmOptions {
  readonly progress: (line: string) => void;
  readonly env?: NodeJS.ProcessEnv;
  readonly releasesUrl?: string;
}

type Found = { readonly path: string } | { readonly miss: string };

/**
 * Finds Helm 4: on PATH, in the user's cache, the official release, a build from the Go modules, in this order.
 * @throws Error with every place's reason
 */
export async function resolveHelm(options: HelmOptions): Promise<string> {
  const env = options.env ?? process.env;
  const folder = join(cacheFolder(env, 'helm'), helmVersion);
  const places = [
    () => fromPath(env),
    () => fromCache(folder),
    () => fromDownload(folder, options),
    () => fromBuild(folder, env, options.progress),
  ];
  const tried: string[] = [];
  for (const look of places) {
    const found = await look();
    if ('path' in found) return found.path;
    tried.push(found.miss);
  }
  throw new Error(
    [
      'no Helm 4 could be had. Looked at:',
      ...tried.map((line) => `  - ${line}`),
      'Install Helm 4 (https://helm.sh) or Go 1.26 or later (https://go.dev/dl/).',
    ].join('\n'),
  );
}

/** Another program may have the same name, and Helm 3 renders and waits in other ways. */
async function fromPath(env: NodeJS.ProcessEnv): Promise<Found> {
  const path = await findProgram('helm', env);
  if (path === undefined) return { miss: 'there is no helm on PATH' };
  const said = await ask('helm', path).catch((error: unknown) => String(error));
  return said.startsWith('v4.') ? { path } : { miss: `${path} is no Helm 4: ${said.trim().slice(0, 80)}` };
}

async function fromCache(folder: string): Promise<Found> {
  const path = await executable(folder, 'helm');
  if (path === undefined) return { miss: `nothing in the cache ${folder}` };
  return ask('helm', path).then(
    () => ({ path }),
    (error: unknown) => ({ miss: `${path} does not run: ${String(error)}` }),
  );
}

async function fromDownload(folder: string, options: HelmOptions): Promise<Found> {
  const { progress, releasesUrl = helmReleasesUrl } = options;
  const platform = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;
  const url = new URL(`helm-${helmVersion}-${platform}.tar.gz`, releasesUrl).href;
  // A machine without a way out must find that out at once. HTTPS_PROXY counts.
  const dispatcher = new EnvHttpProxyAgent({ connect: { timeout: 4000 }, bodyTimeout: 30_000 });
  await mkdir(folder, { recursive: true });
  const scratch = await mkdtemp(join(folder, '.download-'));
  try {
    progress(`helm: looking for ${url}`);
    const [expected = ''] = (await read(`${url}.sha256sum`, dispatcher)).toString('utf8').split(/\s/u);
    const archive = await read(url, dispatcher);
    const actual = createHash('sha256').update(archive).digest('hex');
    if (actual !== expected)
      return { miss: `${url} was refused: its SHA-256 is ${actual}, the release says ${expected}` };
    const file = join(scratch, 'helm.tar.gz');
    await writeFile(file, archive);
    await promisify(execFile)('tar', ['-xzf', file, '-C', scratch, '--strip-components=1']);
    await ask('helm', join(scratch, 'helm'));
    await rename(join(scratch, 'helm'), join(folder, 'helm'));
    return { path: join(folder, 'helm') };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
    const miss = `the release of Helm cannot be downloaded: ${error instanceof Error ? error.message : String(error)}${cause}`;
    progress(`helm: ${miss}`);
    return { miss };
  } finally {
    await Promise.all([dispatcher.destroy(), rm(scratch, { recursive: true, force: true })]);
  }
}

async function read(url: string, dispatcher: Dispatcher): Promise<Buffer> {
  const response = await fetch(url, { dispatcher });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

async function fromBuild(
  folder: string,
  env: NodeJS.ProcessEnv,
  progress: (line: string) => void,
): Promise<Found> {
  const miss = await buildFromModules({ names: ['helm'], folder, env, progress });
  return miss === undefined ? { path: join(folder, 'helm') } : { miss };
}
