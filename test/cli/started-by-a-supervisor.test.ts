// SPDX-License-Identifier: Apache-2.0
import { globSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { delimiter, join, resolve } from 'node:path';
import { expect, test, vi } from 'vitest';
import { waitFor } from '../kit/wait.ts';
import { folderOfTest, listening, startOperatorBy } from './operator-process.ts';

const root = resolve(import.meta.dirname, '../..');

test('bin/extsys becomes the program: SIGTERM reaches it, and it ends as it should, under the Node of the project', async () => {
  const folder = folderOfTest();
  let asked = 0;
  const api = createServer((_request, response) => {
    asked += 1;
    response.writeHead(503).end();
  });
  const server = `http://127.0.0.1:${await listening(api)}`;
  // A machine whose own Node is no good, and a link to the program as it stands in a folder of programs.
  writeFileSync(join(folder, 'node'), '#!/bin/sh\nexit 99\n', { mode: 0o755 });
  symlinkSync(join(root, 'bin/extsys'), join(folder, 'extsys'));
  vi.stubEnv('PATH', `${folder}${delimiter}${process.env['PATH'] ?? ''}`);
  const operator = startOperatorBy(
    [join(folder, 'extsys')],
    { folder, server, store: `sqlite:${join(folder, 'inventory.db')}` },
    '--listen',
    '127.0.0.1:0',
  );
  vi.unstubAllEnvs();
  await Promise.race([waitFor('the operator to ask the cluster', () => asked > 0), operator.ended]);
  expect(asked, 'it runs').toBeGreaterThan(0);
  operator.child.kill('SIGTERM');
  const { code, stderr, stdout } = await operator.ended;
  expect(code, `${stderr}\n${stdout}`).toBe(0);
});

/** npx starts a shell that starts the program, and a signal ends the shell alone: the program runs on, and nobody knows of it. */
const lasting = /\bnpx (?:extsys operator|node )/u;

test('nothing tells to start through npx what is to run until it is ended', () => {
  const files = globSync('**/*.{md,ts,yaml,txt}', {
    cwd: root,
    exclude: (name) => /(?:^|\/)(?:node_modules|\.git)$/u.test(name),
  });
  expect(files.length).toBeGreaterThan(100);
  const own = 'test/cli/started-by-a-supervisor.test.ts';
  const found = files
    .filter((file) => file !== own)
    .flatMap((file) =>
      readFileSync(join(root, file), 'utf8')
        .split('\n')
        .filter((line) => lasting.test(line))
        .map((line) => `${file}: ${line.trim()}`),
    );
  expect(found).toEqual([]);
});
