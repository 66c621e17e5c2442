// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { serve } from '../serve.ts';
import { writeScript } from './fake-programs.ts';
import { resolveHelm } from './helm.ts';

let home: string;
let lines: string[];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'helm-'));
  lines = [];
});

afterEach(() => rm(home, { recursive: true }));

const cache = () => join(home, 'externalsystem-operator', 'helm', 'v4.3.1');

/** Nothing of this machine reaches in; port 9 of loopback refuses connections. */
function resolve(releasesUrl = 'http://127.0.0.1:9/'): Promise<string> {
  const env = { XDG_CACHE_HOME: home, PATH: join(home, 'bin') };
  return resolveHelm({ progress: (line) => lines.push(line), env, releasesUrl });
}

const says = (version: string) => `echo ${version}+g1234567`;

/** Serves a release whose archive holds a program; the checksum can be another's. */
async function serveRelease(sha256?: string) {
  await writeScript(join(home, 'release', 'platform', 'helm'), says('v4.3.1'));
  const file = join(home, 'release.tar.gz');
  await promisify(execFile)('tar', ['-czf', file, '-C', join(home, 'release'), 'platform']);
  const archive = await readFile(file);
  const sum = sha256 ?? createHash('sha256').update(archive).digest('hex');
  return serve((request, response) => {
    response.end(request.url?.endsWith('.sha256sum') === true ? `${sum}  helm.tar.gz\n` : archive);
  });
}

test('a Helm 4 on PATH comes first', async () => {
  await writeScript(join(home, 'bin', 'helm'), says('v4.0.1'));
  await writeScript(join(cache(), 'helm'), says('v4.3.1'));
  expect(await resolve()).toBe(join(home, 'bin', 'helm'));
});

test.each(['v3.19.0', 'helm 0.9, the synthesizer'])(
  'a helm on PATH that is %s is passed over',
  async (said) => {
    await writeScript(join(home, 'bin', 'helm'), `echo '${said}'`);
    await writeScript(join(cache(), 'helm'), says('v4.3.1'));
    expect(await resolve()).toBe(join(cache(), 'helm'));
  },
);

test('the official release is downloaded once', async () => {
  const release = await serveRelease();
  try {
    expect(await resolve(`${release.url}/`)).toBe(join(cache(), 'helm'));
  } finally {
    await release.stop();
  }
  expect(await resolve()).toBe(join(cache(), 'helm'));
  expect(await readdir(cache())).toEqual(['helm']);
});

test('a release with another checksum is refused', async () => {
  const release = await serveRelease('0'.repeat(64));
  try {
    await expect(resolve(`${release.url}/`)).rejects.toThrow(
      /was refused: its SHA-256 is [0-9a-f]{64}, the release says 000/u,
    );
  } finally {
    await release.stop();
  }
  expect(await readdir(cache())).toEqual([]);
});

test('the build comes last, from the modules that are pinned here', async () => {
  const output = 'while [ "$1" != -o ]; do shift; done; out=$2';
  const program = `printf '#!/bin/sh\\n${says('v4.3.1')}\\n' > "$out"; /bin/chmod 755 "$out"`;
  await writeScript(
    join(home, 'bin', 'go'),
    `[ "$1" = version ] && exit 0\n${output}\n${program}\necho \${PWD##*/} > ${home}/module`,
  );
  expect(await resolve()).toBe(join(cache(), 'helm'));
  expect(await readFile(join(home, 'module'), 'utf8')).toBe('helm\n');
  expect(lines).toContainEqual(expect.stringMatching(/building helm from the Go modules, about 2 min/u));
});

test('with nothing anywhere, the error lists every place and says what to install', async () => {
  await expect(resolve()).rejects.toThrow(
    /no helm on PATH\n.*nothing in the cache .*\n.*cannot be downloaded: .*\n.*Go is not installed.*\nInstall Helm 4/u,
  );
});
