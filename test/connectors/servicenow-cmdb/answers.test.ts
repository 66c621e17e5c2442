// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { refuse, send } from './instance.ts';
import { id, item, plant } from './plant.ts';
import { open, readStream } from './reading.ts';

const all = { config: { relationships: true, users: true, groups: true } };
const urlField = 'spec.connector.serviceNowCmdb.url';
const linux = 'cmdb_ci_linux_server';
const win = 'cmdb_ci_win_server';
const cutAnswer = '{"result":[{"sys_id":';

describe('one table that fails', () => {
  test.each([
    ['answers 500', refuse(500, 'script error'), 'script error'],
    ['stops in the middle at every size', send(cutAnswer), 'stops in the middle'],
    ['is cancelled at every size', send('{"error":{"message":"cancelled"}}'), 'cancelled'],
  ])('%s: its scope is unverified, the other streams have their turn', async (_, answer, said) => {
    await using planted = await plant();
    planted.instance.put('sys_user', { sys_id: id(1), name: 'Ann' });
    planted.instance.before = ({ table }) => (table === 'cmdb_rel_ci' ? answer : undefined);
    await using opened = await open(planted.url, { ...all, maxRetries: 1 });
    const { ends } = await readStream(opened.stream('relationships'));
    const failure = { code: 'unavailable', message: expect.stringContaining(said) };
    expect(ends).toMatchObject([{ type: 'unverified', scope: 'cmdb_rel_ci', failure }]);
    expect((await readStream(opened.stream('users'))).ends).toMatchObject([
      { type: 'end', coverage: 'Full' },
    ]);
  });

  test('a cut answer is tried in half the size down to 50 rows, and there again', async () => {
    await using planted = await plant();
    planted.instance.put('sys_user', { sys_id: id(1) });
    planted.instance.before = ({ table }) => (table === 'sys_user' ? send(cutAnswer) : undefined);
    await using opened = await open(planted.url, { ...all, pageSize: 200, maxRetries: 2 });
    await readStream(opened.stream('users'));
    const sizes = planted.instance.asked
      .filter(({ table }) => table === 'sys_user')
      .map(({ limit }) => limit);
    expect(sizes).toEqual([200, 100, 50, 50, 50]);
  });

  test('the table of one class leaves the other classes read', async () => {
    await using planted = await plant();
    planted.instance.putItems(item(1, linux), item(2, win));
    planted.instance.before = ({ table }) => (table === linux ? refuse(500, 'script error') : undefined);
    await using opened = await open(planted.url);
    const { records, ends } = await readStream(opened.stream('cis'));
    expect([...records.keys()]).toEqual([id(2)]);
    expect(ends).toMatchObject([{ type: 'unverified', failure: { code: 'unavailable' } }]);
  });

  test('that of the first class does not keep the run from starting; the whole instance does', async () => {
    await using planted = await plant();
    planted.instance.before = ({ table }) =>
      table === 'cmdb_ci_server' ? refuse(500, 'script error') : undefined;
    await using opened = await open(planted.url, all);
    expect((await readStream(opened.stream('users'))).ends).toMatchObject([{ type: 'end' }]);
    planted.instance.before = () => refuse(500, 'no worker');
    await expect(open(planted.url, all)).rejects.toMatchObject({ code: 'unavailable' });
  });

  test.each([
    [502, 'unavailable'],
    [503, 'unavailable'],
    [504, 'unavailable'],
    [429, 'throttled'],
    [401, 'credentials'],
  ])('%d concerns the whole account and stops the run', async (status, code) => {
    await using planted = await plant();
    planted.instance.before = ({ table }) => (table === 'sys_user' ? refuse(status, 'no') : undefined);
    await using opened = await open(planted.url, { ...all, maxRetries: 0 });
    await expect(readStream(opened.stream('users'))).rejects.toMatchObject({ code });
  });
});

describe('answers with status 200 that are none', () => {
  test.each([
    ['an error before an empty list', '{"error":{"message":"x"},"status":"failure","result":[]}'],
    ['an error in the middle', '{"result":[],"error":{"message":"x"},"rest":[{}]}'],
    ['an error that is a text', '{"error":"Transaction cancelled","result":[]}'],
    ['nothing', ''],
  ])('%s: is no empty table', async (_, body) => {
    await using planted = await plant();
    planted.instance.put('sys_user', { sys_id: id(1) });
    planted.instance.before = ({ table, limit }) =>
      table === 'sys_user' && limit > 500 ? send(body) : undefined;
    await using opened = await open(planted.url, all);
    const { records, ends } = await readStream(opened.stream('users'));
    expect(records.size).toBe(1);
    expect(ends).toMatchObject([{ type: 'end', coverage: 'Full' }]);
  });

  test('a column that is called error is none', async () => {
    await using planted = await plant();
    planted.instance.addClass(win, 'cmdb_ci_server', { error: 'string' });
    planted.instance.putItems(item(1, win, { error: 'disk 3' }));
    await using opened = await open(planted.url);
    const { records } = await readStream(opened.stream('cis'));
    expect(records.get(id(1))?.attributes).toMatchObject({ error: 'disk 3' });
  });

  test.each([
    ['a page with its own type', '<html><body>Log in</body></html>', 'text/html;charset=UTF-8'],
    ['a page with the type of data', '  <!DOCTYPE html><html></html>', 'application/json'],
    ['data with the type of a page', '{"result":[]}', 'text/html'],
  ])('%s stops the run and names the address', async (_, body, type) => {
    await using planted = await plant();
    planted.instance.put('sys_user', { sys_id: id(1) });
    planted.instance.before = ({ table }) => (table === 'sys_user' ? send(body, type) : undefined);
    await using opened = await open(planted.url, { ...all, maxRetries: 0 });
    const message = expect.stringMatching(`web page.*${urlField}`);
    await expect(readStream(opened.stream('users'))).rejects.toMatchObject({ code: 'unavailable', message });
  });
});

describe('the address', () => {
  test('of an instance behind a path keeps its path', async () => {
    await using planted = await plant();
    planted.instance.path = '/a/b';
    planted.instance.putItems(item(1));
    await using opened = await open(`${planted.url}/a/b`);
    expect((await readStream(opened.stream('cis'))).records.size).toBe(1);
  });

  test.each([
    ['404', refuse(404, 'no such resource')],
    ['400', refuse(400, 'Invalid table')],
    ['a 404 of a web server', send('<html>not here</html>', 'text/html', 404)],
  ])('is named when every table answers %s', async (_, answer) => {
    await using planted = await plant();
    planted.instance.before = () => answer;
    await using opened = await open(planted.url, all);
    for (const stream of opened.connection.streams) {
      const failure = { code: 'configuration', message: expect.stringContaining(urlField) };
      expect((await readStream(stream)).ends).toMatchObject([{ type: 'unverified', failure }]);
      await expect(stream.test()).rejects.toMatchObject(failure);
    }
  });

  test('is not suspected when other tables answer', async () => {
    await using planted = await plant();
    planted.instance.before = ({ table }) => (table === 'sys_user' ? refuse(404, 'no') : undefined);
    await using opened = await open(planted.url, all);
    const { ends } = await readStream(opened.stream('users'));
    expect(ends).toMatchObject([{ failure: { message: expect.not.stringContaining(urlField) } }]);
  });
});

describe('messages name what to mend', () => {
  test('a refused login: the keys of the Secret', async () => {
    await using planted = await plant();
    await expect(open(planted.url, { password: 'wrong' })).rejects.toMatchObject({
      code: 'credentials',
      message: expect.stringMatching(/correct username and password in Secret [a-z]+\/[a-z]+/u),
    });
  });

  test.each([
    ['relationships', 'cmdb_rel_ci'],
    ['users', 'sys_user'],
  ])('a bad request for %s does not blame classes and query', async (name, table) => {
    await using planted = await plant();
    planted.instance.before = (asked) => (asked.table === table ? refuse(400, 'Invalid table') : undefined);
    await using opened = await open(planted.url, all);
    const { ends } = await readStream(opened.stream(name));
    expect(ends).toMatchObject([
      { failure: { code: 'configuration', message: expect.not.stringContaining('classes and query') } },
    ]);
  });

  test('a bad request for a class does', async () => {
    await using planted = await plant();
    planted.instance.addClass('u_robot', 'cmdb_ci', {});
    planted.instance.before = ({ table }) => (table === 'u_robot' ? refuse(400, 'Invalid query') : undefined);
    await using opened = await open(planted.url, { config: { classes: ['u_robot'] } });
    const { ends } = await readStream(opened.stream('cis'));
    expect(ends).toMatchObject([{ failure: { message: expect.stringContaining('classes and query') } }]);
  });
});

describe("the server's clock", () => {
  const future = { date: new Date('2026-03-02T12:00:00Z').toUTCString() };

  test('is not that of a proxy that answers in its place', async () => {
    await using planted = await plant();
    planted.instance.before = (_, count) => (count === 1 ? refuse(503, 'maintenance', future) : undefined);
    await using opened = await open(planted.url, all);
    const { ends } = await readStream(opened.stream('users'));
    expect(ends).toMatchObject([{ type: 'end', cursor: { until: '2026-03-01 11:59:30' } }]);
  });

  test('is not ours either when the first table is refused', async () => {
    await using planted = await plant();
    planted.instance.before = ({ table }) =>
      table === 'cmdb_ci_server' ? refuse(403, 'ACL', future) : undefined;
    await using opened = await open(planted.url, all);
    const { ends } = await readStream(opened.stream('users'));
    expect(ends).toMatchObject([{ type: 'end', cursor: { until: '2026-03-01 11:59:30' } }]);
  });

  test('makes a cursor ahead of it none: everything is read', async () => {
    await using planted = await plant();
    planted.instance.put('sys_user', { sys_id: id(1), sys_updated_on: '2020-01-01 00:00:00' });
    await using opened = await open(planted.url, all);
    const { records, ends } = await readStream(opened.stream('users'), {
      cursors: { sys_user: { until: '2026-03-01 12:00:31' } },
    });
    expect(records.size).toBe(1);
    expect(ends).toMatchObject([{ type: 'end', coverage: 'Full', cursor: { until: '2026-03-01 11:59:30' } }]);
  });

  test('takes a cursor of the last minute for what it is', async () => {
    await using planted = await plant();
    await using opened = await open(planted.url, all);
    const { ends } = await readStream(opened.stream('users'), {
      cursors: { sys_user: { until: '2026-03-01 12:00:10' } },
    });
    expect(ends).toMatchObject([{ coverage: 'Window', evidence: { since: '2026-03-01 11:54:30' } }]);
  });
});
