// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { servers, type StartedServer } from './servers.ts';

const names = Object.keys(servers).join('|');
const usage = `npm run try -- ${names} …

Starts the real servers of the test kit for trying by hand, each of its own, and says on standard output where they answer and which files
hold what is needed. They run until Ctrl-C or SIGTERM and leave nothing.

  samba      a domain controller with 2,500 users (Linux, root, the packages of docs/testing.md)
  postgres   an empty PostgreSQL without a password
  apiserver  etcd and kube-apiserver (once built by Go, in about ten minutes, where none is at hand)
`;

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function run(wanted: readonly string[]): Promise<number> {
  const unknown = wanted.find((name) => !Object.hasOwn(servers, name));
  if (unknown !== undefined || wanted.length === 0) {
    say(unknown === undefined ? usage : `try: ${unknown}: use ${names}`);
    return 2;
  }
  // Before anything runs: who ends this early ends what is just being started, too. Listeners that stay: the kit leaves the signal to us then.
  const ended = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
  });
  const folder = await mkdtemp(join(tmpdir(), 'extsys-try-'));
  const started: StartedServer[] = [];
  try {
    for (const name of wanted) {
      const server = await servers[name]?.(folder, say);
      if (server === undefined) continue;
      started.push(server);
      process.stdout.write(`${[`${name}: ${server.what}`, ...server.use].join('\n  ')}\n`);
    }
    process.stdout.write(`to stop: Ctrl-C, or kill ${process.pid}\n`);
    await ended;
    return 0;
  } catch (error) {
    say(`try: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    await Promise.all(started.map(async (server) => server.stop()));
    await rm(folder, { recursive: true, force: true });
  }
}

process.exitCode = await run(process.argv.slice(2));
