// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { SyncRun } from '../../src/api/resource.ts';
import { waitFor } from '../kit/wait.ts';

const main = fileURLToPath(new URL('../demo/main.ts', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'extsys-demo-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function startDemo(...args: string[]) {
  const env = { ...process.env, TMPDIR: folder };
  const child = spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, said, ended };
}

test('the demo does one run and prints the finished SyncRun as JSON', async () => {
  const { said, ended } = startDemo('--once', '--output', 'json', '--servers', '200');
  expect(await ended, said.err).toBe(0);
  const run = JSON.parse(said.out) as SyncRun;
  expect(run.status).toMatchObject({ phase: 'Succeeded', totals: { failed: 0 } });
  expect(run.status?.streams?.map(({ name, complete }) => [name, complete])).toEqual(
    ['cis', 'relationships', 'users', 'groups', 'memberships'].map((name) => [name, true]),
  );
});

test('Ctrl-C in the first run of the demo stops everything and removes its folder', async () => {
  const { child, said, ended } = startDemo('--servers', '60000');
  try {
    await waitFor('the run to begin', () => said.err.includes('run cmdb-'));
    child.kill('SIGINT');
    expect(await ended, said.err).toBe(130);
    expect(said.err).not.toContain('A run follows every minute');
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    child.kill('SIGKILL');
  }
});
