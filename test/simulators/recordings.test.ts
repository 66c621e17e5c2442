// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { open, readStream } from '../connectors/servicenow-cmdb/reading.ts';
import { exchange, idOf, itemsOf, link, readRecorded, recordedItem, serve } from './recorded.ts';

const whole = [{ type: 'end', coverage: 'Full' }];
const linux = recordedItem(2, 'cmdb_ci_linux_server');
const server = recordedItem(1, 'cmdb_ci_server');
const users = [1, 2, 3].map((number) => ({
  sys_id: idOf('aa', number),
  user_name: `u${number}`,
  active: 'true',
}));
const groups = [1, 2].map((number) => ({ sys_id: idOf('bb', number), name: `Group ${number}` }));

function member(number: number, group: number, user: number) {
  return {
    sys_id: idOf('ee', number),
    group: link('sys_user_group', idOf('bb', group)),
    user: link('sys_user', idOf('aa', user)),
  };
}

describe('rows of a recording', () => {
  test('of items only, without a class tree, are served by the standard tree', async () => {
    const reading = await readRecorded([exchange('table/cmdb_ci_server?sysparm_limit=9', [server, linux])]);
    expect(itemsOf(reading)).toEqual([
      ['item-1', 'cmdb_ci_server'],
      ['item-2', 'cmdb_ci_linux_server'],
    ]);
    expect(reading.ends).toMatchObject(whole);
    expect(reading.records.get(linux.sys_id)?.columns).toMatchObject({
      type: 'server',
      classLabel: 'Linux Server',
    });
  });

  test('of people only are served, and no items beside them', async () => {
    const people = [
      exchange('table/sys_user?sysparm_limit=2', users.slice(0, 2)),
      exchange('table/sys_user?sysparm_limit=2&sysparm_offset=2', users.slice(2)),
      exchange('v2/table/sys_user_group?sysparm_limit=9', groups),
      exchange(`table/sys_user_grmember?sysparm_query=group%3D${idOf('bb', 1)}`, [member(1, 1, 1)]),
      exchange('table/sys_user_grmember', [member(1, 1, 1), member(2, 1, 2), member(3, 2, 3)]),
      exchange(`table/sys_user/${idOf('aa', 1)}`, users[0]),
    ];
    const sizes = [
      ['users', 3],
      ['groups', 2],
      ['memberships', 3],
      ['relationships', 0],
      ['cis', 0],
    ] as const;
    for (const [stream, size] of sizes) {
      const { records, invalid, ends } = await readRecorded(people, stream);
      expect([stream, records.size, invalid]).toEqual([stream, size, []]);
      expect(ends).toMatchObject(whole);
    }
  });

  test('of no exchange at all are an empty instance', async () => {
    expect((await readRecorded([])).ends).toMatchObject(whole);
  });

  test('that repeat on pages, by offset and in all versions of the API, are one row each', async () => {
    const address = (version: string, offset: number) =>
      `${version}table/cmdb_ci_server?sysparm_limit=2&sysparm_offset=${offset}`;
    const reading = await readRecorded([
      exchange(address('', 0), [server, linux]),
      exchange(address('v2/', 1), [linux, recordedItem(3, 'cmdb_ci_win_server')]),
      exchange(address('v1/', 2), [recordedItem(3, 'cmdb_ci_win_server', { os: 'Windows' })]),
    ]);
    expect(reading.records.size).toBe(3);
    expect(reading.records.get(idOf('c1', 3))?.columns).toMatchObject({ operatingSystem: 'Windows' });
  });

  test('that show the same record in several shapes are one record with value and label', async () => {
    const labelled = Object.fromEntries(
      Object.entries(server).map(([field, value]) => [field, { value, display_value: value }]),
    );
    const status = { install_status: { value: '1', display_value: 'Installed' } };
    const reading = await readRecorded([
      exchange('table/cmdb_ci_server?sysparm_display_value=all', [{ ...labelled, ...status }]),
      exchange('table/cmdb_ci_server', [
        { ...server, install_status: '1', location: link('cmn_location', idOf('10', 1)) },
      ]),
      exchange('table/cmdb_ci_server?sysparm_display_value=true', [
        { ...server, sys_class_name: 'Server', location: 'Oslo', sys_updated_on: '01/05/2024 12:00' },
      ]),
    ]);
    expect(reading.records.get(server.sys_id)).toMatchObject({
      columns: { class: 'cmdb_ci_server', status: 'active', statusLabel: 'Installed', location: 'Oslo' },
      attributes: { location: idOf('10', 1) },
    });
    expect(reading.records.get(server.sys_id)?.columns).toMatchObject({
      sourceUpdatedAt: '2024-05-01T10:00:00Z',
    });
  });

  test('of a single record take its sys_id from the address', async () => {
    const { sys_id: id, ...fields } = server;
    const reading = await readRecorded([exchange(`table/cmdb_ci_server/${id}?sysparm_fields=name`, fields)]);
    expect([...reading.records.keys()]).toEqual([id]);
  });

  test('without a sys_id are kept apart and served without one, which the connector refuses', async () => {
    const nameless = [
      { name: 'A', email: 'a@example.com' },
      { name: 'B', email: 'b@example.com' },
    ];
    const recording = [exchange('table/sys_user?sysparm_fields=name,email', nameless)];
    await using served = await serve(recording);
    expect(await served.get('table/sys_user')).toEqual([200, { result: nameless }]);
    const { ends } = await readRecorded(recording, 'users');
    const failure = { code: 'contract', message: expect.stringContaining('no sys_id') };
    expect(ends).toMatchObject([{ type: 'unverified', failure }]);
  });

  test('without a class are kept under the deepest table that showed them', async () => {
    const { sys_class_name: _, ...fields } = server;
    await using served = await serve([
      exchange('table/cmdb_ci_server', [fields]),
      exchange('table/cmdb_ci', [fields]),
    ]);
    expect(await served.get('table/cmdb_ci_server')).toEqual([200, { result: [fields] }]);
    expect(await served.get('table/cmdb_ci_netgear')).toEqual([200, { result: [] }]);
  });

  test('in a body that is text are read', async () => {
    const body = JSON.stringify({ result: [server] });
    const reading = await readRecorded([exchange('table/cmdb_ci_server', undefined, { body })]);
    expect(reading.records.size).toBe(1);
  });

  test('in refused, empty and other exchanges are none', async () => {
    const refused = {
      status: 401,
      body: { error: { message: 'User Not Authenticated' }, status: 'failure' },
    };
    const reading = await readRecorded(
      [
        exchange('table/sys_user', undefined, refused),
        exchange('table/sys_user', undefined, { status: undefined, body: refused.body }),
        exchange('table/sys_user', undefined, { status: 503, body: '<html>maintenance</html>' }),
        exchange('table/sys_user/x', undefined, { status: 204, body: null }),
        exchange('stats/sys_user?sysparm_count=true', { stats: { count: '9' } }),
        { request: { method: 'POST', url: 'https://example.com/oauth_token.do' }, response: { status: 200 } },
        {
          ...exchange('table/sys_user', [{ sys_id: 'x' }]),
          request: { method: 'POST', url: '/api/now/table/sys_user' },
        },
        exchange('table/sys_user', users),
      ],
      'users',
    );
    expect(reading.records.size).toBe(3);
  });
});

describe('cells of a recording', () => {
  test.each([
    ['a number', 5],
    ['a boolean', true],
    ['a list', ['a']],
    ['an object of another form', { x: 'y' }],
    ['a value of another type', { value: 5, display_value: '5' }],
    ['a label alone', { display_value: 'X' }],
  ])('%s: the row is served as it is, so that the connector sets it aside', async (_, odd) => {
    const reading = await readRecorded([
      exchange('table/cmdb_ci_server', [{ ...server, u_odd: odd }, recordedItem(3, 'cmdb_ci_server')]),
    ]);
    expect(reading.invalid).toMatchObject([
      { externalId: server.sys_id, reason: expect.stringContaining('u_odd') },
    ]);
    expect(reading.records.size).toBe(1);
  });

  test('references keep their id, also where only the link has it; currencies keep theirs; null is empty', async () => {
    const { link: address } = link('core_company', idOf('cc', 2));
    const reading = await readRecorded([
      exchange('table/cmdb_ci_server', [
        {
          ...server,
          manufacturer: { ...link('core_company', idOf('cc', 1)), display_value: 'ACME' },
          company: { display_value: 'ACME Corp', link: address },
          owned_by: link('sys_user', 'glide.maint'),
          cost: { display_value: '$699.99', value: '699.99', currency_display_value: 'USD;699.99' },
          location: { display_value: null, value: '' },
          os: null,
        },
      ]),
    ]);
    expect(reading.records.get(server.sys_id)).toMatchObject({
      columns: { manufacturer: 'ACME', company: 'ACME Corp', ownedBy: 'glide.maint' },
      attributes: {
        manufacturer: idOf('cc', 1),
        company: idOf('cc', 2),
        cost: '699.99',
        labels: { cost: 'USD;699.99' },
      },
    });
    expect(reading.records.get(server.sys_id)?.attributes).not.toHaveProperty('location');
  });

  test('a member whose user cannot be read taints its scope, and deletes no membership', async () => {
    const bad = { ...member(2, 1, 2), user: { display_value: 'User 2' } };
    const { invalid } = await readRecorded(
      [exchange('table/sys_user_grmember', [member(1, 1, 1), bad])],
      'memberships',
    );
    expect(invalid).toMatchObject([{ externalId: undefined }]);
  });
});

describe('a single record', () => {
  test('is answered by its address, or 404 where there is none or it is hidden', async () => {
    await using served = await serve([exchange('table/cmdb_ci_server', [server, linux])]);
    const { instance } = served;
    const address = (table: string) => `table/${table}/${linux.sys_id}`;
    expect(await served.get(address('cmdb_ci_linux_server'))).toEqual([200, { result: linux }]);
    const shaped = `${address('cmdb_ci')}?sysparm_fields=name&sysparm_display_value=all`;
    const result = { name: { value: 'item-2', display_value: 'item-2' } };
    expect(await served.get(shaped)).toEqual([200, { result }]);
    expect((await served.get(address('cmdb_ci_win_server')))[0]).toBe(404);
    expect((await served.get(`table/cmdb_ci/${idOf('c1', 9)}`))[0]).toBe(404);
    instance.hidden = (_, row) => row('name') === 'item-2';
    expect((await served.get(address('cmdb_ci_linux_server')))[0]).toBe(404);
  });
});

describe('a recording that cannot be read', () => {
  test.each([
    ['no JSON', '{"exchanges":[', /recording\.json: is no JSON/u],
    ['of another form', '{"log":{"entries":[]}}', /recording\.json: holds no list "exchanges"; the form is/u],
    ['a list', '[]', /holds no list "exchanges"/u],
  ])('%s: names the file', async (_, text, message) => {
    await expect(serve(text)).rejects.toThrow(message);
  });

  test.each([
    ['no URL', { request: {}, response: {} }, /exchange 2: request\.url is no text/u],
    [
      'no response',
      { request: exchange('table/sys_user', []).request },
      /exchange 2 \(https.*sys_user\): there is no response/u,
    ],
    ['no body', exchange('table/sys_user', [], { body: null }), /exchange 2 \(.*\): the answer has no body/u],
    [
      'a page for people',
      exchange('table/sys_user', [], { body: '<html>' }),
      /the body is no JSON: "<html>"/u,
    ],
    [
      'a list for a body',
      exchange('table/sys_user', [], { body: [] }),
      /the body is no object with a result/u,
    ],
    ['no result', exchange('table/sys_user', [], { body: {} }), /the body holds no result/u],
    [
      'an error',
      exchange('table/sys_user', [], { body: { error: { message: 'cancelled' }, result: [] } }),
      /the answer is an error: "cancelled"/u,
    ],
    ['a row that is none', exchange('table/sys_user', [{}, 'x']), /row 2 of the result is no object: "x"/u],
    ['a null result', exchange('table/sys_user', null), /row 1 of the result is no object: null/u],
  ])('%s: names file, exchange, address and what is wrong', async (_, wrong, message) => {
    const attempt = serve([exchange('table/sys_user', users), wrong]);
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toThrow(/^\/.*recording\.json: exchange 2/u);
  });
});

test('what is served of a recording is always the same', async () => {
  const recording = [exchange('table/cmdb_ci_server', [server, linux]), exchange('table/sys_user', users)];
  const answers = async () => {
    await using served = await serve(recording);
    const tables = ['sys_db_object', 'cmdb_ci', 'sys_user'];
    return await Promise.all(tables.map((table) => served.get(`table/${table}`)));
  };
  expect(await answers()).toEqual(await answers());
});

test('a recording is read by a run like a generated instance, and nothing twice', async () => {
  await using served = await serve([exchange('table/cmdb_ci_server', [server, linux])]);
  await using opened = await open(served.instance.url);
  const first = await readStream(opened.stream('cis'));
  const [end] = first.ends;
  if (end?.type !== 'end' || end.cursor === undefined) throw new Error('no cursor');
  const next = await readStream(opened.stream('cis'), { cursors: { cmdb_ci_server: end.cursor } });
  expect(next.records.size).toBe(0);
  expect(next.ends).toMatchObject([{ type: 'end', coverage: 'Window' }]);
});
