// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { refuse } from './instance.ts';
import { id, plant } from './plant.ts';
import { open, readStream } from './reading.ts';

const all = { config: { relationships: true, users: true, groups: true } };
const times = { sys_created_on: '2025-01-01 00:00:00', sys_updated_on: '2026-03-01 11:58:00' };

function reference(value: string, label: string | null) {
  return { value, display_value: label };
}

describe('streams of the configuration', () => {
  test('only what is asked for is read', async () => {
    await using planted = await plant();
    await using few = await open(planted.url);
    expect(few.connection.streams.map(({ name }) => name)).toEqual(['cis']);
    await using many = await open(planted.url, all);
    expect(many.connection.streams.map(({ name, record }) => [name, record])).toEqual([
      ['cis', 'Asset'],
      ['relationships', 'Relationship'],
      ['users', 'User'],
      ['groups', 'Group'],
      ['memberships', 'Membership'],
    ]);
  });

  test.each([
    ['relationships', 'cmdb_rel_ci', 'cmdb_read'],
    ['users', 'sys_user', 'itil'],
    ['groups', 'sys_user_group', 'itil'],
    ['memberships', 'sys_user_grmember', 'itil'],
  ])('%s: a refused table is a permission failure that names table and role', async (name, table, role) => {
    await using planted = await plant();
    planted.instance.before = (asked) => (asked.table === table ? refuse(403, 'ACL') : undefined);
    await using opened = await open(planted.url, all);
    const failure = { code: 'permission', message: expect.stringMatching(`${table}.*${role}`) };
    await expect(opened.stream(name).test()).rejects.toMatchObject(failure);
    const { ends } = await readStream(opened.stream(name));
    expect(ends).toMatchObject([{ type: 'unverified', scope: table, failure }]);
  });

  test('a table that the instance does not have is a configuration failure', async () => {
    await using planted = await plant();
    planted.instance.tables.delete('cmdb_rel_ci');
    await using opened = await open(planted.url, all);
    await expect(opened.stream('relationships').test()).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('cmdb_rel_ci'),
    });
  });

  test('the test of a stream says what it found', async () => {
    await using planted = await plant();
    planted.instance.put('sys_user', { sys_id: id(1) });
    await using opened = await open(planted.url, all);
    expect(await opened.stream('users').test()).toMatchObject({
      message: 'sys_user: readable, 1 rows counted',
    });
    expect(await opened.stream('cis').test()).toMatchObject({
      message: expect.stringMatching(/^cmdb_ci_server: readable, 0 rows counted; /u),
    });
  });
});

describe('users and groups', () => {
  test('only fields of the allow-list are asked for and kept', async () => {
    await using planted = await plant();
    planted.instance.put('sys_user', {
      sys_id: id(1),
      name: 'Ann Example',
      user_name: 'ann',
      email: 'ann@example.com',
      department: reference(id(8), 'Operations'),
      manager: reference(id(9), 'Bob Example'),
      active: 'true',
      locked_out: 'false',
      last_login_time: '2026-02-28 08:00:00',
      user_password: 'hash',
      ...times,
    });
    await using opened = await open(planted.url, all);
    const { records } = await readStream(opened.stream('users'));
    expect(records.get(id(1))).toEqual({
      externalId: id(1),
      columns: {
        name: 'Ann Example',
        userName: 'ann',
        email: 'ann@example.com',
        department: 'Operations',
        manager: id(9),
        active: true,
        locked: false,
        lastLoginAt: '2026-02-28T08:00:00Z',
        sourceCreatedAt: '2025-01-01T00:00:00Z',
        sourceUpdatedAt: '2026-03-01T11:58:00Z',
      },
      attributes: {
        department: id(8),
        last_login_time: '2026-02-28 08:00:00',
        ...times,
        labels: { manager: 'Bob Example' },
      },
    });
    const asked = planted.instance.asked.filter(({ table }) => table === 'sys_user');
    expect(asked.every(({ fields }) => fields?.includes('user_password') === false)).toBe(true);
  });

  test.each(['users', 'groups', 'memberships'])(
    '%s: what a server sends unasked is dropped',
    async (name) => {
      await using planted = await plant();
      await using opened = await open(planted.url, all);
      const row = {
        sys_id: id(1),
        name: 'Ann',
        group: 'g1',
        user: 'u1',
        user_password: 'hash',
        u_home: 'hash',
      };
      const outcome = opened.stream(name).normalise(row);
      expect(outcome.type).toBe('record');
      expect(JSON.stringify(outcome)).not.toContain('hash');
    },
  );

  test.each([
    ['users', 'sys_user'],
    ['groups', 'sys_user_group'],
    ['memberships', 'sys_user_grmember'],
  ])('%s: nor is it in a row that is set aside', async (name, table) => {
    await using planted = await plant();
    planted.instance.obeysFields = false;
    planted.instance.put(table, { sys_id: id(1), sys_updated_on: 5, group: '', user_password: 'hash' });
    await using opened = await open(planted.url, all);
    const { events, invalid } = await readStream(opened.stream(name));
    expect(invalid).toHaveLength(1);
    expect(JSON.stringify(events)).not.toContain('hash');
  });

  test('of both the lists are asked for, the cost center of users too', async () => {
    await using planted = await plant();
    const costCenter = reference(id(7), 'Operations');
    planted.instance.put('sys_user', { sys_id: id(1), cost_center: costCenter, u_home: 'x' });
    planted.instance.put('sys_user_group', { sys_id: id(2), cost_center: costCenter, u_home: 'x' });
    await using opened = await open(planted.url, all);
    for (const name of ['users', 'groups']) {
      const { records } = await readStream(opened.stream(name));
      const [record] = records.values();
      expect(record?.attributes).toEqual({ cost_center: id(7), labels: { cost_center: 'Operations' } });
    }
  });

  test('a null instead of a cell is an empty one, and so is a null label', async () => {
    await using planted = await plant();
    const row = { sys_id: id(1), title: null, department: reference('', null), name: 'Ann' };
    planted.instance.put('sys_user', row);
    await using opened = await open(planted.url, all);
    const { records, invalid } = await readStream(opened.stream('users'));
    expect(invalid).toEqual([]);
    expect(records.get(id(1))).toMatchObject({ columns: { name: 'Ann' }, attributes: {} });
  });

  test('groups name their manager and parent by id', async () => {
    await using planted = await plant();
    planted.instance.put('sys_user_group', {
      sys_id: id(1),
      name: 'Database',
      description: 'Runs databases',
      manager: reference(id(9), 'Bob Example'),
      parent: reference(id(2), 'IT'),
      active: 'true',
    });
    await using opened = await open(planted.url, all);
    const { records } = await readStream(opened.stream('groups'));
    expect(records.get(id(1))).toEqual({
      externalId: id(1),
      columns: {
        name: 'Database',
        groupDescription: 'Runs databases',
        manager: id(9),
        parent: id(2),
        active: true,
      },
      attributes: { labels: { manager: 'Bob Example', parent: 'IT' } },
    });
  });
});

function member(number: number, group: string, user: string) {
  return {
    sys_id: id(number),
    group: reference(group, 'Database'),
    user: reference(user, 'Ann Example'),
    ...times,
  };
}

describe('memberships', () => {
  test('are named by both ends and keep the sys_id', async () => {
    await using planted = await plant();
    planted.instance.put('sys_user_grmember', member(1, 'g1', 'u1'));
    await using opened = await open(planted.url, all);
    const { records } = await readStream(opened.stream('memberships'));
    expect(records.get('g1/u1')).toMatchObject({
      columns: { groupId: 'g1', memberId: 'u1', memberKind: 'User' },
      attributes: { sys_id: id(1), labels: { group: 'Database', user: 'Ann Example' } },
    });
  });

  test('two rows for one pair are one membership, the one with the highest sys_id, in full and in a window', async () => {
    await using planted = await plant();
    const old = { ...member(2, 'g1', 'u1'), sys_updated_on: '2025-01-01 00:00:00' };
    planted.instance.put('sys_user_grmember', member(1, 'g1', 'u1'), old, member(3, 'g1', 'u2'));
    await using opened = await open(planted.url, all);
    const full = await readStream(opened.stream('memberships'));
    expect(full.records.get('g1/u1')?.attributes).toMatchObject({ sys_id: id(2) });
    const changed = await readStream(opened.stream('memberships'), {
      cursors: { sys_user_grmember: { until: '2026-03-01 11:57:00' } },
    });
    expect([...changed.records.keys()].toSorted()).toEqual(['g1/u1', 'g1/u2']);
    expect(changed.records.get('g1/u1')).toEqual(full.records.get('g1/u1'));
  });

  test.each([
    ['empty', { group: 'g1', user: '' }],
    ['null', { group: null, user: 'u1' }],
    ['empty with a label of nothing', { group: 'g1', user: { value: '', display_value: '' } }],
    ['null with a label of nothing', { group: 'g1', user: { value: null, display_value: '' } }],
  ])('a row of which an end is %s is set aside under its own id', async (_, ends) => {
    await using planted = await plant();
    planted.instance.put('sys_user_grmember', { sys_id: id(1), ...ends });
    await using opened = await open(planted.url, all);
    const { invalid } = await readStream(opened.stream('memberships'));
    expect(invalid).toMatchObject([{ externalId: id(1) }]);
  });

  test.each([
    ['is missing', { group: 'g1' }],
    ['has a label only', { group: 'g1', user: { display_value: 'Ann' } }],
    ['has a label and a null', { group: 'g1', user: { display_value: 'Ann', value: null } }],
    ['is a number', { group: 5, user: 'u1' }],
    ['is a list', { group: 'g1', user: ['u1'] }],
    ['has a value of another type', { group: { value: 5 }, user: 'u1' }],
  ])('one of which an end %s could be any membership, so it has no id', async (_, ends) => {
    await using planted = await plant();
    planted.instance.put('sys_user_grmember', { sys_id: id(1), ...ends });
    await using opened = await open(planted.url, all);
    const { invalid } = await readStream(opened.stream('memberships'));
    expect(invalid).toMatchObject([{ externalId: undefined }]);
  });

  test('one with both ends has their id, whatever else is wrong with it', async () => {
    await using planted = await plant();
    planted.instance.put('sys_user_grmember', { sys_id: id(1), group: 'g1', user: 'u1', sys_created_on: 5 });
    await using opened = await open(planted.url, all);
    const { invalid } = await readStream(opened.stream('memberships'));
    expect(invalid).toMatchObject([{ externalId: 'g1/u1' }]);
  });
});

describe('relationships', () => {
  test('keep both ends by id, also when an end is no item of the configured classes', async () => {
    await using planted = await plant();
    planted.instance.put('cmdb_rel_ci', {
      sys_id: id(1),
      parent: reference('p1', 'app'),
      child: reference('c1', 'db'),
      type: reference('t1', 'Depends on::Used by'),
      connection_strength: reference('always', 'Always'),
      ...times,
    });
    await using opened = await open(planted.url, all);
    const { records } = await readStream(opened.stream('relationships'));
    expect(records.get(id(1))).toMatchObject({
      columns: { parentId: 'p1', childId: 'c1', type: 'Depends on::Used by', typeId: 't1' },
      attributes: {
        connection_strength: 'always',
        labels: { parent: 'app', child: 'db', connection_strength: 'Always' },
      },
    });
  });

  test('a row without an end is set aside', async () => {
    await using planted = await plant();
    planted.instance.put('cmdb_rel_ci', { sys_id: id(1), parent: 'p1', child: '' });
    await using opened = await open(planted.url, all);
    const { invalid } = await readStream(opened.stream('relationships'));
    expect(invalid).toEqual([{ externalId: id(1), reason: 'child is empty' }]);
  });

  const row = {
    sys_id: id(1),
    parent: 'p1',
    child: 'c1',
    u_rack: 'B7',
    u_secret: 'hunter2',
    u_pin: 'hunter3',
  };
  const columns = {
    sys_id: 'GUID',
    parent: 'reference',
    child: 'reference',
    type: 'reference',
    u_rack: 'string',
  };

  test('keep the columns of customers, but no secrets', async () => {
    await using planted = await plant();
    planted.instance.addClass('cmdb_rel_ci', undefined, {
      ...columns,
      u_secret: 'string',
      u_pin: 'password2',
    });
    planted.instance.put('cmdb_rel_ci', { ...row, u_secret: 'no secret by its type' });
    await using opened = await open(planted.url, all);
    const { records, events, ends } = await readStream(opened.stream('relationships'));
    const attributes = { u_rack: 'B7', u_secret: 'no secret by its type' };
    expect(records.get(id(1))?.attributes).toMatchObject(attributes);
    expect(JSON.stringify(events)).not.toContain('hunter');
    expect(ends).toMatchObject([{ type: 'end', evidence: { columns: 'dictionary' } }]);
  });

  test('cost no question of their own to the dictionary, which the items ask already', async () => {
    await using planted = await plant();
    await using opened = await open(planted.url, all);
    for (const stream of opened.connection.streams) await readStream(stream);
    expect(planted.instance.asked.filter(({ table }) => table === 'sys_dictionary')).toHaveLength(1);
  });

  test.each([
    ['gives no rows', () => undefined],
    ['is refused', () => refuse(403, 'ACL')],
  ])('keep them also where the dictionary %s', async (_, answer) => {
    await using planted = await plant();
    planted.instance.tables.set('sys_dictionary', []);
    planted.instance.put('cmdb_rel_ci', { ...row, u_pin: '' });
    planted.instance.before = ({ table }) => (table === 'sys_dictionary' ? answer() : undefined);
    await using opened = await open(planted.url, all);
    const { records, events, ends } = await readStream(opened.stream('relationships'));
    expect(records.get(id(1))?.attributes).toMatchObject({ u_rack: 'B7' });
    expect(JSON.stringify(events)).not.toContain('hunter');
    expect(ends).toMatchObject([{ type: 'end', coverage: 'Full', evidence: { columns: 'all' } }]);
  });
});
