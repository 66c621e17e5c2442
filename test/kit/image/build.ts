// SPDX-License-Identifier: Apache-2.0
import { fileURLToPath } from 'node:url';
import { buildBase, importBaseImages, runtimeBase } from './base-images.ts';
import { docker } from './docker.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Builds the project's Dockerfile on base images of this machine. */
export async function buildImage(tag: string): Promise<void> {
  await importBaseImages();
  const bases = ['--build-arg', `BASE_IMAGE=${runtimeBase}`, '--build-arg', `BUILD_IMAGE=${buildBase}`];
  await docker('build', '--network=none', ...bases, '--tag', tag, root);
}
