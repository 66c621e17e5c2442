// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { refuse, send, type Stored } from './instance.ts';
import { id, item, plant } from './plant.ts';
import { open, readStream } from './reading.ts';

const users = { config: { users: true } };

function user(number: number): Stored {
  const { sys_class_name: _, ...fields } = item(number);
  return { ...fields, user_name: `user-${number}` };
}

function usersFrom(count: number) {
  return Array.from({ length: count }, (_, index) => user(index + 1));
}

describe('paging by sys_id', () => {
  test('reads more rows than one page and ends on the empty page only', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.put('sys_user', ...usersFrom(5));
    await using opened = await open(planted.url, { ...users, pageSize: 2 });
    const reading = await readStream(opened.stream('users'));
    expect([...reading.records.keys()]).toEqual([1, 2, 3, 4, 5].map(id));
    const asked = instance.asked.filter(({ table }) => table === 'sys_user');
    expect(asked.map(({ query }) => query)).toEqual([
      'ORDERBYsys_id',
      `sys_id>${id(2)}^ORDERBYsys_id`,
      `sys_id>${id(4)}^ORDERBYsys_id`,
      `sys_id>${id(5)}^ORDERBYsys_id`,
    ]);
    expect(reading.ends).toEqual([
      {
        type: 'end',
        scope: 'sys_user',
        coverage: 'Full',
        cursor: { until: '2026-03-01 11:59:30' },
        evidence: {
          pages: 4,
          rows: 5,
          last: id(5),
          counted: 5,
          hiddenWindows: 0,
          until: '2026-03-01 11:59:30',
        },
      },
    ]);
  });

  test('a page thinned by row access is not the end, and what it hides is never taken as deleted', async () => {
    await using planted = await plant();
    planted.instance.put('sys_user', ...usersFrom(9));
    planted.instance.hidden = (row) => row['sys_id'] === id(2) || row['sys_id'] === id(3);
    await using opened = await open(planted.url, { ...users, pageSize: 3 });
    const reading = await readStream(opened.stream('users'));
    expect([...reading.records.keys()]).toEqual([1, 4, 5, 6, 7, 8, 9].map(id));
    expect(reading.ends).toMatchObject([
      { type: 'unverified', failure: { code: 'permission', message: expect.stringContaining('2 of 9') } },
    ]);
  });

  test('whole windows emptied by row access are skipped while the count says there is more', async () => {
    await using planted = await plant();
    planted.instance.put('sys_user', ...usersFrom(10));
    planted.instance.hidden = (row) => String(row['sys_id']) < id(9);
    await using opened = await open(planted.url, { ...users, pageSize: 2 });
    const reading = await readStream(opened.stream('users'));
    expect([...reading.records.keys()]).toEqual([id(9), id(10)]);
    expect(reading.ends[0]).toMatchObject({ type: 'unverified', failure: { code: 'permission' } });
  });

  test('no rows at all while rows are counted is a permission failure, not an empty table', async () => {
    await using planted = await plant();
    planted.instance.put('sys_user', ...usersFrom(4));
    planted.instance.hidden = (_, table) => table === 'sys_user';
    await using opened = await open(planted.url, users);
    const reading = await readStream(opened.stream('users'));
    expect(reading.ends).toMatchObject([
      { type: 'unverified', failure: { code: 'permission', message: expect.stringContaining('sys_user') } },
    ]);
  });

  test('a server that caps its pages hides nothing', async () => {
    await using planted = await plant();
    planted.instance.put('sys_user', ...usersFrom(200));
    planted.instance.maxPage = 60;
    await using opened = await open(planted.url, users);
    const reading = await readStream(opened.stream('users'));
    expect(reading.records.size).toBe(200);
    expect(reading.ends).toMatchObject([{ type: 'end', coverage: 'Full' }]);
  });

  test('without a count everything is read but absence proves nothing', async () => {
    await using planted = await plant();
    planted.instance.put('sys_user', ...usersFrom(3));
    planted.instance.counting = false;
    await using opened = await open(planted.url, users);
    const reading = await readStream(opened.stream('users'));
    expect(reading.records.size).toBe(3);
    expect(reading.ends).toMatchObject([
      {
        type: 'end',
        coverage: 'Window',
        evidence: expect.not.objectContaining({ counted: expect.anything() }),
      },
    ]);
  });

  test('rows deleted while the table is read do not look hidden', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.put('sys_user', ...usersFrom(6));
    instance.after = ({ table, query }) => {
      if (table !== 'sys_user' || query !== 'ORDERBYsys_id') return;
      instance.tables.set(
        'sys_user',
        usersFrom(6).filter((row) => row['sys_id'] !== id(5)),
      );
    };
    await using opened = await open(planted.url, { ...users, pageSize: 2 });
    const reading = await readStream(opened.stream('users'));
    expect(reading.ends).toMatchObject([
      { type: 'end', coverage: 'Full', evidence: { rows: 5, counted: 6 } },
    ]);
  });

  test('a server that repeats a page is stopped as a contract failure', async () => {
    await using planted = await plant();
    const rows = usersFrom(2);
    planted.instance.before = ({ table }) =>
      table === 'sys_user' ? send(JSON.stringify({ result: rows })) : undefined;
    await using opened = await open(planted.url, users);
    const reading = await readStream(opened.stream('users'));
    expect(reading.ends).toMatchObject([
      {
        type: 'unverified',
        failure: { code: 'contract', message: expect.stringContaining('order of sys_id') },
      },
    ]);
  });

  test.each([
    ['has no sys_id', [{ name: 'x' }]],
    ['a sys_id is not of the known form', [{ sys_id: 'a^b' }]],
    ['order of sys_id', [{ sys_id: id(2) }, { sys_id: id(1) }]],
  ])('a page where a row %s fails', async (reason, rows) => {
    await using planted = await plant();
    planted.instance.before = ({ table }) =>
      table === 'sys_user' ? send(JSON.stringify({ result: rows })) : undefined;
    await using opened = await open(planted.url, users);
    const reading = await readStream(opened.stream('users'));
    expect(reading.ends).toMatchObject([
      { type: 'unverified', failure: { code: 'contract', message: expect.stringContaining(reason) } },
    ]);
  });

  test('goes on from a checkpoint after a crash, with the same window', async () => {
    await using planted = await plant();
    planted.instance.put('sys_user', ...usersFrom(5));
    await using opened = await open(planted.url, { ...users, pageSize: 2 });
    const begun = await readStream(opened.stream('users'), {}, 1);
    const [page] = begun.events;
    if (page?.type !== 'page') throw new Error('no page');
    planted.instance.now = new Date('2026-03-01T15:00:00Z');
    await using reopened = await open(planted.url, { ...users, pageSize: 2 });
    const rest = await readStream(reopened.stream('users'), { checkpoints: { sys_user: page.checkpoint } });
    expect([...rest.records.keys()]).toEqual([3, 4, 5].map(id));
    expect(rest.ends).toMatchObject([
      { type: 'end', coverage: 'Full', cursor: { until: '2026-03-01 11:59:30' }, evidence: { rows: 5 } },
    ]);
  });
});

describe('answers that are none', () => {
  const first = { table: 'sys_user', limit: 1000 };
  test.each([
    [
      'a cancelled transaction',
      '{"result":[{"sys_id":{"value":"a"},"error":{"message":"Transaction cancelled"},"status":"failure"}',
    ],
    [
      'an error with status 200',
      '{"error":{"message":"Transaction cancelled: maximum execution time exceeded"},"status":"failure"}',
    ],
    ['no list', '{"result":{"sys_id":"a"}}'],
  ])('%s is asked for again in half the size and is never an empty table', async (_, body) => {
    await using planted = await plant();
    planted.instance.put('sys_user', ...usersFrom(3));
    planted.instance.before = ({ table, limit }) =>
      table === first.table && limit === first.limit ? send(body) : undefined;
    await using opened = await open(planted.url, users);
    const reading = await readStream(opened.stream('users'));
    expect(reading.records.size).toBe(3);
    expect(
      planted.instance.asked.filter(({ table }) => table === 'sys_user').map(({ limit }) => limit),
    ).toEqual([1000, 500, 500]);
  });

  test('a 404 on a list is not an empty table', async () => {
    await using planted = await plant();
    planted.instance.before = ({ table }) =>
      table === 'sys_user' ? refuse(404, 'No Record found') : undefined;
    await using opened = await open(planted.url, users);
    const reading = await readStream(opened.stream('users'));
    expect(reading.ends).toMatchObject([
      {
        type: 'unverified',
        failure: { code: 'configuration', message: expect.stringContaining('sys_user') },
      },
    ]);
  });

  test('a count header that is no number does not fail a good page', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.put('sys_user', ...usersFrom(2));
    instance.before =
      ({ table }) =>
      (response) => {
        response.setHeader('x-ratelimit-reset', 'soon');
        response.writeHead(200, { 'content-type': 'application/json', 'x-total-count': 'many' });
        response.end(
          JSON.stringify({ result: table === 'sys_user' && instance.asked.length === 2 ? usersFrom(2) : [] }),
        );
      };
    await using opened = await open(planted.url, users);
    const reading = await readStream(opened.stream('users'));
    expect(reading.records.size).toBe(2);
  });
});

describe('credentials', () => {
  test('bad ones fail after one spaced retry', async () => {
    await using planted = await plant();
    await expect(open(planted.url, { password: 'wrong' })).rejects.toMatchObject({ code: 'credentials' });
    expect(planted.instance.asked).toHaveLength(2);
  });

  test('one sporadic 401 is survived', async () => {
    await using planted = await plant();
    planted.instance.before = (_, count) => (count === 1 ? refuse(401, 'User Not Authenticated') : undefined);
    await using opened = await open(planted.url);
    expect(opened.connection.source).toBe(`serviceNowCmdb ${planted.url}/`);
  });

  test('a demand for a second factor names the remedy and is not tried again', async () => {
    await using planted = await plant();
    planted.instance.before = () => refuse(401, 'no', { 'X-MFA_TOKEN': 'invalid' });
    await expect(open(planted.url)).rejects.toMatchObject({
      code: 'credentials',
      message: expect.stringContaining('multi-factor'),
    });
    expect(planted.instance.asked).toHaveLength(1);
  });
});
