// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { dump } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SyncRun } from '../../src/api/resource.ts';
import { isFinal } from '../../src/api/sync-run.ts';
import { applyCrds, freshNamespace, sharedCluster } from '../kit/control-plane/shared.ts';
import { buildImage } from '../kit/image/build.ts';
import { docker, tryDocker } from '../kit/image/docker.ts';
import { system } from '../kit/manifests.ts';
import { waitFor } from '../kit/wait.ts';
import { startServiceNow } from '../simulators/servicenow/index.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const tag = 'local/external-system-operator:test';
/** As restricted as the chart runs it, and with no more memory than it gives. */
const locked = [
  '--read-only',
  '--cap-drop',
  'ALL',
  '--security-opt',
  'no-new-privileges',
  '--memory',
  '256m',
];
const password = 'canary-of-the-image-2281';

let upstream: Awaited<ReturnType<typeof startServiceNow>>;
let folder = '';
let manifest: {
  readonly version: string;
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
};

beforeAll(async () => {
  manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as typeof manifest;
  folder = await mkdtemp(join(tmpdir(), 'image-test-'));
  const startedMs = performance.now();
  await buildImage(tag);
  console.log(`image: built in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  upstream = await startServiceNow({
    seed: 1,
    counts: { servers: 60 },
    basic: { username: 'reader', password },
  });
});

afterAll(async () => {
  await upstream.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Secret and ExternalSystem as YAML. */
function manifests(namespace: string): string {
  const connector = { serviceNowCmdb: { url: upstream.url, classes: ['cmdb_ci_server'] } };
  const login = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'login', namespace },
    stringData: { username: 'reader', password },
  };
  return [system('cmdb', { connector, limits: { requestsPerSecond: 1000 } }, { namespace }), login]
    .map((object) => dump(object))
    .join('---\n');
}

describe('what is in the image', () => {
  let files: string[];
  beforeAll(async () => {
    const id = await docker('create', tag);
    const archive = join(folder, 'image.tar');
    await docker('export', '--output', archive, id);
    const { stdout } = await run('tar', ['-tf', archive], { maxBuffer: 64 * 1024 * 1024 });
    files = stdout.split('\n');
    await docker('rm', id);
  });
  const packages = () =>
    new Set(
      files.flatMap((file) => {
        const [, name] = /^app\/node_modules\/((?:@[^/]+\/)?[^/]+)\/$/u.exec(file) ?? [];
        return name === undefined ? [] : [name];
      }),
    );

  test('is the program, its migrations and the packages it runs with', () => {
    for (const file of [
      'app/src/main.js',
      'app/src/store/sqlite/migrations/0001_core.sql',
      'app/src/store/postgres/migrations/0001_core.sql',
      'app/connectors/index.js',
      'app/package.json',
      'app/LICENSE',
    ])
      expect(files).toContain(file);
    expect([...packages()]).toEqual(expect.arrayContaining(Object.keys(manifest.dependencies)));
  });

  test('is nothing that only builds or tests: no second Node, no compiler, no types, no tests, no shell', () => {
    const found = packages();
    const tools = Object.keys(manifest.devDependencies).filter((name) => !name.startsWith('@types/'));
    expect(tools.filter((name) => found.has(name))).toEqual([]);
    expect(files.filter((file) => /^app\/(?:test|scripts|docs|crds)\//u.test(file))).toEqual([]);
    expect(files.filter((file) => /^app\/(?:src|connectors)\/.*\.ts$/u.test(file))).toEqual([]);
    expect(files.filter((file) => /\.d\.[cm]?ts$|\.map$/u.test(file))).toEqual([]);
    expect(files.filter((file) => /(?:^|\/)bin\/(?:sh|bash|dash|busybox|npm|apt)$/u.test(file))).toEqual([]);
  });

  test('runs as a user that is not root, by number, with Node as its first process, and its flags', async () => {
    const [, flags = ''] = /^flags='(.*)'$/mu.exec(await readFile(join(root, 'bin/extsys'), 'utf8')) ?? [];
    const [image] = JSON.parse(await docker('image', 'inspect', tag)) as {
      Size: number;
      Config: { User: string; Entrypoint: string[]; WorkingDir: string };
    }[];
    expect(image?.Config).toMatchObject({
      User: '65532:65532',
      Entrypoint: ['/nodejs/bin/node', ...flags.split(' '), '/app/src/main.js'],
      WorkingDir: '/data',
    });
    const base = Number(await docker('image', 'inspect', '--format', '{{.Size}}', 'local/node-base:24'));
    const size = image?.Size ?? 0;
    console.log(
      `image: ${(size / 1e6).toFixed(1)} MB unpacked, of which ${((size - base) / 1e6).toFixed(1)} MB are ours`,
    );
    expect(size - base).toBeLessThan(80e6);
  });
});

describe('with a read-only root and no capability', () => {
  test('says its version, and how long a start takes', async () => {
    const times: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const startedMs = performance.now();
      expect(await docker('run', '--rm', '--network=none', ...locked, tag, '--version')).toBe(
        manifest.version,
      );
      times.push(performance.now() - startedMs);
    }
    const median = times.toSorted((a, b) => a - b)[2] ?? 0;
    console.log(`image: docker run --version takes ${(median / 1000).toFixed(2)} s, container and all`);
  });

  test('syncs from a file into a volume', async () => {
    const flags = ['--network=host', '--interactive', '--rm', '--volume', 'inventory:/data', ...locked];
    const args = ['sync', '-f', '-', '--store', 'sqlite:inventory.db', '--output', 'json'];
    const first = await tryDocker(['run', ...flags, tag, ...args], manifests('inventory'));
    expect(first, first.stderr).toMatchObject({ code: 0 });
    expect((JSON.parse(first.stdout) as SyncRun).status).toMatchObject({
      phase: 'Succeeded',
      sequence: 1,
      totals: { created: 60 },
    });
    const second = await tryDocker(['run', ...flags, tag, ...args], manifests('inventory'));
    expect((JSON.parse(second.stdout) as SyncRun).status).toMatchObject({
      sequence: 2,
      totals: { created: 0, updated: 0, failed: 0 },
    });
  });

  test('is an operator that becomes ready, runs, and ends with 0 at SIGTERM', async () => {
    await applyCrds();
    const namespace = await freshNamespace();
    const cluster = sharedCluster();
    const kubeconfig = join(folder, 'kubeconfig');
    // The user in the container is another than the one who made the file.
    await writeFile(kubeconfig, await readFile(cluster.kubeconfigPath), { mode: 0o644 });
    await cluster.kubectl(['apply', '-f', '-'], { input: manifests(namespace) });
    const startedMs = performance.now();
    const id = await docker(
      ...['run', '--detach', '--network=host', ...locked, '--tmpfs', '/data:uid=65532,gid=65532'],
      ...['--volume', `${kubeconfig}:/kubeconfig:ro`, tag, 'operator', '--kubeconfig', '/kubeconfig'],
      ...['--namespace', namespace, '--lease-namespace', namespace, '--listen', '127.0.0.1:18080'],
      '--allow-insecure-upstreams',
    );
    try {
      await waitFor('/readyz', async () => (await fetch('http://127.0.0.1:18080/readyz')).ok, {
        intervalMs: 20,
        timeoutMs: 30_000,
      }).catch(async (error: unknown) => {
        const { stdout, stderr } = await tryDocker(['logs', id]);
        throw new Error(`${String(error)}\n${stdout}${stderr}`, { cause: error });
      });
      console.log(`image: ready ${((performance.now() - startedMs) / 1000).toFixed(2)} s after docker run`);
      expect((await fetch('http://127.0.0.1:18080/healthz')).ok).toBe(true);
      const ended = await waitFor('a run to end', async () => {
        const list = JSON.parse(
          await cluster.kubectl(['get', 'syncruns', '--namespace', namespace, '--output', 'json']),
        ) as { items: SyncRun[] };
        return list.items.find(({ status }) => isFinal(status?.phase));
      });
      expect(ended.status).toMatchObject({ phase: 'Succeeded', totals: { created: 60 } });
      await docker('kill', '--signal', 'TERM', id);
      expect(await docker('wait', id)).toBe('0');
      const { stdout: log } = await tryDocker(['logs', id]);
      expect(log.trim().split('\n').at(-1)).toMatch(/"msg":"stopped"/u);
      expect(log).not.toContain(password);
    } finally {
      await docker('rm', '--force', id);
    }
  });
});

test('the images that it is built on are pinned', async () => {
  const text = await readFile(join(root, 'Dockerfile'), 'utf8');
  const pins = [...text.matchAll(/^ARG (\w+_IMAGE)=(\S+)$/gmu)].map(([, name, image]) => [name, image]);
  expect(pins.map(([name]) => name)).toEqual(['BASE_IMAGE', 'BUILD_IMAGE']);
  for (const [, image] of pins) expect(image).toMatch(/@sha256:[0-9a-f]{64}$|:\d+\.\d+\.\d+-[\w.-]+$/u);
});
