// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { ControlPlaneUnavailable } from '../kit/control-plane/resolve.ts';
import { resolveHelm } from '../kit/control-plane/helm.ts';
import { ProgramMissing } from '../kit/debian.ts';
import { inPrivateDocker } from '../kit/image/private-docker.ts';
import { checkMachine, nodeDown, nodeUp } from '../kit/node/node.ts';
import { gatherPrograms } from '../kit/node/programs.ts';

// `npm run test:cluster`: installs the chart on a node that runs pods, with the image that the Dockerfile makes. The last line is the
// summary, as of `npm test`.

const root = fileURLToPath(new URL('../../', import.meta.url));
const image = 'localhost/external-system-operator';
const progress = (line: string) => console.error(line);

async function main(): Promise<number> {
  checkMachine();
  const folder = await mkdtemp(join(tmpdir(), 'installation-'));
  const folders = {
    programs: join(folder, 'programs'),
    state: join(folder, 'state'),
    images: join(folder, 'images.tar'),
  };
  try {
    const helm = await resolveHelm({ progress });
    await gatherPrograms(folders.programs, progress);
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    progress('building the image');
    const save = ['test/kit/image/save.ts', folders.images, join(folders.programs, 'pause')];
    const built = await inPrivateDocker(
      [process.execPath, ...save, `${image}:${version}`, `${image}:next`],
      progress,
    );
    if (built !== 0) throw new Error(`the image was not built: exit status ${built}`);
    return await onNode(folders, helm);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function onNode(folders: Parameters<typeof nodeUp>[0], helm: string): Promise<number> {
  const startedMs = performance.now();
  try {
    await nodeUp(folders);
    progress(`the node is ready after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
    const suite = ['test/run.ts', '--config', 'test/installation/vitest.config.ts', ...process.argv.slice(2)];
    const env = {
      ...process.env,
      INSTALLATION_HELM: helm,
      INSTALLATION_KUBECTL: join(folders.programs, 'kubectl'),
      INSTALLATION_IMAGE: image,
      KUBECONFIG: join(folders.state, 'kubeconfig'),
    };
    const child = spawn(process.execPath, suite, { stdio: 'inherit', env });
    // The node must be taken down, whatever ends the tests.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
    const [code] = (await once(child, 'exit')) as [number | null];
    return code ?? 1;
  } finally {
    await nodeDown(folders);
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  const known = error instanceof ProgramMissing || error instanceof ControlPlaneUnavailable;
  console.error(
    known ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error),
  );
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
}
