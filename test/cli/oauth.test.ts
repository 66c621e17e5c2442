// SPDX-License-Identifier: Apache-2.0
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { SyncRun } from '../../src/api/resource.ts';
import { testCommand } from '../../src/cli/test.ts';
import { call, CliBench, oauthClient, password } from './cli-bench.ts';

const bench = new CliBench();
const oauth = { auth: { type: 'OAuth2', secretRef: { name: 'login' } } };

test('extsys test says how it logged in, and which key is missing', async () => {
  const good = await call(testCommand, ['-f', '-'], bench.manifests({}, oauth, oauthClient));
  expect(good.code).toBe(0);
  expect(good.err).toMatch(/^ok      connection: OAuth2, client credentials of client-1$/mu);
  const { clientSecret: _, ...rest } = oauthClient;
  const bad = await call(testCommand, ['-f', '-', '-o', 'json'], bench.manifests({}, oauth, rest));
  expect(bad.code).toBe(1);
  expect((JSON.parse(bad.out) as SyncRun).status?.failure).toMatchObject({
    code: 'credentials',
    message: 'Secret inventory/login has no key clientSecret; add it',
  });
});

test('no token, no secret shows in what is printed or stored, also where the vendor quotes them', async () => {
  const { instance } = bench;
  instance.faults.add({
    when: ({ table }) => table === 'sys_user',
    answer: (response) => {
      const message = `${'x'.repeat(90)} ${[...instance.login.issued].join(' ')} ${password} ${oauthClient.clientSecret}`;
      response.writeHead(403, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { message, detail: message } }));
    },
  });
  const issued = [...instance.login.issued];
  instance.insert('cmdb_ci', { sys_id: 'f0', sys_class_name: 'cmdb_ci_linux_server', name: { odd: issued } });
  const manifests = bench.manifests({ users: true }, oauth, { ...oauthClient, username: 'reader', password });
  const { run, out, err } = await bench.sync(manifests);
  expect(run.status?.failure).toMatchObject({ message: expect.stringContaining('[redacted]') });
  expect(instance.login.issued.size).toBe(2);
  const files = readdirSync(bench.folder).map((name) =>
    readFileSync(join(bench.folder, name)).toString('latin1'),
  );
  const everything = [out, err, ...files].join('\n');
  const basic = Buffer.from(`client-1:${oauthClient.clientSecret}`).toString('base64');
  for (const secret of [...instance.login.issued, password, oauthClient.clientSecret, basic]) {
    expect(everything).not.toContain(secret);
    // Nor its beginning, where a message was cut.
    expect(everything).not.toContain(secret.slice(0, 12));
  }
});
