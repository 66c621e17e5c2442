// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { page, type Instance } from './instance.ts';
import { id, item, plant } from './plant.ts';
import { open, readStream } from './reading.ts';

const linux = 'cmdb_ci_linux_server';
const win = 'cmdb_ci_win_server';
const both = { config: { classes: [linux, win] } };
const late = { sys_updated_on: '2026-03-01 12:00:31' };

/** Does something once, after the first answer that a condition picks. */
function once(
  instance: Instance,
  when: (asked: { table: string; query: string }) => boolean,
  then: () => void,
): void {
  instance.after = (asked) => {
    if (!when(asked)) return;
    instance.after = () => undefined;
    then();
  };
}

/** True for the question behind the last row of a class: the class was just read to its end. */
function endOf(name: string) {
  return ({ table, query }: { table: string; query: string }) => table === name && query.includes('sys_id>');
}

describe('a record that moves between classes during a full reading', () => {
  test('is looked for where it stands now, when it moves once more while it is looked up', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.putItems(item(1, linux), item(2, win), item(3, linux));
    once(instance, endOf(win), () => {
      instance.tables.set(linux, [item(1, linux), item(3, linux, { ...late, os: 'seen first' })]);
      // Between the list of ids and the look-up it moves on.
      once(
        instance,
        ({ query }) => query.startsWith('sys_updated_on>='),
        () => {
          instance.tables.set(linux, [item(1, linux)]);
          instance.put(win, item(3, win, { ...late, os: 'Windows' }));
        },
      );
    });
    await using opened = await open(planted.url);
    const { records, ends } = await readStream(opened.stream('cis'));
    expect(records.get(id(3))?.columns).toMatchObject({ class: win, operatingSystem: 'Windows' });
    expect(ends).toMatchObject([{ type: 'end', coverage: 'Full' }]);
  });

  test('into a place where it is hidden proves nothing', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.putItems(item(1, linux), item(2, win));
    once(instance, endOf(linux), () => {
      instance.tables.set(win, []);
      instance.put(linux, item(2, linux, late));
      instance.hidden = (row) => row['sys_id'] === id(2);
    });
    await using opened = await open(planted.url);
    const { ends } = await readStream(opened.stream('cis'));
    expect(ends).toMatchObject([{ type: 'unverified', failure: { code: 'permission' } }]);
  });

  test('and is hidden when it is looked for again proves nothing', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.putItems(item(1, linux), item(2, win));
    once(instance, endOf(linux), () => {
      instance.tables.set(win, []);
      instance.put(linux, item(2, linux, late));
      once(
        instance,
        ({ query }) => query.startsWith('sys_updated_on>='),
        () => {
          instance.hidden = (row) => row['sys_id'] === id(2);
        },
      );
    });
    await using opened = await open(planted.url);
    const { ends } = await readStream(opened.stream('cis'));
    expect(ends).toMatchObject([{ type: 'unverified', failure: { code: 'permission' } }]);
  });

  test('is not taken in when the query of the configuration leaves it out', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.putItems(item(1, linux), item(2, win), item(3, win, { duplicate_of: id(2) }));
    once(instance, endOf(linux), () => {
      instance.tables.set(win, [item(2, win)]);
      instance.put(linux, item(3, linux, { ...late, duplicate_of: id(2) }));
    });
    await using opened = await open(planted.url, { config: { query: 'duplicate_ofISEMPTY' } });
    const { records } = await readStream(opened.stream('cis'));
    expect([...records.keys()]).toEqual([1, 2].map(id));
  });
});

describe('an item that was edited during a full reading', () => {
  test('and that the table of its class does not give time and again proves nothing', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.putItems(item(1, linux, late), item(2, win));
    instance.before = ({ query }) =>
      query.includes('sys_idIN') && !query.startsWith('sys_idIN') ? page([], 0) : undefined;
    await using opened = await open(planted.url);
    const { ends } = await readStream(opened.stream('cis'));
    const failure = { code: 'contract', message: expect.stringContaining(linux) };
    expect(ends).toMatchObject([{ type: 'unverified', failure }]);
  });

  test('is read without its secrets there too', async () => {
    await using planted = await plant();
    planted.instance.obeysFields = false;
    planted.instance.putItems(item(1, linux, { ...late, admin_password: 'hunter2' }), item(2, win));
    await using opened = await open(planted.url);
    const { events } = await readStream(opened.stream('cis'));
    expect(events.filter(({ type }) => type === 'page')).toHaveLength(3);
    expect(JSON.stringify(events)).not.toContain('hunter2');
  });
});

describe('a pass that goes on, some scopes in full and others by a window', () => {
  const before = { [linux]: { until: '2026-03-01 11:50:00' } };

  test('finds a record that moved from one to the other after the window', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.putItems(item(1, linux), item(2, win), item(3, win));
    once(
      instance,
      ({ table, query }) => table === linux && !query.includes('NOT IN'),
      () => {
        instance.tables.set(win, [item(2, win)]);
        instance.put(linux, item(3, linux, { ...late, os: 'Linux' }));
      },
    );
    await using opened = await open(planted.url, both);
    const { records, ends } = await readStream(opened.stream('cis'), { cursors: before });
    expect(records.get(id(3))?.columns).toMatchObject({ class: linux, operatingSystem: 'Linux' });
    expect(ends).toMatchObject([
      { type: 'end', scope: linux, coverage: 'Window' },
      { type: 'end', scope: win, coverage: 'Full', evidence: { rows: 1 } },
    ]);
  });

  test('looks for moves since the earliest end of all its readings', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.putItems(item(1, linux), item(2, win), item(3, win));
    await using first = await open(planted.url, { ...both, pageSize: 1 });
    const begun = await readStream(first.stream('cis'), { cursors: before }, 1);
    const [begin] = begun.events;
    if (begin?.type !== 'page') throw new Error('no page');
    expect(begin.scope).toBe(win);
    instance.now = new Date('2026-03-01T12:30:30Z');
    instance.asked.length = 0;
    await using second = await open(planted.url, { ...both, pageSize: 1 });
    const rest = await readStream(second.stream('cis'), {
      cursors: { [linux]: { until: '2026-03-01 11:59:30' } },
      checkpoints: { [win]: begin.checkpoint },
    });
    expect(rest.ends).toMatchObject([
      { scope: linux, coverage: 'Window', cursor: { until: '2026-03-01 12:29:30' } },
      { scope: win, coverage: 'Full', cursor: { until: '2026-03-01 11:59:30' } },
    ]);
    const caughtUp = instance.asked.filter(({ query }) =>
      query.startsWith('sys_updated_on>=2026-03-01 11:59:30^ORDER'),
    );
    expect(caughtUp.map(({ table }) => table)).toEqual([linux, win]);
  });

  test('that end may be that of a window which an earlier attempt began', async () => {
    await using planted = await plant();
    const { instance } = planted;
    const changed = { sys_updated_on: '2026-03-01 11:58:00' };
    instance.putItems(item(1, linux, changed), item(2, linux, changed), item(3, win));
    await using first = await open(planted.url, { ...both, pageSize: 1 });
    const begun = await readStream(first.stream('cis'), { cursors: before }, 1);
    const [begin] = begun.events;
    if (begin?.type !== 'page') throw new Error('no page');
    expect(begin.scope).toBe(linux);
    instance.now = new Date('2026-03-01T12:30:30Z');
    instance.asked.length = 0;
    await using second = await open(planted.url, { ...both, pageSize: 1 });
    const { ends } = await readStream(second.stream('cis'), { checkpoints: { [linux]: begin.checkpoint } });
    expect(ends).toMatchObject([
      { scope: linux, coverage: 'Window', cursor: { until: '2026-03-01 11:59:30' } },
      { scope: win, coverage: 'Full', cursor: { until: '2026-03-01 12:29:30' } },
    ]);
    const caughtUp = instance.asked.filter(
      ({ query }) => query === 'sys_updated_on>=2026-03-01 11:59:30^ORDERBYsys_id',
    );
    expect(caughtUp.map(({ table }) => table)).toEqual([linux, win]);
  });

  test('with hidden rows among those that moved into the window proves nothing of it', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.putItems(item(1, linux), item(2, win));
    instance.hidden = (row) => row['sys_id'] === id(3);
    once(
      instance,
      ({ table }) => table === win,
      () => {
        instance.put(linux, item(3, linux, late));
      },
    );
    await using opened = await open(planted.url, both);
    const { ends } = await readStream(opened.stream('cis'), { cursors: before });
    expect(ends).toMatchObject([
      { type: 'unverified', scope: linux },
      { type: 'end', scope: win, coverage: 'Full' },
    ]);
  });

  test('looks for no moves where every scope is read by a window: the next one brings them', async () => {
    await using planted = await plant();
    planted.instance.putItems(item(1, linux), item(2, win));
    await using opened = await open(planted.url, both);
    const cursors = { ...before, [win]: { until: '2026-03-01 11:55:00' } };
    const { ends } = await readStream(opened.stream('cis'), { cursors });
    expect(ends).toMatchObject([{ coverage: 'Window' }, { coverage: 'Window' }]);
    expect(planted.instance.asked.filter(({ table }) => table === linux)).toHaveLength(2);
  });

  test('skips a scope that ended and has no cursor', async () => {
    await using planted = await plant();
    planted.instance.putItems(item(1, linux), item(2, win));
    await using opened = await open(planted.url, both);
    const { records, ends } = await readStream(opened.stream('cis'), { ended: [linux] });
    expect([...records.keys()]).toEqual([id(2)]);
    expect(ends).toMatchObject([{ type: 'end', scope: win, coverage: 'Full' }]);
  });
});

describe('going on from a checkpoint', () => {
  test('skips the classes that were read to their end', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.putItems(item(1, linux), item(2, linux), item(3, win), item(4, win));
    await using opened = await open(planted.url, { pageSize: 1 });
    const begun = await readStream(opened.stream('cis'), {}, 3);
    const begin = begun.events[2];
    if (begin?.type !== 'page') throw new Error('no page');
    instance.asked.length = 0;
    await using again = await open(planted.url, { pageSize: 1 });
    const rest = await readStream(again.stream('cis'), { checkpoints: { cmdb_ci_server: begin.checkpoint } });
    expect([...rest.records.keys()]).toEqual([id(4)]);
    expect(instance.asked.filter(({ table }) => table === linux)).toEqual([]);
    expect(rest.ends).toMatchObject([{ type: 'end', coverage: 'Full', evidence: { rows: 4, counted: 4 } }]);
  });

  test('keeps the window that was begun, both its ends', async () => {
    await using planted = await plant();
    const { instance } = planted;
    const changed = { sys_updated_on: '2026-03-01 11:56:00' };
    instance.put('sys_user', { sys_id: id(1), ...changed }, { sys_id: id(2), ...changed });
    const users = { config: { users: true }, pageSize: 1 };
    await using opened = await open(planted.url, users);
    const cursors = { sys_user: { until: '2026-03-01 11:58:00' } };
    const begun = await readStream(opened.stream('users'), { cursors }, 1);
    const [begin] = begun.events;
    if (begin?.type !== 'page') throw new Error('no page');
    instance.now = new Date('2026-03-01T15:00:00Z');
    await using again = await open(planted.url, users);
    const rest = await readStream(again.stream('users'), { checkpoints: { sys_user: begin.checkpoint } });
    expect([...rest.records.keys()]).toEqual([id(2)]);
    const evidence = { since: '2026-03-01 11:53:00', until: '2026-03-01 11:59:30', rows: 2 };
    expect(rest.ends).toMatchObject([{ type: 'end', coverage: 'Window', evidence }]);
  });

  test('asks nothing of a table that ended and cannot be caught up', async () => {
    await using planted = await plant();
    planted.instance.put('sys_user', { sys_id: id(1) });
    await using opened = await open(planted.url, { config: { users: true } });
    const { events } = await readStream(opened.stream('users'), { ended: ['sys_user'] });
    expect(events).toEqual([]);
    expect(planted.instance.asked.some(({ table }) => table === 'sys_user')).toBe(false);
  });
});
