// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { exchange, idOf, itemsOf, link, readRecorded, recordedItem, serve } from './recorded.ts';

const whole = [{ type: 'end', coverage: 'Full' }];
const server = recordedItem(1, 'cmdb_ci_server');

function classRow(name: string, above: string | undefined, fields: Record<string, unknown> = {}) {
  return { name, super_class: above === undefined ? '' : link('sys_db_object', above), ...fields };
}

describe('classes without a sys_id', () => {
  const [computerId, serverId, virtualId] = [idOf('db', 1), idOf('db', 2), idOf('db', 3)];

  test('have that by which others name them, as the standard tree tells', async () => {
    const byName = (row: object) =>
      exchange('table/sys_db_object?name=x&sysparm_fields=super_class%2Cname', [row]);
    const reading = await readRecorded(
      [
        byName(classRow('cmdb_ci_pc_hardware', computerId)),
        byName(classRow('cmdb_ci_esx_server', virtualId)),
        byName(classRow('cmdb_ci_virtualization_server', serverId)),
        byName(classRow('u_mine', virtualId)),
        exchange('table/cmdb_ci_computer', [
          recordedItem(1, 'cmdb_ci_pc_hardware'),
          recordedItem(2, 'cmdb_ci_esx_server'),
          recordedItem(3, 'u_mine'),
        ]),
      ],
      'cis',
      ['cmdb_ci_computer'],
    );
    expect(reading.ends).toMatchObject(whole);
    const types = [...reading.records.values()].map(({ columns }) => ('type' in columns ? columns.type : ''));
    expect(types.toSorted()).toEqual(['computer', 'server', 'server']);
    // The label is not in the recording, so there is none.
    expect(reading.records.get(idOf('c1', 3))?.columns).not.toHaveProperty('classLabel');
  });

  test('take it from the address of a single record', async () => {
    const byId = (id: string, row: object) =>
      exchange(`table/sys_db_object/${id}?sysparm_fields=super_class%2Cname`, row);
    const [robotId, partId] = [idOf('db', 7), idOf('db', 8)];
    const reading = await readRecorded(
      [
        byId(partId, classRow('u_part', robotId)),
        byId(robotId, classRow('u_robot', serverId)),
        byId(serverId, classRow('cmdb_ci_server', computerId)),
        exchange('table/cmdb_ci_server', [recordedItem(1, 'u_part')]),
      ],
      'cis',
      ['u_robot'],
    );
    expect(itemsOf(reading)).toEqual([['item-1', 'u_part']]);
    expect([...reading.records.values()][0]?.columns).toMatchObject({ type: 'server' });
  });
});

describe('a class tree', () => {
  test.each([
    ['the name of the parent', { super_class: 'x', 'super_class.name': 'cmdb_ci_server' }],
    ['its label', { super_class: { display_value: 'Server', value: 'x' } }],
    [
      'its label beside a link',
      { super_class: { display_value: 'Server', link: link('sys_db_object', 'x').link } },
    ],
    ['its name in the place of an id', { super_class: 'cmdb_ci_server' }],
  ])('is built from %s too', async (_, fields) => {
    const reading = await readRecorded([
      exchange('table/sys_db_object', [{ sys_id: 't1', name: 'u_robot', ...fields }]),
      exchange('table/cmdb_ci_server', [server, recordedItem(2, 'u_robot')]),
    ]);
    expect(reading.records.get(idOf('c1', 2))?.columns).toMatchObject({ type: 'server' });
    expect(reading.ends).toMatchObject(whole);
  });

  test('recorded with labels only names parents by label', async () => {
    const rows = [{ sys_id: 't1', name: 'u_robot', label: 'Robot', super_class: 'UNIX Server' }];
    const recording = [
      exchange('table/sys_db_object?sysparm_display_value=true', rows),
      exchange('table/u_robot', [recordedItem(2, 'u_robot')]),
    ];
    const reading = await readRecorded(recording);
    const columns = { type: 'server', classLabel: 'Robot' };
    expect(reading.records.get(idOf('c1', 2))?.columns).toMatchObject(columns);
    await using served = await serve(recording);
    const { result } = (await served.get('table/sys_db_object'))[1] as { result: { sys_id: string }[] };
    expect(result.every(({ sys_id: id }) => /^[0-9a-z]+$/u.test(id))).toBe(true);
  });

  test('keeps a recorded sys_id when another row names an unknown one in its place', async () => {
    const reading = await readRecorded(
      [
        exchange('table/sys_db_object', [
          classRow('cmdb_ci_computer', 'of-hardware', { sys_id: 't1' }),
          classRow('u_desk', 't1', { sys_id: 't2' }),
          classRow('cmdb_ci_server', 'unknown', { sys_id: 't3' }),
        ]),
        exchange('table/cmdb_ci_computer', [server, recordedItem(2, 'u_desk')]),
      ],
      'cis',
      ['cmdb_ci_computer'],
    );
    expect(reading.records.size).toBe(2);
    expect(reading.records.get(idOf('c1', 2))?.columns).toMatchObject({ type: 'computer' });
  });

  test('with a parent that nobody knows has a root there', async () => {
    const recording = [
      exchange('table/sys_db_object', [
        classRow('u_robot', 'nobody', { sys_id: 't1' }),
        classRow('cmdb_ci_server', 'nobody-else', { sys_id: 't2' }),
      ]),
      exchange('table/u_robot', [recordedItem(2, 'u_robot')]),
      exchange('table/cmdb_ci_server', [server]),
    ];
    expect(itemsOf(await readRecorded(recording, 'cis', ['u_robot']))).toEqual([['item-2', 'u_robot']]);
    expect(itemsOf(await readRecorded(recording))).toEqual([['item-1', 'cmdb_ci_server']]);
  });

  test('with a loop is served', async () => {
    const recording = [
      exchange('table/sys_db_object', [
        classRow('u_a', 't2', { sys_id: 't1' }),
        classRow('u_b', 't1', { sys_id: 't2' }),
      ]),
      exchange('table/u_a', [recordedItem(2, 'u_a')]),
    ];
    expect((await readRecorded(recording, 'cis', ['u_a'])).records.size).toBe(1);
  });

  test('of which a piece is recorded is completed, and what is recorded counts', async () => {
    const recording = [
      exchange('table/sys_db_object?sysparm_query=nameSTARTSWITHcmdb_ci_', [
        classRow('cmdb_ci_hardware', 'of-cmdb_ci', { sys_id: 't1', label: 'Machines' }),
        classRow('cmdb_ci_linux_server', 't1', { sys_id: 't2', label: 'Penguins' }),
      ]),
      exchange('table/cmdb_ci', [recordedItem(2, 'cmdb_ci_linux_server'), server]),
    ];
    const all = await readRecorded(recording, 'cis', ['cmdb_ci']);
    expect(all.records.get(idOf('c1', 2))?.columns).toMatchObject({ classLabel: 'Penguins' });
    expect(all.records.size).toBe(2);
    // On this instance it does not stand below the servers.
    expect(itemsOf(await readRecorded(recording))).toEqual([['item-1', 'cmdb_ci_server']]);
    expect((await readRecorded(recording, 'cis', ['cmdb_ci_hardware'])).records.size).toBe(2);
  });

  test('lists other tables too, which are no classes of items', async () => {
    const relation = { sys_id: idOf('ff', 1), parent: 'p1', child: 'c1' };
    const recording = [
      exchange('table/sys_db_object', [
        classRow('cmdb_rel_ci', undefined, { sys_id: 't1' }),
        classRow('sys_user', undefined, { sys_id: 't2' }),
        classRow('task', undefined, { sys_id: 't3' }),
        classRow('u_job', 't3', { sys_id: 't4' }),
      ]),
      exchange('table/cmdb_rel_ci', [relation]),
      exchange('table/sys_user', [{ sys_id: idOf('aa', 1), sys_class_name: 'sys_user' }]),
      exchange('table/u_job', [recordedItem(7, 'u_job')]),
      exchange('table/cmdb_ci', [server]),
    ];
    expect((await readRecorded(recording, 'relationships')).records.size).toBe(1);
    expect((await readRecorded(recording, 'users')).records.size).toBe(1);
    expect(itemsOf(await readRecorded(recording, 'cis', ['cmdb_ci']))).toEqual([
      ['item-1', 'cmdb_ci_server'],
    ]);
  });
});

describe('a class that the tree does not hold', () => {
  test('hangs under the deepest table whose answer held an item of it', async () => {
    const mine = recordedItem(2, 'x_mine_server');
    const reading = await readRecorded([
      exchange('table/cmdb_ci', [server, mine]),
      exchange('table/cmdb_ci_server', [server, mine]),
    ]);
    expect(itemsOf(reading)).toEqual([
      ['item-1', 'cmdb_ci_server'],
      ['item-2', 'x_mine_server'],
    ]);
    expect(reading.records.get(mine.sys_id)?.columns).toMatchObject({ type: 'server' });
    expect(reading.ends).toMatchObject(whole);
  });

  test('a standard class may hang elsewhere on the recorded instance', async () => {
    const balancer = recordedItem(2, 'cmdb_ci_lb');
    const reading = await readRecorded([exchange('table/cmdb_ci_netgear', [balancer])], 'cis', [
      'cmdb_ci_netgear',
    ]);
    expect(itemsOf(reading)).toEqual([['item-2', 'cmdb_ci_lb']]);
  });

  test('and has a table of its own is one of configuration items when its rows have a class', async () => {
    const robot = recordedItem(2, 'u_robot', { u_arms: '2' });
    const recording = [exchange('table/u_robot', [robot]), exchange('table/cmdb_ci_server', [server])];
    for (const classes of [['u_robot'], ['cmdb_ci']]) {
      const { records } = await readRecorded(recording, 'cis', classes);
      expect(records.get(robot.sys_id)?.attributes).toMatchObject({ u_arms: '2' });
    }
  });

  test('recorded in the tree stands where that says', async () => {
    const recording = [
      exchange('table/sys_db_object', [
        classRow('cmdb_ci_hardware', 'of-cmdb_ci', { sys_id: 't1' }),
        classRow('u_robot', 't1', { sys_id: 't2' }),
      ]),
      exchange('table/u_robot', [recordedItem(2, 'u_robot')]),
      exchange('table/cmdb_ci_server', [server]),
    ];
    expect((await readRecorded(recording, 'cis', ['cmdb_ci_hardware'])).records.size).toBe(2);
  });
});

describe('a class given by its label', () => {
  test.each([
    ['beside its name', { value: 'cmdb_ci_win_server', display_value: 'Windows Server' }, ''],
    ['alone', { display_value: 'Windows Server' }, ''],
    ['as a text, all labels', 'Windows Server', '?sysparm_display_value=true'],
    ['as a text', 'Windows Server', ''],
    ['by its name in the place of a label', { display_value: 'cmdb_ci_win_server' }, ''],
  ])('%s is that class', async (_, cell, query) => {
    const reading = await readRecorded([
      exchange(`table/cmdb_ci_server${query}`, [recordedItem(2, '', { sys_class_name: cell })]),
    ]);
    expect(itemsOf(reading)).toEqual([['item-2', 'cmdb_ci_win_server']]);
    expect(reading.ends).toMatchObject(whole);
  });

  test('is that of the recorded tree before that of the standard one', async () => {
    const reading = await readRecorded([
      exchange('table/sys_db_object', [
        {
          sys_id: 't1',
          name: 'u_robot',
          label: 'Windows Server',
          'super_class.name': 'cmdb_ci_server',
          super_class: 'x',
        },
      ]),
      exchange('table/cmdb_ci_server?sysparm_display_value=true', [recordedItem(2, 'Windows Server')]),
    ]);
    expect(itemsOf(reading)).toEqual([['item-2', 'u_robot']]);
  });

  test.each([
    ['a label that the tree does not hold', 'Robot'],
    ['a lower-case word', 'robot'],
    ['an object with such a label', { display_value: 'Robot' }],
  ])('%s is refused with a sentence', async (_, cell) => {
    const attempt = serve([
      exchange('table/cmdb_ci_server?sysparm_display_value=true', [
        recordedItem(2, '', { sys_class_name: cell }),
      ]),
    ]);
    await expect(attempt).rejects.toThrow(
      /recording\.json: exchange 1 \(.*\): sys_class_name "[Rr]obot" is the label of a class.*sysparm_display_value=all/u,
    );
  });
});

describe('a recorded dictionary', () => {
  const entry = (number: number, name: string, element: string) => ({
    sys_id: idOf('dd', number),
    name,
    element,
    internal_type: link('sys_glide_object', 'string'),
  });

  test('of one table is completed by the columns that the rows have, so that none vanishes', async () => {
    const reading = await readRecorded([
      exchange('table/sys_dictionary?sysparm_query=name%3Dcmdb_ci_server', [
        entry(1, 'cmdb_ci_server', 'used_for'),
      ]),
      exchange('table/cmdb_ci_server', [
        { ...server, used_for: 'Production', os: 'Linux', u_password: 'hunter2' },
      ]),
      exchange('table/cmdb_rel_ci', [{ sys_id: idOf('ff', 1), parent: 'p1', child: 'c1' }]),
    ]);
    expect(reading.records.get(server.sys_id)?.columns).toMatchObject({
      environment: 'Production',
      operatingSystem: 'Linux',
      name: 'item-1',
    });
    expect(JSON.stringify([...reading.records])).not.toContain('hunter2');
    expect(reading.ends).toMatchObject([{ type: 'end', evidence: { columns: 'dictionary' } }]);
  });

  test('that was not recorded stays empty', async () => {
    const reading = await readRecorded([exchange('table/cmdb_ci_server', [server])]);
    expect(reading.ends).toMatchObject([{ type: 'end', evidence: { columns: 'all' } }]);
  });
});
