// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server, AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { dump } from 'js-yaml';
import { onTestFinished } from 'vitest';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export function folderOfTest(): string {
  const folder = mkdtempSync(join(tmpdir(), 'extsys-operator-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts listening until the test is over; answers the port. */
export async function listening(server: Server, port = 0): Promise<number> {
  onTestFinished(() => void server.close());
  await once(server.listen(port, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

/** A program and its first arguments. */
export type Command = readonly [string, ...string[]];

/** The operator as a process of its own, with a kubeconfig for this server; what it printed is there once it has ended. */
export function startOperator(folder: string, server: string, store: string, ...flags: string[]) {
  return startOperatorBy([process.execPath, main], { folder, server, store }, ...flags);
}

/** The same, started as a person or a supervisor may start it. */
export function startOperatorBy(
  [program, ...first]: Command,
  { folder, server, store }: { readonly folder: string; readonly server: string; readonly store: string },
  ...flags: string[]
) {
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
  const args = ['operator', '--kubeconfig', kubeconfig, '--store', store];
  const child = spawn(program, [...first, ...args, ...flags], { timeout: 30_000 });
  const lines: string[] = [];
  child.stdout.on('data', (part: Buffer) => lines.push(part.toString()));
  const ended = Promise.all([text(child.stderr), once(child, 'exit') as Promise<[number | null]>]).then(
    ([stderr, [code]]) => ({ code, stderr: stderr.trim(), stdout: lines.join('') }),
  );
  return { child, ended, printed: () => lines.join('') };
}
