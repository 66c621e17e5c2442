// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EmulatorProcess } from './emulator-process.ts';

let emulator: EmulatorProcess<{ readonly url: string }>;

beforeAll(async () => {
  const oauth = ['--client-id', 'reader', '--client-secret', 'change-me-too'];
  emulator = await EmulatorProcess.start('servicenow', '--servers', '20', ...oauth);
});
afterAll(async () => {
  expect(await emulator.stop()).toBe(0);
});

const basic = `Basic ${Buffer.from('reader:change-me').toString('base64')}`;
async function ask(path: string, authorization = basic) {
  const response = await fetch(`${emulator.address.url}/api/now/table/${path}`, {
    headers: { authorization },
  });
  const { result } = (await response.json()) as { result?: readonly Record<string, string>[] };
  return { status: response.status, headers: response.headers, rows: result ?? [] };
}
const named = async (name: string) => (await ask(`cmdb_ci?sysparm_query=name=${name}`)).rows;

test('a row is added, found, changed and deleted, with a line in the audit or without', async () => {
  const said = await emulator.tell(
    'add cmdb_ci_linux_server name="web 9" serial_number=S9',
    'add cmdb_ci name=web-8',
  );
  const id = /[\da-f]{32}/u.exec(said)?.[0] ?? '';
  expect(await named('web 9')).toMatchObject([
    { sys_id: id, sys_class_name: 'cmdb_ci_linux_server', serial_number: 'S9' },
  ]);
  expect(await emulator.tell('find "WEB 9"')).toBe(`cmdb_ci web 9 (${id})`);
  await emulator.tell('set cmdb_ci "web 9" serial_number=S10');
  expect(await named('web 9')).toMatchObject([{ serial_number: 'S10' }]);
  await emulator.tell(`delete cmdb_ci ${id}`, 'delete-unaudited cmdb_ci web-8');
  expect([...(await named('web 9')), ...(await named('web-8'))]).toEqual([]);
  expect((await ask('sys_audit_delete')).rows).toMatchObject([{ documentkey: id }]);
});

test('a table is forbidden and allowed', async () => {
  await emulator.tell('forbid sys_user');
  expect((await ask('sys_user')).status).toBe(403);
  await emulator.tell('allow sys_user');
  expect((await ask('sys_user')).status).toBe(200);
});

test('the next answers are throttled, and the access token ends', async () => {
  await emulator.tell('throttle 1 5');
  const answers = [await ask('cmdb_ci'), await ask('cmdb_ci')];
  expect(answers.map(({ status, headers }) => [status, headers.get('retry-after')])).toEqual([
    [429, '5'],
    [200, null],
  ]);
  const form = { grant_type: 'client_credentials', client_id: 'reader', client_secret: 'change-me-too' };
  const granted = await fetch(`${emulator.address.url}/oauth_token.do`, {
    method: 'POST',
    body: new URLSearchParams(form),
  });
  const bearer = `Bearer ${((await granted.json()) as { access_token: string }).access_token}`;
  expect((await ask('cmdb_ci', bearer)).status).toBe(200);
  await emulator.tell('expire-access-tokens');
  expect((await ask('cmdb_ci', bearer)).status).toBe(401);
});

test.each([
  ['add nothing name=x', 'TABLE nothing: there is none of that name; use cmdb_ci, '],
  ['add cmdb_ci name', 'FIELD name: give FIELD=VALUE, such as "name=web 9"'],
  ['set cmdb_ci nobody name=x', 'ROW "nobody": cmdb_ci has none of that sys_id or name'],
  ['add cmdb_ci', 'add takes TABLE FIELD=VALUE…, and was given 1'],
  ['forbid nothing', 'TABLE nothing: there is none of that name'],
])('%s is refused with what to give', async (line, said) => {
  const { status, says } = await emulator.send(line);
  expect([status, says]).toEqual([400, expect.stringContaining(said)]);
});
