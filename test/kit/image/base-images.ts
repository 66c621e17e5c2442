// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { chmod, cp, copyFile, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram } from '../debian.ts';
import { importFolder } from './docker.ts';
import { npmCacheVariable, npmRegistryVariable } from './private-docker.ts';

const run = promisify(execFile);

export const runtimeBase = 'local/node-base:24';
export const buildBase = 'local/npm-base:24';

/**
 * Images of the same shape as those that the Dockerfile names, made of this machine's own Node, npm and libraries, for places where
 * nothing can be pulled. They prove the project's own lines, not the vendors' images.
 */
export async function importBaseImages(): Promise<void> {
  await Promise.all([importRuntimeBase(), importBuildBase()]);
}

/** No shell, uid 65532, Node at /nodejs/bin/node. */
async function importRuntimeBase(): Promise<void> {
  await withFolder(async (root) => {
    await addProgram(root, await realpath(process.execPath), '/nodejs/bin/node');
    await mkdir(join(root, 'etc/ssl/certs'), { recursive: true });
    await copyFile('/etc/ssl/certs/ca-certificates.crt', join(root, 'etc/ssl/certs/ca-certificates.crt'));
    await writeFile(
      join(root, 'etc/passwd'),
      'root:x:0:0::/root:/sbin/nologin\nnonroot:x:65532:65532::/home/nonroot:/sbin/nologin\n',
    );
    await mkdir(join(root, 'tmp'), { mode: 0o1777 });
    await mkdir(join(root, 'home/nonroot'), { recursive: true });
    await importFolder(root, runtimeBase, ['ENTRYPOINT ["/nodejs/bin/node"]', 'USER 65532:65532']);
  });
}

/** Node, npm with a full cache, and the few programs that the build stages call. */
async function importBuildBase(): Promise<void> {
  const { [npmCacheVariable]: cache, [npmRegistryVariable]: registry } = process.env;
  if (cache === undefined || registry === undefined) throw new Error(`${npmCacheVariable} is not set`);
  await withFolder(async (root) => {
    await addProgram(root, await realpath(process.execPath), '/usr/local/bin/node');
    for (const name of ['sh', 'env', 'cp', 'mkdir', 'rm', 'find']) {
      const path = await findProgram(name);
      if (path === undefined) throw new Error(`there is no ${name} on this machine`);
      await addProgram(root, await realpath(path), name === 'sh' ? '/bin/sh' : `/usr/bin/${name}`);
    }
    const modules = join(root, 'usr/local/lib/node_modules');
    await mkdir(modules, { recursive: true });
    await cp(await npmFolder(), join(modules, 'npm'), { recursive: true });
    await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'));
    await cp(cache, join(root, 'npm-cache'), { recursive: true });
    for (const folder of ['tmp', 'root']) await mkdir(join(root, folder), { mode: 0o1777 });
    await importFolder(root, buildBase, [
      'ENV PATH=/usr/local/bin:/usr/bin:/bin HOME=/root',
      `ENV npm_config_offline=true npm_config_cache=/npm-cache npm_config_registry=${registry}`,
    ]);
  });
}

async function npmFolder(): Promise<string> {
  const { npm_execpath: path } = process.env;
  if (path !== undefined) return dirname(dirname(await realpath(path)));
  const { stdout } = await run('npm', ['root', '--global']);
  return realpath(join(stdout.trim(), 'npm'));
}

/** Copies a program and the libraries that it is linked to. */
async function addProgram(root: string, source: string, target: string): Promise<void> {
  const { stdout } = await run('ldd', [source]);
  const libraries = [...stdout.matchAll(/(\/[^ ]+)/gu)].map(([path]) => path);
  for (const [from, to] of [[source, target] as const, ...libraries.map((path) => [path, path] as const)]) {
    await mkdir(join(root, dirname(to)), { recursive: true });
    await copyFile(await realpath(from), join(root, to));
  }
}

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'base-image-'));
  // It becomes the root of the image.
  await chmod(folder, 0o755);
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
