// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const token = 'canary-token-5571';
const good = `
apiVersion: v1
kind: Config
current-context: here
clusters: [{ name: here, cluster: { server: 'https://127.0.0.1:9' } }]
users: [{ name: me, user: { token: ${token} } }]
contexts: [{ name: here, context: { cluster: here, user: me } }]
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'extsys-kubeconfig-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(content: string): string {
  const path = join(folder, 'config');
  writeFileSync(path, content);
  return path;
}

interface Given {
  readonly args?: readonly string[];
  readonly KUBECONFIG?: string;
}

test.each<[string, () => Given, RegExp]>([
  [
    'a file that is not there',
    () => ({ args: ['--kubeconfig', '/nowhere'] }),
    /: --kubeconfig \/nowhere: ENOENT/u,
  ],
  [
    'KUBECONFIG with a file that is not there',
    () => ({ KUBECONFIG: '/nowhere' }),
    /: KUBECONFIG \/nowhere: ENOENT/u,
  ],
  [
    'a file that is no YAML',
    () => ({ args: ['--kubeconfig', file(`token: ${token}\n a: [`)] }),
    /: --kubeconfig .*config: /u,
  ],
  ['an empty file', () => ({ args: ['--kubeconfig', file('')] }), /: --kubeconfig .*config: /u],
  [
    'a file without a cluster',
    () => ({ args: ['--kubeconfig', file('{}')] }),
    /names no cluster; set --kubeconfig or --context$/mu,
  ],
  [
    'a context that is not there',
    () => ({ args: ['--kubeconfig', file(good), '--context', 'there'] }),
    /: --context there: .* has no such context; use here$/mu,
  ],
  [
    'no kubeconfig at all',
    () => ({}),
    /: there is no kubeconfig and this is no pod; set --kubeconfig or KUBECONFIG$/mu,
  ],
])('%s is said in one sentence, with exit status 2', (_, given, message) => {
  const { args = [], KUBECONFIG = '' } = given();
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [main, 'operator', ...args, '--store', `sqlite:${join(folder, 'inventory.db')}`],
    { env: { PATH: process.env['PATH'], HOME: folder, KUBECONFIG }, encoding: 'utf8', timeout: 15_000 },
  );
  expect(status, stderr).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toMatch(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).not.toContain(token);
});
