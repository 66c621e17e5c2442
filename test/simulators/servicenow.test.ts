// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cancelledTransaction, loginPage, refuse, tooManyRequests } from './servicenow/faults.ts';
import { ServiceNow, startServiceNow, type ServiceNowOptions } from './servicenow/index.ts';

const basic = { username: 'reader', password: 'secret-of-reader' };
const authorization = `Basic ${Buffer.from('reader:secret-of-reader').toString('base64')}`;
let instance: Awaited<ReturnType<typeof startServiceNow>>;

async function start(options: Partial<ServiceNowOptions> = {}) {
  instance = await startServiceNow({ seed: 1, counts: { servers: 50 }, basic, ...options });
}
beforeEach(() => start());
afterEach(() => instance.stop());

async function get(path: string, params: Record<string, string> = {}, headers: Record<string, string> = {}) {
  const url = new URL(path, instance.url);
  for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value);
  const response = await fetch(url, { headers: { authorization, ...headers } });
  const text = await response.text();
  const rows =
    text.startsWith('{"result":[') && text.endsWith(']}')
      ? (JSON.parse(text) as { result: Record<string, unknown>[] }).result
      : [];
  return {
    status: response.status,
    headers: response.headers,
    text,
    rows,
    total: Number(response.headers.get('x-total-count')),
  };
}

const table = (name: string) => `/api/now/table/${name}`;

describe('ids in a query', () => {
  const ids = [3, 1, 40].map((index) => ServiceNow.id('0c', index));
  const namesOf = async (query: string) =>
    (await get(table('cmdb_ci'), { sysparm_query: query, sysparm_fields: 'sys_id' })).rows.map(
      (row) => row['sys_id'],
    );

  test('are found as a scan of all rows finds them, with what else the query asks', async () => {
    const sorted = ids.toSorted();
    const asked = `sys_idIN${ids.join(',')},${ServiceNow.id('0c', 4000)},nothing`;
    expect(await namesOf(asked)).toEqual(sorted);
    expect(await namesOf(`${asked}^sys_id>${sorted[0]}`)).toEqual(sorted.slice(1));
    expect(await namesOf(`${asked}^sys_idIN${sorted[1]}`)).toEqual([sorted[1]]);
    expect(await namesOf(`${asked}^nameLIKEno such name`)).toEqual([]);
    instance.removeUnaudited('cmdb_ci', ids[1] ?? '');
    expect(await namesOf(asked)).toEqual(sorted.filter((id) => id !== ids[1]));
  });

  test('are one of several ways in where or joins them', async () => {
    const id = ServiceNow.id('0c', 3);
    const other = ServiceNow.id('0c', 20);
    const both = [id, other].toSorted();
    expect(await namesOf(`sys_idIN${id}^ORsys_id=${other}`)).toEqual(both);
    expect(await namesOf(`sys_idIN${id}^NQsys_idIN${other}`)).toEqual(both);
    expect(await namesOf(`sys_id=${other}^ORsys_idIN${id}`)).toEqual(both);
  });
});

describe('the Table API', () => {
  test('is the same for the same seed, another for another', async () => {
    const first = await get(table('cmdb_ci_server'));
    await instance.stop();
    await start();
    expect((await get(table('cmdb_ci_server'))).text).toBe(first.text);
    await instance.stop();
    await start({ seed: 2 });
    expect((await get(table('cmdb_ci_server'))).text).not.toBe(first.text);
  });

  test('pages by keyset to the last row, with the count of what is left', async () => {
    const seen: string[] = [];
    for (;;) {
      const sysparm_query = `${seen.length === 0 ? '' : `sys_id>${seen.at(-1)}^`}ORDERBYsys_id`;
      const page = await get(table('cmdb_ci_server'), {
        sysparm_query,
        sysparm_limit: '20',
        sysparm_fields: 'sys_id',
      });
      expect(page.total).toBe(50 - seen.length);
      if (page.rows.length === 0) break;
      seen.push(...page.rows.map((row) => row['sys_id'] as string));
    }
    expect(new Set(seen).size).toBe(50);
    expect(seen).toEqual(seen.toSorted());
  });

  test('of a parent class has the rows of the classes below, but only its own columns', async () => {
    const { rows, total } = await get(table('cmdb_ci'), { sysparm_limit: '1' });
    expect(total).toBe(50);
    expect(rows[0]).toHaveProperty('serial_number');
    expect(rows[0]).not.toHaveProperty('os');
    expect(
      (await get(table('cmdb_ci_linux_server'))).total + (await get(table('cmdb_ci_win_server'))).total,
    ).toBe(50);
  });

  test('shows values and labels in the shape that is asked for', async () => {
    const ask = async (display: string) =>
      (
        await get(table('cmdb_ci'), {
          sysparm_limit: '1',
          sysparm_display_value: display,
          sysparm_fields: 'install_status,nonsense',
        })
      ).rows[0];
    expect(await ask('false')).toEqual({ install_status: '7' });
    expect(await ask('true')).toEqual({ install_status: 'Retired' });
    expect(await ask('all')).toEqual({ install_status: { display_value: 'Retired', value: '7' } });
  });

  test('ignores a condition on an unknown field, which then matches everything', async () => {
    expect((await get(table('cmdb_ci'), { sysparm_query: 'nonsense=1' })).total).toBe(50);
    expect((await get(table('cmdb_ci'), { sysparm_query: 'install_status=7' })).total).toBe(1);
    expect(
      (await get(table('cmdb_ci'), { sysparm_query: 'install_status=7^ORinstall_status=1' })).total,
    ).toBe(50);
    expect(
      (await get(table('cmdb_ci'), { sysparm_query: 'nameSTARTSWITHlnx^NQnameSTARTSWITHwin' })).total,
    ).toBe(50);
  });

  test('applies the limit before row access, so that pages come out short or empty', async () => {
    instance.hidden = (_, row) => row('install_status') === '1';
    const page = await get(table('cmdb_ci'), { sysparm_limit: '10' });
    expect(page).toMatchObject({ total: 50, rows: [expect.anything()] });
    expect((await get(table('cmdb_ci'), { sysparm_limit: '10', sysparm_offset: '10' })).rows).toEqual([]);
  });

  test('v1 answers 404 where v2 answers an empty list', async () => {
    expect((await get('/api/now/v1/table/cmdb_ci', { sysparm_query: 'name=x' })).status).toBe(404);
    expect(await get('/api/now/v2/table/cmdb_ci', { sysparm_query: 'name=x' })).toMatchObject({
      status: 200,
      rows: [],
    });
  });

  test('refuses wrong logins, unknown and forbidden tables', async () => {
    expect((await get(table('cmdb_ci'), {}, { authorization: 'Basic eDp5' })).status).toBe(401);
    expect((await get(table('spaceships'))).status).toBe(400);
    instance.forbidden.add('sys_user');
    expect((await get(table('sys_user'))).status).toBe(403);
  });

  test('a changed row moves into the window of its change; a removed one leaves a line behind', async () => {
    const [row] = (await get(table('cmdb_ci_server'), { sysparm_limit: '1' })).rows;
    const id = row?.['sys_id'] as string;
    instance.update('cmdb_ci', id, { name: 'renamed' }, new Date('2026-03-01T10:00:00Z'));
    const changed = await get(table('cmdb_ci_server'), {
      sysparm_query: 'sys_updated_on>=2026-01-01 00:00:00',
    });
    expect(changed.rows).toMatchObject([
      { sys_id: id, name: 'renamed', sys_updated_on: '2026-03-01 10:00:00' },
    ]);
    instance.remove('cmdb_ci', id);
    expect((await get(table('cmdb_ci_server'))).total).toBe(49);
    expect((await get(table('sys_audit_delete'))).rows).toMatchObject([
      { documentkey: id, tablename: 'cmdb_ci' },
    ]);
    instance.insert('cmdb_ci', {
      sys_id: ServiceNow.id('0c', 0),
      sys_class_name: 'cmdb_ci_win_server',
      name: 'new',
    });
    expect((await get(table('cmdb_ci_server'))).total).toBe(50);
  });

  test('makes the rows of a large estate when they are asked for', async () => {
    await instance.stop();
    await start({ counts: { servers: 500_000 } });
    const page = await get(table('cmdb_rel_ci'), {
      sysparm_query: `sys_id>${ServiceNow.id('1d', 400_000)}`,
      sysparm_limit: '1',
    });
    expect(page).toMatchObject({ total: 99_998, rows: [{ sys_id: ServiceNow.id('1d', 400_001) }] });
  });
});

describe('OAuth', () => {
  const oauth = { clientId: 'client', clientSecret: 'secret', tokenSeconds: 1800 };
  let now = new Date('2026-03-01T10:00:00Z');
  const token = async (form: Record<string, string>) => {
    const response = await fetch(`${instance.url}/oauth_token.do`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: 'client', client_secret: 'secret', ...form }),
    });
    return {
      status: response.status,
      body: (await response.json()) as { access_token: string; expires_in: number; refresh_token: string },
    };
  };

  test('gives the same token with less time left, until it ends', async () => {
    await instance.stop();
    await start({ oauth, now: () => now });
    const first = await token({ grant_type: 'client_credentials' });
    now = new Date(now.getTime() + 600_000);
    const again = await token({ grant_type: 'password', ...basic });
    expect(again.body).toMatchObject({ access_token: first.body.access_token, expires_in: 1200 });
    const bearer = { authorization: `Bearer ${first.body.access_token}` };
    expect((await get(table('cmdb_ci'), {}, bearer)).status).toBe(200);
    now = new Date(now.getTime() + 1_201_000);
    expect((await get(table('cmdb_ci'), {}, bearer)).status).toBe(401);
    const renewed = await token({ grant_type: 'refresh_token', refresh_token: first.body.refresh_token });
    expect(renewed.body.access_token).not.toBe(first.body.access_token);
    expect((await token({ grant_type: 'client_credentials', client_secret: 'wrong' })).status).toBe(401);
  });
});

describe('faults on demand', () => {
  test.each([
    ['too many requests', tooManyRequests(7), 429],
    ['a cancelled transaction', cancelledTransaction(), 200],
    ['a login page', loginPage(), 200],
    ['an outage', refuse(503, 'down'), 503],
  ])('%s come as often as they were asked for, and only where', async (_, answer, status) => {
    instance.faults.add({ when: ({ table: name }) => name === 'cmdb_ci', times: 1, answer });
    expect((await get(table('sys_user'))).rows).toHaveLength(5);
    const faulty = await get(table('cmdb_ci'));
    expect(faulty).toMatchObject({ status, rows: [] });
    expect((await get(table('cmdb_ci'))).rows).toHaveLength(50);
    expect(instance.requests.map((request) => request.status)).toContain(status);
  });
});
