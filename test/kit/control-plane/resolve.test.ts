// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { serveRelease, writePrograms, writeScript, type FakeRelease } from './fake-programs.ts';
import { ControlPlaneUnavailable, resolveControlPlane, type ResolveOptions } from './resolve.ts';

let home: string;
let release: FakeRelease | undefined;
let lines: string[];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'resolve-'));
  lines = [];
});

afterEach(async () => {
  await release?.close();
  release = undefined;
  await rm(home, { recursive: true });
});

/** Nothing of this machine reaches in: own cache, own PATH with only what a test puts into `bin` (and tar). */
function options(change: Partial<ResolveOptions> & { assets?: string } = {}): ResolveOptions {
  const { assets, ...rest } = change;
  const env = {
    XDG_CACHE_HOME: home,
    PATH: join(home, 'bin'),
    ...(assets === undefined ? {} : { KUBEBUILDER_ASSETS: assets }),
  };
  // Port 9 of loopback refuses connections.
  return {
    progress: (line) => lines.push(line),
    allowBuild: false,
    env,
    indexUrl: 'http://127.0.0.1:9/index.yaml',
    ...rest,
  };
}

function cache(version = 'v1.37.2'): string {
  return join(home, 'externalsystem-operator', 'control-plane', version);
}

/** A `go` that "builds" what it is told to, and counts. */
async function installFakeGo(build: string): Promise<string> {
  const calls = join(home, 'go-calls');
  const output = `while [ "$1" != -o ]; do shift; done; out=$2`;
  const program = `printf '#!/bin/sh\\necho Kubernetes v1.37.2\\n' > "$out"; /bin/chmod 755 "$out"`;
  await writeScript(
    join(home, 'bin', 'go'),
    `[ "$1" = version ] && exit 0\n${output}\necho "\${out##*/} \${PWD##*/} $CGO_ENABLED" >> ${calls}\n${build}\n${program}`,
  );
  return calls;
}

describe('the order of places', () => {
  test('KUBEBUILDER_ASSETS comes before the cache', async () => {
    const assets = join(home, 'assets');
    await writePrograms(assets, 'v1.34.1');
    await writePrograms(cache(), 'v1.37.2');
    const found = await resolveControlPlane(options({ assets }));
    expect(found).toStrictEqual({
      etcd: join(assets, 'etcd'),
      apiserver: join(assets, 'kube-apiserver'),
      kubectl: join(assets, 'kubectl'),
      version: 'v1.34.1',
      source: 'KUBEBUILDER_ASSETS',
    });
    expect(lines).toStrictEqual([]);
  });

  test('KUBEBUILDER_ASSETS without the programs is told, and the cache is used', async () => {
    await writePrograms(join(home, 'assets'), 'v1.37.2', ['etcd']);
    await writePrograms(cache(), 'v1.37.2');
    const found = await resolveControlPlane(options({ assets: join(home, 'assets') }));
    expect(found.source).toBe('cache');
    expect(lines).toStrictEqual([
      expect.stringMatching(/of no use: .* has no kube-apiserver, kubectl; looking elsewhere/),
    ]);
  });

  test('a Kubernetes without selectable fields is refused', async () => {
    await writePrograms(join(home, 'assets'), 'v1.31.9');
    const resolving = resolveControlPlane(options({ assets: join(home, 'assets') }));
    await expect(resolving).rejects.toThrow(/is Kubernetes v1\.31\.9; 1\.32 or later is needed/);
  });

  test('the cache comes before a download, the pinned version before another patch', async () => {
    release = await serveRelease('v1.37.2');
    await writePrograms(cache('v1.37.9'), 'v1.37.9');
    await writePrograms(cache('v1.36.2'), 'v1.36.2');
    const patch = await resolveControlPlane(options({ indexUrl: release.indexUrl }));
    await writePrograms(cache(), 'v1.37.2');
    const pinned = await resolveControlPlane(options({ indexUrl: release.indexUrl }));
    expect([patch.version, pinned.version]).toStrictEqual(['v1.37.9', 'v1.37.2']);
    expect(release.requests).toStrictEqual([]);
  });

  test('the download comes before a build, and is in the cache afterwards', async () => {
    release = await serveRelease('v1.37.0');
    const calls = await installFakeGo('');
    const wanted = options({ indexUrl: release.indexUrl, allowBuild: true });
    const first = await resolveControlPlane(wanted);
    const second = await resolveControlPlane(wanted);
    expect(first).toMatchObject({
      source: 'download',
      version: 'v1.37.0',
      apiserver: join(cache('v1.37.0'), 'kube-apiserver'),
    });
    expect(second).toMatchObject({ source: 'cache', version: 'v1.37.0' });
    expect(release.requests).toHaveLength(2);
    expect(await readdir(cache('v1.37.0'))).toStrictEqual(['etcd', 'kube-apiserver', 'kubectl']);
    await expect(readFile(calls)).rejects.toThrow(/ENOENT/);
  });

  test('the build comes last, with a line per program that says how long it takes', async () => {
    const calls = await installFakeGo('');
    const found = await resolveControlPlane(options({ allowBuild: true }));
    expect(found).toMatchObject({ source: 'build', version: 'v1.37.2' });
    const built = await readFile(calls, 'utf8');
    expect(built).toBe('etcd etcd 0\nkube-apiserver kubernetes 0\nkubectl kubernetes 0\n');
    expect(lines).toContainEqual(
      expect.stringMatching(/building kube-apiserver from the Go modules, about 6 min 30 s/),
    );
  });
});

describe('what is not to be trusted', () => {
  test('an archive with another checksum is refused and leaves nothing behind', async () => {
    release = await serveRelease('v1.37.2', 'a'.repeat(128));
    const resolving = resolveControlPlane(options({ indexUrl: release.indexUrl }));
    await expect(resolving).rejects.toThrow(
      /was refused: its SHA-512 begins with [0-9a-f]{12}, .* says aaaaaaaaaaaa/,
    );
    expect(await readdir(cache())).toStrictEqual([]);
  });

  test('an index of another shape is refused', async () => {
    release = await serveRelease('v1.37.2', 'no-checksum');
    await expect(resolveControlPlane(options({ indexUrl: release.indexUrl }))).rejects.toThrow(
      /is not a list of envtest releases/,
    );
  });

  test('a release of another minor version is not taken', async () => {
    release = await serveRelease('v1.36.2');
    await expect(resolveControlPlane(options({ indexUrl: release.indexUrl }))).rejects.toThrow(
      /no official envtest archive of our Kubernetes version/,
    );
  });

  test('a cached program that does not run is built again', async () => {
    await writePrograms(cache(), 'v1.37.2');
    await writeScript(join(cache(), 'kube-apiserver'), 'exit 126');
    const calls = await installFakeGo('');
    const found = await resolveControlPlane(options({ allowBuild: true }));
    expect(found.source).toBe('build');
    expect(await readFile(calls, 'utf8')).toBe('kube-apiserver kubernetes 0\n');
  });

  test('a build that fails says why and leaves no half program in the cache', async () => {
    await installFakeGo('echo half > "$out"; echo "disk full" >&2; exit 1');
    const resolving = resolveControlPlane(options({ allowBuild: true }));
    await expect(resolving).rejects.toThrow(/go build of etcd failed: disk full/);
    expect(await readdir(cache())).toStrictEqual([]);
  });
});

test('two builds at once do the work once', async () => {
  const calls = await installFakeGo('/bin/sleep 0.1');
  const found = await Promise.all([1, 2].map(() => resolveControlPlane(options({ allowBuild: true }))));
  expect(found.map((binaries) => binaries.version)).toStrictEqual(['v1.37.2', 'v1.37.2']);
  expect((await readFile(calls, 'utf8')).trim().split('\n')).toHaveLength(3);
  expect(lines).toContainEqual(expect.stringMatching(/waiting for another process that fills/));
  expect(await readdir(cache())).toStrictEqual(['etcd', 'kube-apiserver', 'kubectl']);
});

test('the controller manager, asked for, is built beside assets that lack it', async () => {
  const assets = join(home, 'assets');
  await writePrograms(assets, 'v1.37.0');
  const calls = await installFakeGo('');
  const found = await resolveControlPlane(options({ assets, allowBuild: true, controllerManager: true }));
  expect(dirname(found.apiserver)).toBe(assets);
  expect(found.controllerManager).toBe(join(cache(), 'kube-controller-manager'));
  expect(await readFile(calls, 'utf8')).toBe('kube-controller-manager kubernetes 0\n');
});

test('with nothing anywhere, the error lists every place and says what to install', async () => {
  const error: unknown = await resolveControlPlane(options({ allowBuild: true })).catch(
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ControlPlaneUnavailable);
  expect(String(error)).toMatch(
    /KUBEBUILDER_ASSETS is not set\n.*nothing in the cache .*\n.*cannot be downloaded: .*\n.*Go is not installed/,
  );
  expect(String(error)).toMatch(
    /install Go 1\.26 or later .*\n.*reach .* https:\/\/github\.com, .*\nor set KUBEBUILDER_ASSETS/,
  );
});
