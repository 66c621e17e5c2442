// SPDX-License-Identifier: Apache-2.0
import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildImage } from './build.ts';
import { docker, importFolder } from './docker.ts';

// save.ts FILE PAUSE TAG…: builds the image under each tag, makes one of the program PAUSE, and writes all into one archive. Runs in a
// private Docker.

const [file = '', pause = '', ...tags] = process.argv.slice(2);
const [first = ''] = tags;
await buildImage(first);
for (const tag of tags.slice(1)) await docker('tag', first, tag);
const folder = await mkdtemp(join(tmpdir(), 'pause-'));
await chmod(folder, 0o755);
await copyFile(pause, join(folder, 'pause'));
await importFolder(folder, 'localhost/pause:1', ['ENTRYPOINT ["/pause"]', 'USER 65535:65535']);
await rm(folder, { recursive: true });
await docker('save', '--output', file, 'localhost/pause:1', ...tags);
