// SPDX-License-Identifier: Apache-2.0
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { accounts } from '../kit/samba/seed.ts';
import { baseDN } from '../kit/samba/settings.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));
const extsys = join(root, 'bin/extsys');
const program = promisify(execFile);

/** What it says until everything runs; it is ended with the test at the latest. */
async function tried(...names: string[]) {
  const child = spawn(process.execPath, [main, ...names], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = Promise.all([text(child.stderr), once(child, 'close') as Promise<[number | null]>]).then(
    ([stderr, [code]]) => ({ stderr, code }),
  );
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    if (line.startsWith('to stop:')) break;
  }
  const said = lines.join('\n');
  const found = (pattern: RegExp) => {
    const [, part] = pattern.exec(said) ?? [];
    if (part === undefined) throw new Error(`${String(pattern)} is not in what it said: ${said}`);
    return part;
  };
  return { child, ended, said, found };
}

test('a domain and a database are used as they say, by the account of its runbook, and leave nothing when they are ended', async () => {
  const { child, ended, said, found } = await tried('samba', 'postgres');
  expect(said).toContain(`kill ${child.pid}`);
  const file = found(/system, password and authority: (\S+)/u);
  const store = found(/--store '(postgres:\S+)'/u);
  const { stdout } = await program(extsys, ['sync', '-q', '-o', 'json', '-f', file, '--store', store]);
  expect(JSON.parse(stdout)).toMatchObject({ status: { phase: 'Succeeded' } });

  // The right to see deleted objects, as the runbook gives it on Samba, to an account that lacks it.
  const files = found(/for samba-tool: (-H \S+ -s \S+)$/mu);
  const plain = (await readFile(file, 'utf8'))
    .replace(accounts.admin.name, accounts.sync.name)
    .replace(accounts.admin.password, accounts.sync.password);
  const login = `${file}.sync`;
  await writeFile(login, plain);
  const deletions = async () => (await program(extsys, ['test', '-f', login])).stderr;
  expect(await deletions()).toMatch(/^warning deletedObjects: /mu);
  const runbook = await readFile(join(root, 'connectors/active-directory/README.md'), 'utf8');
  const [recipe = ''] = /sid=\$\(samba-tool[^]*?\n {3}END\n/u.exec(runbook) ?? [];
  const here = recipe
    .replaceAll(/^ {3}/gmu, '')
    .replace('show svc-inventory', `show ${accounts.sync.name} ${files}`)
    .replace('-H /var/lib/samba/private/sam.ldb', files.replace(/ -s .*$/u, ''))
    .replace('DC=corp,DC=example,DC=com', baseDN);
  await program('sh', ['-euc', here]);
  expect(await deletions()).toMatch(/^ok {6}deletedObjects: /mu);

  const domain = found(/for samba-tool: -H (\S+) -s/u);
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 0 });
  expect([file, domain].filter((path) => existsSync(path))).toEqual([]);
});

test('an API server takes the CRDs as it says', async () => {
  const { child, ended, found } = await tried('apiserver');
  const kubeconfig = found(/export KUBECONFIG=(\S+)/u);
  const kubectl = found(/^ {2}(\S+) apply -f crds\/ /mu);
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  const { stdout } = await program(kubectl, ['apply', '-f', 'crds/'], { cwd: root, env });
  expect(stdout).toContain('externalsystems.integrations.buildworks.ai created');
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 0 });
  expect(existsSync(kubeconfig)).toBe(false);
});

test.each([
  [['sambaa'], 'try: sambaa: use samba|postgres|apiserver'],
  [[], 'npm run try -- samba|postgres|apiserver'],
  [['toString'], 'try: toString: use samba|postgres|apiserver'],
])('%j starts nothing and says what there is', async (names, message) => {
  const { ended } = await tried(...names);
  const { code, stderr } = await ended;
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});
