// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { page, refuse, send } from './instance.ts';
import { id, item, plant } from './plant.ts';
import { open, readStream } from './reading.ts';

const linux = 'cmdb_ci_linux_server';
const win = 'cmdb_ci_win_server';

describe('configuration items', () => {
  test('every class is read with its own columns, and none of another class', async () => {
    await using planted = await plant();
    planted.instance.putItems(
      item(1, 'cmdb_ci_server', { os: 'OS/2', used_for: 'Production' }),
      item(2, linux, { os: 'Linux', kernel_release: '6.1' }),
      item(3, win, { u_license_key: 'no secret by its type' }),
      item(4, 'cmdb_ci_computer'),
    );
    await using opened = await open(planted.url);
    const { records, ends, invalid } = await readStream(opened.stream('cis'));
    expect(invalid).toEqual([]);
    expect([...records.keys()].toSorted()).toEqual([1, 2, 3].map(id));
    expect(records.get(id(2))).toMatchObject({
      columns: { class: linux, classLabel: `Class ${linux}`, type: 'server', operatingSystem: 'Linux' },
      attributes: { kernel_release: '6.1' },
    });
    expect(records.get(id(3))?.attributes).toMatchObject({ u_license_key: 'no secret by its type' });
    expect(ends).toMatchObject([
      {
        type: 'end',
        scope: 'cmdb_ci_server',
        coverage: 'Full',
        evidence: { rows: 3, counted: 3, classes: 3, columns: 'dictionary' },
      },
    ]);
  });

  test('columns of secret types are neither asked for nor kept', async () => {
    await using planted = await plant();
    planted.instance.putItems(item(1, linux, { admin_password: 'hunter2' }));
    await using opened = await open(planted.url);
    const { events } = await readStream(opened.stream('cis'));
    expect(JSON.stringify(events)).not.toContain('hunter2');
    const data = planted.instance.asked.filter(({ table }) => table === linux);
    expect(data.length).toBeGreaterThan(0);
    expect(data.every(({ fields }) => fields?.includes('admin_password') === false)).toBe(true);
  });

  test('without a dictionary all fields are read but those with names of secrets, and the evidence says so', async () => {
    await using planted = await plant();
    planted.instance.tables.set('sys_dictionary', []);
    planted.instance.putItems(item(1, linux, { admin_password: 'hunter2', u_rack: 'B7' }));
    await using opened = await open(planted.url);
    const { records, ends, events } = await readStream(opened.stream('cis'));
    expect(records.get(id(1))?.attributes).toMatchObject({ u_rack: 'B7' });
    expect(JSON.stringify(events)).not.toContain('hunter2');
    expect(ends).toMatchObject([{ type: 'end', evidence: { columns: 'all' } }]);
  });

  test('a class that the tree does not know is read from the table above, not lost', async () => {
    await using planted = await plant();
    planted.instance.parents.set('x_new_class', 'cmdb_ci_server');
    planted.instance.putItems(item(1), item(2, 'x_new_class', { os: 'Plan 9' }));
    await using opened = await open(planted.url);
    const { records, ends } = await readStream(opened.stream('cis'));
    expect(records.get(id(2))).toMatchObject({
      columns: { class: 'x_new_class', operatingSystem: 'Plan 9' },
    });
    expect(ends).toMatchObject([{ type: 'end', coverage: 'Full', evidence: { classes: 2 } }]);
  });

  test.each([
    ['is refused as invalid', 'configuration', refuse(400, 'Invalid table')],
    ['is not found', 'configuration', refuse(404, 'No Record found')],
    ['is forbidden', 'permission', refuse(403, 'ACL')],
    ['answers nothing', 'permission', send('{"result":[]}')],
    ['counts and gives nothing', 'permission', page([], 0)],
    ['fails', 'unavailable', refuse(500, 'script error')],
  ])('a class of the tree whose own table %s is never read from above', async (_, code, answer) => {
    await using planted = await plant();
    planted.instance.putItems(item(1, linux, { kernel_release: '6.1' }), item(2, win), item(3, linux));
    planted.instance.before = ({ table }) => (table === linux ? answer : undefined);
    await using opened = await open(planted.url);
    const { records, ends } = await readStream(opened.stream('cis'));
    // Read from above, its own columns would be missing and look emptied.
    expect([...records.keys()]).toEqual([id(2)]);
    const message = expect.stringContaining(linux);
    expect(ends).toMatchObject([{ type: 'unverified', failure: { code, message } }]);
  });

  test('a row that does not show its class does not empty it in the inventory', async () => {
    await using planted = await plant();
    planted.instance.putItems(item(1, linux));
    const { sys_class_name: _, ...shown } = item(1, linux);
    planted.instance.before = ({ table }) => (table === linux ? page([shown], 1) : undefined);
    await using opened = await open(planted.url);
    const { events, ends } = await readStream(opened.stream('cis'));
    expect(events).toEqual(ends);
    const failure = { code: 'contract', message: expect.stringContaining('sys_class_name') };
    expect(ends).toMatchObject([{ type: 'unverified', failure }]);
  });

  test('an item edited meanwhile is not read from above either', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.putItems(item(1, linux), item(2, win));
    instance.after = ({ table, query }) => {
      if (table !== linux || !query.includes('sys_id>')) return;
      instance.after = () => undefined;
      instance.tables.set(linux, [item(1, linux, { sys_updated_on: '2026-03-01 12:00:31' })]);
      instance.before = (asked) => (asked.table === linux ? refuse(404, 'No Record found') : undefined);
    };
    await using opened = await open(planted.url);
    const { events, ends } = await readStream(opened.stream('cis'));
    expect(events.filter(({ type }) => type === 'page')).toHaveLength(2);
    expect(ends).toMatchObject([{ type: 'unverified', failure: { code: 'configuration' } }]);
  });

  test('classes without rows cost no request', async () => {
    await using planted = await plant();
    planted.instance.putItems(item(1, linux));
    await using opened = await open(planted.url);
    await readStream(opened.stream('cis'));
    expect(planted.instance.asked.filter(({ table }) => table === win)).toEqual([]);
  });

  test('a class below another listed class is read once', async () => {
    await using planted = await plant();
    planted.instance.putItems(item(1), item(2, linux));
    await using opened = await open(planted.url, { config: { classes: [linux, 'cmdb_ci_server'] } });
    const { ends } = await readStream(opened.stream('cis'));
    expect(ends).toMatchObject([{ type: 'end', scope: 'cmdb_ci_server', evidence: { rows: 2 } }]);
  });

  test('a record that moves to a class already read is still seen', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.putItems(item(1, linux), item(2, win), item(3, win, { os: 'Windows' }));
    instance.after = ({ table, query }) => {
      // The first class was just read to its end: now one of the second changes into it.
      if (table !== linux || !query.includes('sys_id>')) return;
      instance.after = () => undefined;
      instance.tables.set(win, [item(2, win)]);
      instance.put(linux, item(3, linux, { os: 'Linux', sys_updated_on: '2026-03-01 12:00:31' }));
    };
    await using opened = await open(planted.url);
    const { records, ends } = await readStream(opened.stream('cis'));
    expect(records.get(id(3))).toMatchObject({ columns: { class: linux, operatingSystem: 'Linux' } });
    expect(ends).toMatchObject([{ type: 'end', coverage: 'Full' }]);
  });

  test('a record that moves between two listed classes is still seen', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.putItems(item(1, linux), item(3, win));
    instance.after = ({ table, query }) => {
      if (table !== linux || !query.includes('sys_id>')) return;
      instance.after = () => undefined;
      instance.tables.set(win, []);
      instance.put(linux, item(3, linux, { sys_updated_on: '2026-03-01 12:00:31' }));
    };
    await using opened = await open(planted.url, { config: { classes: [linux, win] } });
    const { records, ends, events } = await readStream(opened.stream('cis'));
    expect([...records.keys()]).toEqual([id(1), id(3)]);
    expect(ends).toMatchObject([
      { type: 'end', scope: linux },
      { type: 'end', scope: win },
    ]);
    const lastPage = events.findLastIndex(({ type }) => type === 'page');
    expect(events.findIndex(({ type }) => type === 'end')).toBeGreaterThan(lastPage - 1);
  });

  test('goes on from a checkpoint in the class where it stood', async () => {
    await using planted = await plant();
    planted.instance.putItems(item(1, linux), item(2, linux), item(3, linux), item(4, win));
    await using opened = await open(planted.url, { pageSize: 2 });
    const begun = await readStream(opened.stream('cis'), {}, 1);
    const [page] = begun.events;
    if (page?.type !== 'page') throw new Error('no page');
    const rest = await readStream(opened.stream('cis'), { checkpoints: { cmdb_ci_server: page.checkpoint } });
    expect([...rest.records.keys()]).toEqual([3, 4].map(id));
    expect(rest.ends).toMatchObject([{ type: 'end', coverage: 'Full', evidence: { rows: 4 } }]);
  });

  test('row access that hides items of one class leaves the scope unverified', async () => {
    await using planted = await plant();
    planted.instance.putItems(item(1, linux), item(2, win), item(3, win));
    planted.instance.hidden = (row) => row['sys_class_name'] === win;
    await using opened = await open(planted.url);
    const { records, ends } = await readStream(opened.stream('cis'));
    expect([...records.keys()]).toEqual([id(1)]);
    expect(ends).toMatchObject([
      { type: 'unverified', failure: { code: 'permission', message: expect.stringContaining('2 of 3') } },
    ]);
  });

  test('a class that is refused leaves its scope unverified and the other classes read', async () => {
    await using planted = await plant();
    planted.instance.putItems(item(1, linux), item(2, win));
    planted.instance.before = ({ table }) => (table === linux ? refuse(403, 'no read ACL') : undefined);
    await using opened = await open(planted.url);
    const { records, ends } = await readStream(opened.stream('cis'));
    expect([...records.keys()]).toEqual([id(2)]);
    expect(ends).toMatchObject([
      { type: 'unverified', failure: { code: 'permission', message: expect.stringContaining(linux) } },
    ]);
  });

  test.each(['sys_db_object', 'sys_dictionary'])(
    '%s without permission names table and role',
    async (table) => {
      await using planted = await plant();
      planted.instance.putItems(item(1));
      planted.instance.before = (asked) => (asked.table === table ? refuse(403, 'no') : undefined);
      await using opened = await open(planted.url);
      const message = expect.stringMatching(`${table}.*personalize_dictionary`);
      const { ends } = await readStream(opened.stream('cis'));
      expect(ends).toMatchObject([
        { type: 'unverified', scope: 'cmdb_ci_server', failure: { code: 'permission', message } },
      ]);
      await expect(opened.stream('cis').test()).rejects.toMatchObject({ code: 'permission', message });
    },
  );

  test('an unknown class names the field and the value', async () => {
    await using planted = await plant();
    await using opened = await open(planted.url, {
      config: { classes: ['cmdb_ci_server', 'cmdb_ci_sevrer'] },
    });
    const message = expect.stringMatching(/serviceNowCmdb\.classes\[1\].*cmdb_ci_sevrer/u);
    const { ends } = await readStream(opened.stream('cis'));
    expect(ends).toHaveLength(2);
    expect(ends[0]).toMatchObject({ type: 'unverified', failure: { code: 'configuration', message } });
  });

  test('a row with wrong types is set aside with its id, the others are read', async () => {
    await using planted = await plant();
    planted.instance.putItems(item(1, linux, { os: 5 }), item(2, linux, { os: ['x'] }), item(3, linux));
    await using opened = await open(planted.url);
    const { records, invalid } = await readStream(opened.stream('cis'));
    expect([...records.keys()]).toEqual([id(3)]);
    expect(invalid.map(({ externalId }) => externalId)).toEqual([id(1), id(2)]);
  });
});

describe('incremental reading', () => {
  test('asks for a frozen window with overlap, of classes that have changes only', async () => {
    await using planted = await plant();
    planted.instance.putItems(
      item(1, linux, { sys_updated_on: '2026-03-01 11:50:00' }),
      item(2, linux, { sys_updated_on: '2026-03-01 11:59:31' }),
      item(3, win),
    );
    await using opened = await open(planted.url);
    const { records, ends } = await readStream(opened.stream('cis'), {
      cursors: { cmdb_ci_server: { until: '2026-03-01 11:55:00' } },
    });
    expect([...records.keys()]).toEqual([id(1)]);
    expect(ends).toMatchObject([
      {
        type: 'end',
        coverage: 'Window',
        cursor: { until: '2026-03-01 11:59:30' },
        evidence: { since: '2026-03-01 11:50:00', until: '2026-03-01 11:59:30', rows: 1 },
      },
    ]);
    const first = planted.instance.asked.find(({ table }) => table === linux);
    expect(first?.query).toBe(
      `sys_updated_on>=2026-03-01 11:50:00^sys_updated_on<=2026-03-01 11:59:30^sys_class_name=${linux}^ORDERBYsys_id`,
    );
    expect(planted.instance.asked.some(({ query }) => query.includes('javascript:'))).toBe(false);
  });

  test('nothing changed costs two requests beyond the look-ups', async () => {
    await using planted = await plant();
    planted.instance.putItems(item(1, linux));
    await using opened = await open(planted.url);
    const before = planted.instance.asked.length;
    await readStream(opened.stream('cis'), { cursors: { cmdb_ci_server: { until: '2026-03-01 11:55:00' } } });
    const tables = planted.instance.asked.slice(before).map(({ table }) => table);
    expect(tables).toEqual(['sys_db_object', 'sys_dictionary', 'cmdb_ci_server', 'sys_audit_delete']);
  });

  test('a cursor ahead of the server clock does not skip the time between', async () => {
    await using planted = await plant();
    planted.instance.putItems(item(1, linux, { sys_updated_on: '2026-03-01 11:58:00' }));
    await using opened = await open(planted.url);
    const { records } = await readStream(opened.stream('cis'), {
      cursors: { cmdb_ci_server: { until: '2026-03-09 00:00:00' } },
    });
    expect(records.size).toBe(1);
  });

  test('a row that changes while its window is read does not look hidden', async () => {
    await using planted = await plant();
    const { instance } = planted;
    const changed = { sys_updated_on: '2026-03-01 11:58:00' };
    instance.putItems(item(1, linux, changed), item(2, linux, changed));
    instance.after = ({ table, query }) => {
      if (table === 'cmdb_ci_server' && query.includes('NOT IN')) {
        instance.tables.set(linux, [
          item(1, linux, changed),
          item(2, linux, { sys_updated_on: '2026-03-01 12:00:31' }),
        ]);
      }
    };
    await using opened = await open(planted.url);
    const { ends } = await readStream(opened.stream('cis'), {
      cursors: { cmdb_ci_server: { until: '2026-03-01 11:55:00' } },
    });
    expect(ends).toMatchObject([{ type: 'end', coverage: 'Window', evidence: { rows: 1 } }]);
  });
});
