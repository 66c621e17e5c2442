// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { embeddedPostgres, startPostgres, type PostgresServer } from '../kit/postgres/server.ts';
import { waitFor } from '../kit/wait.ts';
import { folderOfTest, listening, startOperator } from './operator-process.ts';

/* The database of the operator is away when it starts, or is there and refuses. */

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await startPostgres(await embeddedPostgres());
}, 60_000);
afterAll(() => postgres.stop());

const api = 'https://127.0.0.1:9';

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  server.close();
  await once(server, 'close');
  return port;
}

/** The address that it logged; undefined as long as it has not. */
function urlIn(printed: string): string | undefined {
  return /"url":"([^"]+)"/u.exec(printed)?.[1];
}

async function answer(url: string, path: string) {
  const response = await fetch(`${url}${path}`);
  return { status: response.status, text: await response.text() };
}

test('a database that is away is waited for, with the reason in /readyz and the log; it is used once it is there', async () => {
  const port = await freePort();
  const cluster = createHttpServer((_, response) => {
    response.setHeader('content-type', 'application/json').end('{"metadata":{"uid":"uid-of-this-cluster"}}');
  });
  const server = `http://127.0.0.1:${await listening(cluster)}`;
  const store = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const { child, ended, printed } = startOperator(folderOfTest(), server, store, '--listen', '127.0.0.1:0');
  const url = await waitFor('its address', () => urlIn(printed()));
  expect(await answer(url, '/readyz')).toEqual({
    status: 503,
    text: `[-] database: --store ${store}: connect ECONNREFUSED 127.0.0.1:${port}\n`,
  });
  expect(await answer(url, '/healthz')).toMatchObject({ status: 200 });
  expect(printed()).toContain('database is away, trying again');
  const sockets: Socket[] = [];
  const proxy = createServer((socket) => {
    const behind = connect(postgres.port, '127.0.0.1');
    sockets.push(socket, behind);
    for (const one of [socket, behind]) one.on('error', () => one.destroy());
    socket.pipe(behind).pipe(socket);
  });
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
  await listening(proxy, port);
  await waitFor('the database', async () =>
    (await answer(url, '/readyz')).text.includes('[+] database: answers') ? true : undefined,
  );
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 0 });
}, 40_000);

test('SIGTERM while it waits for the next try ends it at once', async () => {
  const store = `postgres://postgres@127.0.0.1:${await freePort()}/postgres`;
  const { child, ended, printed } = startOperator(folderOfTest(), api, store, '--listen', '127.0.0.1:0');
  await waitFor('the first try', () => urlIn(printed()));
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 0, stderr: '' });
}, 40_000);

test('SIGTERM while a server does not answer ends it at once', async () => {
  const asked: Socket[] = [];
  const mute = createServer((socket) => {
    asked.push(socket.on('error', () => socket.destroy()));
  });
  const store = `postgres://postgres@127.0.0.1:${await listening(mute)}/postgres`;
  const { child, ended } = startOperator(folderOfTest(), api, store, '--listen', '127.0.0.1:0');
  await waitFor('the connection', () => asked[0]);
  const sinceMs = performance.now();
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 0, stderr: '' });
  // The connection itself has 15 s.
  expect(performance.now() - sinceMs).toBeLessThan(10_000);
}, 40_000);

test('a database that the server refuses ends it with exit status 2, without another try', async () => {
  const store = `postgres://postgres@127.0.0.1:${postgres.port}/nowhere`;
  const { ended } = startOperator(folderOfTest(), api, store, '--listen', '127.0.0.1:0');
  expect(await ended).toMatchObject({
    code: 2,
    stderr: `extsys operator: --store ${store}: database "nowhere" does not exist`,
    stdout: '',
  });
}, 40_000);
