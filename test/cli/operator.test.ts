// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { dump } from 'js-yaml';
import { expect, onTestFinished, test } from 'vitest';
import { sqliteStore } from '../../src/store/sqlite/index.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

function folderOfTest(): string {
  const folder = mkdtempSync(join(tmpdir(), 'extsys-operator-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts listening until the test is over; answers the port. */
async function listening(server: Server): Promise<number> {
  onTestFinished(() => void server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

/** The operator as a process of its own, with a kubeconfig for this server; until it ends. */
async function operator(folder: string, server: string, ...flags: string[]) {
  const kubeconfig = join(folder, 'config');
  writeFileSync(
    kubeconfig,
    dump({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'here',
      clusters: [{ name: 'here', cluster: { server, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'me', user: {} }],
      contexts: [{ name: 'here', context: { cluster: 'here', user: 'me' } }],
    }),
  );
  const args = ['operator', '--kubeconfig', kubeconfig, '--store', `sqlite:${join(folder, 'inventory.db')}`];
  const child = spawn(process.execPath, [main, ...args, ...flags], { timeout: 15_000 });
  const [stderr, stdout, [code]] = await Promise.all([
    text(child.stderr),
    text(child.stdout),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return { code, stderr: stderr.trim(), stdout };
}

test('an address of --listen that is taken is said in one sentence, with exit status 2', async () => {
  const listen = `127.0.0.1:${await listening(createServer())}`;
  const { code, stderr, stdout } = await operator(folderOfTest(), 'https://127.0.0.1:9', '--listen', listen);
  expect(code, `${stderr}\n${stdout}`).toBe(2);
  expect(stderr).toMatch(new RegExp(`^extsys operator: --listen ${listen}: .*EADDRINUSE.*$`, 'u'));
});

test('the database of another cluster is refused in one sentence, with exit status 2', async () => {
  const folder = folderOfTest();
  const store = sqliteStore(join(folder, 'inventory.db'));
  await store.open();
  await store.bind('uid-of-another-cluster');
  await store.close();
  const asked: string[] = [];
  const api = createHttpServer((request, response) => {
    asked.push(request.url ?? '');
    response.setHeader('content-type', 'application/json').end('{"metadata":{"uid":"uid-of-this-cluster"}}');
  });
  const server = `http://127.0.0.1:${await listening(api)}`;
  const { code, stderr, stdout } = await operator(folder, server, '--listen', '127.0.0.1:0');
  expect(code, `${stderr}\n${stdout}`).toBe(2);
  expect(stderr).toMatch(
    /^extsys operator: --store sqlite:\S+: database \S+ belongs to installation uid-of-another-cluster, not to uid-of-this-cluster; .*--adopt-database uid-of-another-cluster$/u,
  );
  expect(asked, 'nothing else was read or written').toEqual(['/api/v1/namespaces/kube-system']);
});

test.each([['Inventory'], ['a,b'], ['']])(
  '--namespace %j is no name of a namespace, and is told how to give several',
  async (name) => {
    const { code, stderr } = await operator(folderOfTest(), 'https://127.0.0.1:9', `--namespace=${name}`);
    expect(code, stderr).toBe(2);
    expect(stderr).toContain(
      `extsys operator: --namespace ${name}: not a name of a namespace; give the flag once for each`,
    );
  },
);
