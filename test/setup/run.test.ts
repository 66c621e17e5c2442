// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Ended {
  readonly code: number;
  readonly lastLine: string | undefined;
  readonly output: string;
}

/** `npm test -- ARGS` as a process, with nothing of this run's environment but what is given. */
function npmTest(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd: root, env: { PATH: process.env['PATH'], ...env } };
    execFile(process.execPath, ['test/run.ts', ...args], options, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : error === null ? 0 : -1;
      resolve({ code, lastLine: stdout.trimEnd().split('\n').at(-1), output: stdout + stderr });
    });
  });
}

function fixture(name: string): Promise<Ended> {
  return npmTest(['--config', 'test/setup/fixtures/vitest.config.ts', name]);
}

describe('the last line and the exit code', () => {
  test.each([
    ['passes', '1 passed, 0 failed', 0],
    ['fails', '1 passed, 1 failed', 1],
    ['does-not-load', '0 passed, 1 failed', 1],
    ['broken-hook', '1 passed, 1 failed', 1],
    ['stray-rejection', '1 passed, 1 failed', 1],
    ['matches-no-file', '0 passed, 1 failed', 1],
  ])('%s: %s', async (name, lastLine, code) => {
    await expect(fixture(name)).resolves.toMatchObject({ lastLine, code });
  });
});

describe('without a control plane', () => {
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'nothing-here-'));
  });
  afterAll(() => rm(home, { recursive: true }));
  /** No Go on this PATH, nothing in this cache, and a proxy that nobody answers at. */
  const bare = () => ({ PATH: home, XDG_CACHE_HOME: home, HTTPS_PROXY: 'http://127.0.0.1:9' });

  test('one test fails, with the remedy, and the other cluster tests are skipped', async () => {
    const files = ['test/cluster/control-plane.test.ts', 'test/kit/control-plane/start.cluster.test.ts'];
    const ended = await npmTest(files, bare());
    expect(ended.lastLine).toMatch(/^0 passed, 1 failed$/);
    expect(ended.code).toBe(1);
    expect(ended.output).toMatch(/FAIL .*a real Kubernetes control plane is at hand/);
    expect(ended.output).toMatch(/install Go 1\.26 or later/);
  });

  test('the run fails even when the selected cluster tests are all skipped', async () => {
    const ended = await npmTest(
      ['test/kit/control-plane/start.cluster.test.ts', 'test/kit/wait.test.ts'],
      bare(),
    );
    expect(ended.lastLine).toMatch(/^6 passed, 1 failed$/);
    expect(ended.code).toBe(1);
  });
});

describe('--without control-plane', () => {
  test('skips the cluster tests and says so at the end', async () => {
    const ended = await npmTest([
      '--without',
      'control-plane',
      'test/cluster/control-plane.test.ts',
      'test/kit/wait.test.ts',
    ]);
    expect(ended.lastLine).toMatch(/^6 passed, 0 failed$/);
    expect(ended.output).toMatch(
      /Left out at your request, with the tests that need it: control-plane\n1 skipped\n6 passed/,
    );
    expect(ended.code).toBe(0);
  });

  test('is refused in CI', async () => {
    const ended = await npmTest(['--without=control-plane'], { CI: 'true' });
    expect(ended).toMatchObject({ code: 1, lastLine: '0 passed, 1 failed' });
    expect(ended.output).toMatch(/not allowed in CI/);
  });

  test('takes only a part that is known', async () => {
    const ended = await npmTest(['--without', 'tests']);
    expect(ended.output).toMatch(/--without takes one of: control-plane; not tests/);
  });
});
