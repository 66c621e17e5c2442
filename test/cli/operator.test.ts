// SPDX-License-Identifier: Apache-2.0
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sqliteStore } from '../../src/store/sqlite/index.ts';
import { folderOfTest, listening, startOperator } from './operator-process.ts';

/** The operator on a file, until it ends. */
const operator = (folder: string, server: string, ...flags: string[]) =>
  startOperator(folder, server, `sqlite:${join(folder, 'inventory.db')}`, ...flags).ended;

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

test('--adopt-database that names no installation is told what form one has', async () => {
  const { code, stderr } = await operator(
    folderOfTest(),
    'https://127.0.0.1:9',
    '--adopt-database',
    'nonsense',
  );
  expect(code, stderr).toBe(2);
  expect(stderr).toMatch(
    /^extsys operator: --adopt-database nonsense: not the id of an installation; that is the uid of its namespace kube-system, such as [0-9a-f-]{36},/u,
  );
});

test('a second --store, as a wrapper may add it, is refused and not taken in silence', async () => {
  const { code, stderr } = await operator(
    folderOfTest(),
    'https://127.0.0.1:9',
    '--store',
    'postgres://u:hunter2-canary@h/d',
  );
  expect(code, stderr).toBe(2);
  expect(stderr).toMatch(/^extsys operator: --store is given 2 times \(sqlite:\S+, postgres:\/\/u@h\/d\);/u);
});
