// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** Programs that only say their version, in any folder: the resolver runs them, no more. */
export async function writePrograms(
  folder: string,
  version: string,
  names = ['etcd', 'kube-apiserver', 'kubectl'],
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of names) await writeScript(join(folder, name), `echo Kubernetes ${version}`);
}

export async function writeScript(path: string, body: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
}

export interface FakeRelease {
  readonly indexUrl: string;
  /** Paths asked for, in order. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** A release index and one archive for this platform on a real HTTP server. `hash` overrides the true SHA-512. */
export async function serveRelease(version: string, hash?: string): Promise<FakeRelease> {
  const archive = await makeArchive(version);
  const sha512 = hash ?? createHash('sha512').update(archive).digest('hex');
  const name = `envtest-${version}-${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}.tar.gz`;
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    if (request.url === '/index.yaml') {
      const selfLink = `http://${request.headers.host}/${name}`;
      response.end(
        `releases:\n  ${version}:\n    ${name}:\n      hash: ${sha512}\n      selfLink: ${selfLink}\n`,
      );
    } else if (request.url === `/${name}`) response.end(archive);
    else response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return {
    indexUrl: `http://127.0.0.1:${port}/index.yaml`,
    requests,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function makeArchive(version: string): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'fake-release-'));
  try {
    await writePrograms(join(folder, 'controller-tools', 'envtest'), version);
    await promisify(execFile)('tar', ['-czf', join(folder, 'archive'), '-C', folder, 'controller-tools']);
    return await readFile(join(folder, 'archive'));
  } finally {
    await rm(folder, { recursive: true });
  }
}
