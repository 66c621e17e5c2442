// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ask, executable, type BinaryName } from './binaries.ts';
import { withCacheLock } from './cache-lock.ts';
import { spawnTied } from './child.ts';
import { buildArgs, recipes, type Recipe } from './recipes.ts';

export interface BuildRequest {
  readonly names: readonly BinaryName[];
  /** Where the programs end up; made when it is not there. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly progress: (line: string) => void;
}

const stillBuildingEveryMs = 30_000;

/** Builds what the folder lacks. Gives the reason when it cannot; a program appears in the folder only when it is whole. */
export async function buildFromModules(request: BuildRequest): Promise<string | undefined> {
  const { folder, progress } = request;
  const version = await go(['version'], { env: request.env, cwd: moduleFolder('etcd') });
  if (version.code !== 0) {
    return `Go is not installed, so it cannot be built from the Go modules (${version.log.trim()})`;
  }
  const onWaiting = () => progress(`waiting for another process that fills ${folder}`);
  return withCacheLock(folder, onWaiting, async () => {
    const scratch = await mkdtemp(join(folder, '.building-'));
    try {
      for (const name of request.names) {
        if (await works(folder, name)) continue;
        const failure = await buildOne(name, scratch, request);
        if (failure !== undefined) return failure;
        await rename(join(scratch, name), join(folder, name));
      }
      return undefined;
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  });
}

/** Another process may have built it meanwhile; a file that does not run is replaced. */
async function works(folder: string, name: BinaryName): Promise<boolean> {
  const path = await executable(folder, name);
  return path !== undefined && ask(name, path).then(Boolean, () => false);
}

async function buildOne(
  name: BinaryName,
  scratch: string,
  request: BuildRequest,
): Promise<string | undefined> {
  const recipe = recipes[name];
  const startedAt = performance.now();
  const elapsed = () => `${Math.floor((performance.now() - startedAt) / 1000)} s`;
  request.progress(
    `building ${name} from the Go modules, about ${recipe.expected} on 2 cores, once per machine`,
  );
  const ticker = setInterval(
    () => request.progress(`still building ${name}, ${elapsed()} of about ${recipe.expected}`),
    stillBuildingEveryMs,
  );
  try {
    // Go's own scratch folders, gigabytes of them, go with ours, also when the build is interrupted.
    const env = { ...request.env, GOTMPDIR: scratch };
    const { code, log } = await go(buildArgs(recipe, join(scratch, name)), {
      env,
      cwd: moduleFolder(recipe.module),
    });
    if (code !== 0) return `go build of ${name} failed: ${lastLines(log, 8)}`;
    request.progress(`built ${name} in ${elapsed()}`);
    return undefined;
  } finally {
    clearInterval(ticker);
  }
}

/** Runs the go command to its end; a missing one is code -1. The log keeps what it wrote on both streams. */
async function go(
  args: readonly string[],
  context: { readonly env: NodeJS.ProcessEnv; readonly cwd: string },
): Promise<{ code: number; log: string }> {
  // GOWORK and GOFLAGS of the user's own projects must not reach into this build.
  const env = { ...context.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '' };
  const child = spawnTied('go', args, { cwd: context.cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  const keep = (chunk: Buffer) => {
    log = (log + chunk.toString('utf8')).slice(-20_000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  try {
    const [code] = await once(child, 'close');
    return { code: typeof code === 'number' ? code : -1, log };
  } catch (error) {
    return { code: -1, log: error instanceof Error ? error.message : String(error) };
  }
}

function moduleFolder(name: Recipe['module']): string {
  return fileURLToPath(new URL(`modules/${name}`, import.meta.url));
}

function lastLines(text: string, count: number): string {
  return text.trim().split('\n').slice(-count).join('\n');
}
