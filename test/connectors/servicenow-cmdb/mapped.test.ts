// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type { Mapping } from '../../../src/api/mapping.ts';
import { mappableRow } from '../../../connectors/servicenow-cmdb/mappable-row.ts';
import { serviceNowCmdb } from '../../../connectors/servicenow-cmdb/index.ts';
import { refuse, type Instance, type Stored } from './instance.ts';
import { id, item, plant } from './plant.ts';
import { open, readStream } from './reading.ts';

const linux = 'cmdb_ci_linux_server';
const all = { relationships: true, users: true, groups: true };
const labelled = (value: string, label: string) => ({ value, display_value: label });

/** Fields that a customer added, in the dictionary. */
function addFields(
  instance: Instance,
  table: string,
  fields: Readonly<Record<string, string>>,
  reference = '',
): void {
  for (const [element, internalType] of Object.entries(fields)) {
    instance.put('sys_dictionary', {
      sys_id: `${table}.${element}`.slice(0, 32),
      name: table,
      element,
      internal_type: internalType,
      reference,
    });
  }
}

async function read(stream: string, mapping: Mapping, prepare: (instance: Instance) => void) {
  await using planted = await plant();
  prepare(planted.instance);
  await using opened = await open(planted.url, { config: all, mapping, maxRetries: 0 });
  const reading = await readStream(opened.stream(stream));
  return { ...reading, asked: planted.instance.asked };
}

const server = (fields: Stored) => (instance: Instance) => {
  addFields(instance, 'cmdb_ci', {
    u_cost_center: 'reference',
    u_state: 'string',
    u_cores: 'string',
    u_seen: 'glide_date_time',
  });
  instance.putItems(item(1, linux, fields));
};

describe('a path', () => {
  test.each<[string, Stored[string], string | undefined, string | undefined]>([
    ['a reference', labelled(id(7), 'Plant Lyon'), id(7), 'Plant Lyon'],
    ['a reference without a label', labelled(id(7), id(7)), id(7), undefined],
    ['a reference as plain text', id(7), id(7), undefined],
    ['a text', labelled('x', 'x'), 'x', 'x'],
    ['a plain text', 'x', 'x', 'x'],
    ['a number', labelled('2048', '2,048'), '2048', '2,048'],
    ['a journal', labelled('', 'Moved to rack 7'), undefined, 'Moved to rack 7'],
    ['an empty choice', { value: '', display_value: null }, undefined, undefined],
    ['an empty field', '', undefined, undefined],
    ['null', null, undefined, undefined],
  ])('to %s gives value and label', (_, cell, value, label) => {
    const row = { u_field: cell as string };
    expect(mappableRow.valueAt(row, 'u_field')).toBe(value);
    expect(mappableRow.valueAt(row, 'u_field.display')).toBe(label);
    expect(mappableRow.valueAt(row, 'toString')).toBeUndefined();
    expect(mappableRow.valueAt(row, 'toString.display')).toBeUndefined();
  });

  test.each(['U_Field', '', '.display', 'a..b', 'a b', 'a^b', 'a,b', 'u_x.', '1a'])('%j is none', (path) => {
    expect(mappableRow.pathProblem(path)).toMatch(/no field of ServiceNow/u);
  });
});

describe('configuration items', () => {
  test('take stored values, labels, translated ones and constants from custom fields', async () => {
    const { records } = await read(
      'cis',
      {
        cis: {
          'attributes.costCentre': { from: ['u_missing_here', 'u_cost_center.display', 'u_cost_center'] },
          status: { from: 'u_state', values: { 117: 'retired' } },
          type: { from: 'sys_class_name', values: { [linux]: 'virtual_machine' } },
          cpuCount: { from: 'u_cores' },
          lastDiscoveredAt: { from: 'u_seen' },
          environment: { constant: 'production' },
          managedBy: { from: 'u_cores.display', values: { none: 'none' }, default: 'nobody' },
        },
      },
      (instance) => {
        addFields(instance, 'cmdb_ci_win_server', { u_missing_here: 'string' });
        server({
          install_status: labelled('1', 'Installed'),
          u_cost_center: labelled(id(7), 'Plant Lyon'),
          u_state: '117',
          u_cores: '16',
          u_seen: labelled('2026-03-01 08:15:00', '03/01/2026 01:15:00'),
        })(instance);
      },
    );
    expect(records.get(id(1))).toMatchObject({
      columns: {
        status: 'retired',
        statusLabel: 'Installed',
        type: 'virtual_machine',
        cpuCount: 16,
        lastDiscoveredAt: '2026-03-01T08:15:00Z',
        environment: 'production',
        managedBy: 'nobody',
      },
      attributes: {
        costCentre: 'Plant Lyon',
        u_state: '117',
        u_cost_center: id(7),
        unmapped: { status: 'active', type: 'server' },
      },
    });
  });

  test('that do not fit are set aside with the field of the mapping, the others are read', async () => {
    const { invalid, records } = await read('cis', { cis: { cpuCount: { from: 'u_cores' } } }, (instance) => {
      server({ u_cores: 'many' })(instance);
      instance.putItems(item(2, linux, { u_cores: '4' }));
    });
    expect(invalid).toEqual([
      {
        externalId: id(1),
        reason: 'spec.mapping.cis.cpuCount: the value of u_cores is no whole number of 0 or more',
      },
    ]);
    expect([...records.keys()]).toEqual([id(2)]);
  });

  test('may look through a reference, which is asked for', async () => {
    const { records, asked } = await read(
      'cis',
      { cis: { location: { from: 'u_site.city' }, department: { from: 'u_site.owner.display' } } },
      (instance) => {
        addFields(instance, 'cmdb_ci', { u_site: 'reference' }, 'cmn_location');
        addFields(instance, 'cmn_location', { city: 'string' });
        addFields(instance, 'cmn_location', { owner: 'reference' }, 'sys_user');
        instance.putItems(
          item(1, linux, {
            'u_site.city': 'Lyon',
            'u_site.owner': labelled(id(9), 'Ann'),
            u_site: labelled(id(5), 'Hall 3'),
          }),
        );
      },
    );
    expect(records.get(id(1))?.columns).toMatchObject({ location: 'Lyon', department: 'Ann' });
    const question = asked.find(({ table, fields }) => table === linux && fields?.includes('name') === true);
    expect(question?.fields).toEqual(expect.arrayContaining(['u_site', 'u_site.city', 'u_site.owner']));
  });

  test.each<[string, Mapping[string], RegExp]>([
    [
      'a field that no class has',
      { name: { from: 'u_typo' } },
      /^spec\.mapping\.cis\.name\.from: there is no field u_typo in cmdb_ci_server or/u,
    ],
    [
      'a secret of a class below',
      { name: { from: ['name', 'u_hidden.display'] } },
      /^spec\.mapping\.cis\.name\.from\[1\]: u_hidden is of a type that holds secrets/u,
    ],
    [
      'a secret that an expression reads',
      { name: { expression: "row.name + row['u_hidden.display']" } },
      /^spec\.mapping\.cis\.name\.expression: u_hidden is of a type that holds secrets/u,
    ],
    [
      'a secret behind a reference',
      { name: { from: 'u_owner.u_pin' } },
      /sys_user\.u_pin is of a type that holds secrets/u,
    ],
    ['a field behind no reference', { name: { from: 'u_state.city' } }, /u_state is no reference/u],
    [
      'a field that is not behind the reference',
      { name: { from: 'u_owner.city' } },
      /sys_user has no field city/u,
    ],
  ])('%s is refused, in runs and by the test of the stream', async (_, fields, said) => {
    await using planted = await plant();
    server({})(planted.instance);
    addFields(planted.instance, linux, { u_hidden: 'password2' });
    addFields(planted.instance, 'cmdb_ci', { u_owner: 'reference' }, 'sys_user');
    addFields(planted.instance, 'sys_user', { u_pin: 'password' });
    await using opened = await open(planted.url, { mapping: { cis: fields } });
    const failure = { code: 'configuration', message: expect.stringMatching(said) };
    expect((await readStream(opened.stream('cis'))).ends).toMatchObject([{ type: 'unverified', failure }]);
    await expect(opened.stream('cis').test()).rejects.toMatchObject(failure);
    expect(
      planted.instance.asked.some(
        ({ fields: asked }) => asked?.some((field) => /u_hidden|u_pin/u.test(field)) === true,
      ),
    ).toBe(false);
  });

  test.each([
    ['u_state', undefined],
    ['u_api_key', /u_api_key is named like a secret/u],
    ['u_site.city', /all columns of cmdb_ci_server are read.*u_site\.city cannot be asked for/u],
  ])('without a readable dictionary %s is judged by its name', async (path, said) => {
    const { records, ends } = await read('cis', { cis: { environment: { from: path } } }, (instance) => {
      instance.putItems(item(1, linux, { u_state: 'live', u_api_key: 'secret' }));
      instance.tables.set('sys_dictionary', []);
    });
    if (said === undefined) expect(records.get(id(1))?.columns).toMatchObject({ environment: 'live' });
    else
      expect(ends).toMatchObject([
        { failure: { code: 'configuration', message: expect.stringMatching(said) } },
      ]);
  });
});

describe('users, groups, members and relations', () => {
  const person = {
    sys_id: id(1),
    name: 'Ann',
    user_password: 'hash',
    u_badge: '77',
    u_floor: labelled('f3', 'Third'),
  };

  test.each<[string, Mapping[string]]>([
    ['paths', { employeeNumber: { from: 'u_badge' }, 'attributes.floor': { from: 'u_floor.display' } }],
    [
      'expressions',
      {
        employeeNumber: { expression: "has(row.u_badge) ? row.u_badge.trim() : ''" },
        'attributes.floor': { expression: "'u_floor.display' in row ? row['u_floor.display'] : record.name" },
      },
    ],
  ])('fields mapped by %s join the allow-list, and come nowhere else', async (_, users) => {
    const { records, asked } = await read('users', { users }, (instance) => {
      addFields(instance, 'sys_user', {
        name: 'string',
        u_badge: 'string',
        u_floor: 'choice',
        user_password: 'password',
      });
      instance.put('sys_user', person);
    });
    expect(records.get(id(1))).toMatchObject({
      columns: { name: 'Ann', employeeNumber: '77' },
      attributes: { floor: 'Third' },
    });
    expect(JSON.stringify(records.get(id(1)))).not.toMatch(/u_badge|u_floor|hash/u);
    const question = asked.find(({ table, limit }) => table === 'sys_user' && limit > 1);
    expect(question?.fields).toEqual(expect.arrayContaining(['user_name', 'u_badge', 'u_floor']));
    expect(question?.fields).not.toContain('user_password');
  });

  test.each([
    [
      'by its type',
      (instance: Instance) => addFields(instance, 'sys_user', { user_password: 'password' }),
      /user_password is of a type that holds secrets/u,
    ],
    [
      'by its name where the dictionary is refused',
      (instance: Instance) =>
        (instance.before = ({ table }) => (table === 'sys_dictionary' ? refuse(403, 'ACL') : undefined)),
      /user_password is named like a secret/u,
    ],
  ])('a password is refused, %s', async (_, prepare, said) => {
    await using planted = await plant();
    planted.instance.put('sys_user', person);
    prepare(planted.instance);
    await using opened = await open(planted.url, {
      config: all,
      mapping: { users: { title: { from: 'user_password' } } },
    });
    const failure = { code: 'configuration', message: expect.stringMatching(said) };
    expect((await readStream(opened.stream('users'))).ends).toMatchObject([{ type: 'unverified', failure }]);
    await expect(opened.stream('users').test()).rejects.toMatchObject(failure);
  });

  test('their fields are taken too', async () => {
    const prepare = (instance: Instance) => {
      for (const table of ['sys_user_group', 'sys_user_grmember', 'cmdb_rel_ci'])
        addFields(instance, table, {
          sys_id: 'GUID',
          parent: 'reference',
          child: 'reference',
          type: 'reference',
          u_kind: 'string',
        });
      const row = {
        sys_id: id(1),
        u_kind: 'special',
        group: id(2),
        user: id(3),
        parent: id(4),
        child: id(5),
      };
      for (const table of ['sys_user_group', 'sys_user_grmember', 'cmdb_rel_ci']) instance.put(table, row);
    };
    for (const stream of ['groups', 'memberships', 'relationships']) {
      const { records } = await read(
        stream,
        { [stream]: { 'attributes.kind': { from: 'u_kind' } } },
        prepare,
      );
      expect([stream, [...records.values()][0]?.attributes['kind']]).toEqual([stream, 'special']);
    }
  });
});

describe('what is known before anything is sent', () => {
  test.each([
    [
      { cis: { name: { from: 'Not a field' } } },
      'spec.mapping.cis.name.from',
      /"Not a field" is no field of ServiceNow/u,
    ],
    [
      { cis: { status: { from: 'install_status', values: { 117: 'gone' } } } },
      'spec.mapping.cis.status.values.117',
      /"gone" is none of/u,
    ],
    [
      { assets: { name: { from: 'x' } } },
      'spec.mapping.assets',
      /use one of cis, relationships, users, groups, memberships/u,
    ],
  ])('%j', (mapping, path, message) => {
    expect(serviceNowCmdb.mappingProblems(mapping)).toEqual([
      { path, message: expect.stringMatching(message) },
    ]);
  });

  test('a mapping is part of the fingerprint, the order of its fields is not', async () => {
    await using planted = await plant();
    const prints = [];
    for (const mapping of [
      undefined,
      { cis: { name: { constant: 'a' }, fqdn: { constant: 'b' } } },
      { cis: { fqdn: { constant: 'b' }, name: { constant: 'a' } } },
      { cis: { name: { constant: 'a' }, fqdn: { constant: 'c' } } },
    ]) {
      await using opened = await open(planted.url, mapping === undefined ? {} : { mapping });
      prints.push(opened.connection.fingerprint);
    }
    expect(new Set(prints).size).toBe(3);
    expect(prints[1]).toBe(prints[2]);
  });
});
