// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { page, send, type Stored } from './instance.ts';
import { id, item, plant } from './plant.ts';
import { open, readStream } from './reading.ts';

const users = { config: { users: true } };
const linux = 'cmdb_ci_linux_server';
const win = 'cmdb_ci_win_server';

function usersFrom(count: number): Stored[] {
  return Array.from({ length: count }, (_, index) => {
    const { sys_id, sys_created_on } = item(index + 1);
    return { sys_id, sys_created_on, name: `user-${index}` };
  });
}

const hiddenUsers = [{ type: 'unverified', scope: 'sys_user', failure: { code: 'permission' } }];
const wholeTable = [{ type: 'end', scope: 'sys_user', coverage: 'Full' }];

describe('rows that are counted and not given', () => {
  test('in whole windows cost no row behind them', async () => {
    await using planted = await plant();
    planted.instance.put('sys_user', ...usersFrom(12));
    planted.instance.hidden = (row) => [1, 2, 7, 8].map(id).includes(String(row['sys_id']));
    await using opened = await open(planted.url, { ...users, pageSize: 2 });
    const { records, ends } = await readStream(opened.stream('users'));
    expect([...records.keys()]).toEqual([3, 4, 5, 6, 9, 10, 11, 12].map(id));
    expect(ends).toMatchObject(hiddenUsers);
  });

  test('show although as many are added meanwhile', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.put('sys_user', ...usersFrom(6));
    instance.hidden = (row) => row['sys_id'] === id(2);
    instance.after = ({ table, query }) => {
      if (table !== 'sys_user' || !query.includes('sys_id>')) return;
      instance.after = () => undefined;
      instance.put('sys_user', { sys_id: id(99), sys_created_on: '2026-03-01 12:00:30' });
    };
    await using opened = await open(planted.url, { ...users, pageSize: 3 });
    const { records, ends } = await readStream(opened.stream('users'));
    expect(records.size).toBe(6);
    expect(ends).toMatchObject(hiddenUsers);
  });

  test('are no fewer rows because the rest was withheld without a count', async () => {
    await using planted = await plant();
    planted.instance.put('sys_user', ...usersFrom(4));
    planted.instance.before = ({ table, query }) =>
      table === 'sys_user' && query.includes('sys_id>') ? page([], 0) : undefined;
    await using opened = await open(planted.url, { ...users, pageSize: 2 });
    const { ends } = await readStream(opened.stream('users'));
    expect(ends).toMatchObject(hiddenUsers);
    expect(ends).toMatchObject([{ failure: { message: expect.stringContaining('2 of 4') } }]);
  });

  test('of one class show although the rows of another were edited meanwhile', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.putItems(item(1, linux), item(2, linux), item(3, linux), item(4, win), item(5, win));
    // The table of the class gives and counts less than the one above: nothing in its own answers shows it.
    instance.before = ({ table, query }) => {
      if (table !== win || query.includes('sys_idIN')) return undefined;
      return query.includes('sys_id>') ? page([], 0) : page([item(4, win)], 1);
    };
    instance.after = ({ table }) => {
      if (table !== 'cmdb_ci_server') return;
      const edited = { sys_updated_on: '2026-03-01 12:00:10' };
      instance.tables.set(linux, [item(1, linux, edited), item(2, linux, edited), item(3, linux)]);
    };
    await using opened = await open(planted.url);
    const { ends } = await readStream(opened.stream('cis'));
    expect(ends).toMatchObject([{ type: 'unverified', failure: { code: 'permission' } }]);
  });
});

describe('what only looks like hidden rows', () => {
  test('an empty answer is asked for again before it is taken for one', async () => {
    await using planted = await plant();
    planted.instance.put('sys_user', ...usersFrom(3));
    let first = true;
    planted.instance.before = ({ table }) => {
      if (table !== 'sys_user' || !first) return undefined;
      first = false;
      return page([], 3);
    };
    await using opened = await open(planted.url, users);
    const { records, ends } = await readStream(opened.stream('users'));
    expect(records.size).toBe(3);
    expect(ends).toMatchObject(wholeTable);
  });

  test('rows that were deleted between the count and the end', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.put('sys_user', ...usersFrom(6));
    instance.after = ({ table, query }) => {
      if (table === 'sys_user' && query === 'ORDERBYsys_id') instance.tables.set('sys_user', usersFrom(4));
    };
    await using opened = await open(planted.url, { ...users, pageSize: 2 });
    const { ends } = await readStream(opened.stream('users'));
    expect(ends).toMatchObject([{ ...wholeTable[0], evidence: { rows: 4, counted: 6 } }]);
  });

  test('a cap on pages: its size is taken over, so that it is asked about once', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.put('sys_user', ...usersFrom(300));
    instance.maxPage = 60;
    await using opened = await open(planted.url, users);
    const { ends } = await readStream(opened.stream('users'));
    expect(ends).toMatchObject(wholeTable);
    const asked = instance.asked.filter(({ table }) => table === 'sys_user');
    expect(asked.filter(({ query }) => query.includes('sys_id<='))).toHaveLength(1);
    expect(asked.slice(2).every(({ limit }) => limit === 60)).toBe(true);
  });

  test('a question about a short page that is cut is asked in smaller sizes', async () => {
    for (const hides of [false, true]) {
      await using planted = await plant();
      const { instance } = planted;
      instance.put('sys_user', ...usersFrom(300));
      if (hides) instance.hidden = (row) => row['sys_id'] === id(55);
      instance.maxPage = 120;
      instance.before = ({ query, limit }) =>
        query.includes('sys_id<=') && limit > 60 ? send('{"result":[') : undefined;
      await using opened = await open(planted.url, users);
      const { records, ends } = await readStream(opened.stream('users'));
      expect(records.size).toBe(hides ? 299 : 300);
      expect(ends).toMatchObject(hides ? hiddenUsers : wholeTable);
    }
  });
});

describe('the test of a stream', () => {
  test('says how many rows are counted, and of hidden ones', async () => {
    await using planted = await plant();
    planted.instance.put('sys_user', ...usersFrom(6));
    await using opened = await open(planted.url, users);
    expect(await opened.stream('users').test()).toEqual({
      result: 'Passed',
      message: 'sys_user: readable, 6 rows counted',
    });
    planted.instance.hidden = (row) => String(row['sys_id']) <= id(2);
    expect(await opened.stream('users').test()).toEqual({
      result: 'Warning',
      message: expect.stringMatching(
        /^sys_user: row access hides 2 of the first 6 rows: nothing will be deleted.*6 rows counted$/u,
      ),
    });
  });

  test('fails when rows are counted and none is given', async () => {
    await using planted = await plant();
    planted.instance.put('sys_user', ...usersFrom(6));
    planted.instance.hidden = (_, table) => table === 'sys_user';
    await using opened = await open(planted.url, users);
    await expect(opened.stream('users').test()).rejects.toMatchObject({
      code: 'permission',
      message: expect.stringMatching(
        /sys_user: row access hides all of the first 6 of 6 counted rows.*itil/u,
      ),
    });
    planted.instance.hidden = () => false;
    planted.instance.putItems(item(1, linux));
    planted.instance.hidden = (_, table) => table.startsWith('cmdb_ci');
    await expect(opened.stream('cis').test()).rejects.toMatchObject({ code: 'permission' });
  });

  test('asks again before it states hidden rows, and copes with cut answers', async () => {
    await using planted = await plant();
    planted.instance.put('sys_user', ...usersFrom(6));
    let first = true;
    planted.instance.before = ({ table, limit }) => {
      if (table !== 'sys_user') return undefined;
      if (limit > 600) return send('{"result":[');
      if (!first) return undefined;
      first = false;
      return page([], 6);
    };
    await using opened = await open(planted.url, users);
    expect(await opened.stream('users').test()).toMatchObject({
      message: 'sys_user: readable, 6 rows counted',
    });
  });

  test('says that nothing will be deleted where the server does not count', async () => {
    await using planted = await plant();
    planted.instance.counting = false;
    await using opened = await open(planted.url, users);
    expect(await opened.stream('users').test()).toMatchObject({
      result: 'Warning',
      message: expect.stringContaining('does not count'),
    });
  });

  test('says when the columns of a class are not in the dictionary', async () => {
    await using planted = await plant();
    planted.instance.tables.set('sys_dictionary', []);
    await using opened = await open(planted.url);
    expect(await opened.stream('cis').test()).toMatchObject({
      message: expect.stringContaining('not in sys_dictionary'),
    });
  });
});
