// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dump } from 'js-yaml';
import { expect, onTestFinished, test } from 'vitest';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

test('an address of --listen that is taken is said in one sentence, with exit status 2', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'extsys-operator-'));
  const taken = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => {
    taken.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await once(taken, 'listening');
  const listen = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
  const kubeconfig = join(folder, 'config');
  writeFileSync(
    kubeconfig,
    dump({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'here',
      clusters: [{ name: 'here', cluster: { server: 'https://127.0.0.1:9' } }],
      users: [{ name: 'me', user: {} }],
      contexts: [{ name: 'here', context: { cluster: 'here', user: 'me' } }],
    }),
  );
  const store = `sqlite:${join(folder, 'inventory.db')}`;
  const args = ['operator', '--kubeconfig', kubeconfig, '--store', store, '--listen', listen];
  const { status, stderr } = spawnSync(process.execPath, [main, ...args], {
    encoding: 'utf8',
    timeout: 15_000,
  });
  expect(status, stderr).toBe(2);
  expect(stderr.trim()).toMatch(new RegExp(`^extsys operator: --listen ${listen}: .*EADDRINUSE.*$`, 'u'));
});

test.each([['Inventory'], ['a,b'], ['']])(
  '--namespace %j is no name of a namespace, and is told how to give several',
  (name) => {
    const { status, stderr } = spawnSync(process.execPath, [main, 'operator', `--namespace=${name}`], {
      encoding: 'utf8',
      timeout: 15_000,
    });
    expect(status, stderr).toBe(2);
    expect(stderr).toContain(
      `extsys operator: --namespace ${name}: not a name of a namespace; give the flag once for each`,
    );
  },
);
