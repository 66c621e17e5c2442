// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { id, item, plant } from './plant.ts';
import { open, readStream } from './reading.ts';

const linux = 'cmdb_ci_linux_server';

describe('the query of the configuration', () => {
  test('narrows the items of every class', async () => {
    await using planted = await plant();
    planted.instance.putItems(item(1, linux, { duplicate_of: id(2) }), item(2, linux));
    await using opened = await open(planted.url, { config: { query: 'duplicate_ofISEMPTY' } });
    const { records, ends } = await readStream(opened.stream('cis'));
    expect([...records.keys()]).toEqual([id(2)]);
    expect(ends).toMatchObject([{ type: 'end', coverage: 'Full' }]);
  });

  test('gives its scopes names of their own, so that a changed query proves no record gone', async () => {
    await using planted = await plant();
    planted.instance.putItems(item(1, linux));
    const scopes = new Set<string>();
    for (const query of [undefined, 'duplicate_ofISEMPTY', 'name=x']) {
      await using opened = await open(planted.url, { config: query === undefined ? {} : { query } });
      const { ends } = await readStream(opened.stream('cis'));
      for (const { scope } of ends) scopes.add(scope);
    }
    expect([...scopes][0]).toBe('cmdb_ci_server');
    expect(scopes.size).toBe(3);
  });

  test('by default nothing is left out: retired, duplicate and unverified items are read', async () => {
    await using planted = await plant();
    planted.instance.putItems(
      item(1, linux, { install_status: '7' }),
      item(2, linux, { duplicate_of: id(1) }),
      item(3, linux, { install_status: '100' }),
    );
    await using opened = await open(planted.url);
    const { records } = await readStream(opened.stream('cis'));
    expect(records.size).toBe(3);
    expect(records.get(id(2))?.columns).toMatchObject({ duplicateOf: id(1) });
  });

  test.each([
    ['duplicate_off=x', 'configuration', 'no field duplicate_off'],
    ['name=x^NQname=y', 'configuration', 'NQname'],
    ['name=x^ORDERBYname', 'configuration', 'ORDERBYname'],
    ['name=x^ORnmae=y', 'configuration', 'no field nmae'],
    ['^', 'configuration', 'names no field'],
  ])('%s is refused, since ServiceNow would match everything or break paging', async (query, code, said) => {
    await using planted = await plant();
    await using opened = await open(planted.url, { config: { query } });
    const { ends } = await readStream(opened.stream('cis'));
    expect(ends).toMatchObject([{ failure: { code, message: expect.stringContaining(said) } }]);
  });

  test('cannot be used where the dictionary cannot check it', async () => {
    await using planted = await plant();
    planted.instance.tables.set('sys_dictionary', []);
    await using opened = await open(planted.url, { config: { query: 'name=x' } });
    const { ends } = await readStream(opened.stream('cis'));
    expect(ends).toMatchObject([{ failure: { code: 'permission' } }]);
  });

  test('is checked also where the list of columns is too long for an address', async () => {
    await using planted = await plant();
    const many = Object.fromEntries(
      Array.from({ length: 400 }, (_, index) => [`u_a_column_of_some_length_${index}`, 'string']),
    );
    planted.instance.addClass('cmdb_ci_wide', 'cmdb_ci', many);
    const config = { classes: ['cmdb_ci_wide'], query: 'duplicate_off=x' };
    await using opened = await open(planted.url, { config });
    const { ends } = await readStream(opened.stream('cis'));
    expect(ends).toMatchObject([{ failure: { message: expect.stringContaining('no field duplicate_off') } }]);
  });

  test('is checked by the test of the connection too', async () => {
    await using planted = await plant();
    await using opened = await open(planted.url, { config: { query: 'nmae=x' } });
    await expect(opened.stream('cis').test()).rejects.toMatchObject({ code: 'configuration' });
  });

  test.each([
    ['install_status~7', 'no known operator'],
    ['install_status!7', 'no known operator'],
    ['nameDYNAMIC123', 'no known operator'],
    ['nameSAMEASos', 'no known operator'],
    ['name', 'no known operator'],
    ['nameISEMPTYx', 'no known operator'],
    ['name=x^install_status~7', 'no known operator'],
    ['nameLIKE', 'nothing to compare'],
    ['sys_idIN', 'nothing to compare'],
    ['name=x^', 'names no field'],
    ['123TEXTQUERY321=foo', 'names no field'],
    ['RLQUERYtask^ENDRLQUERY', 'names no field'],
  ])('%s is refused, since ServiceNow ignores what it does not understand', async (query, said) => {
    await using planted = await plant();
    await using opened = await open(planted.url, { config: { query } });
    const { ends } = await readStream(opened.stream('cis'));
    expect(ends).toMatchObject([
      { failure: { code: 'configuration', message: expect.stringContaining(said) } },
    ]);
  });

  test.each(['name=', 'name!=', 'nameISNOTEMPTY', 'nameNOT INa,b', 'install_status=7^ORinstall_status=100'])(
    '%s is taken',
    async (query) => {
      await using planted = await plant();
      await using opened = await open(planted.url, { config: { query } });
      const { ends } = await readStream(opened.stream('cis'));
      expect(ends).toMatchObject([{ type: 'end' }]);
    },
  );
});

describe('a condition beyond a reference', () => {
  async function planted() {
    const made = await plant();
    made.instance.put(
      'sys_dictionary',
      {
        sys_id: 'd1',
        name: 'cmdb_ci',
        element: 'location',
        internal_type: 'reference',
        reference: 'cmn_location',
      },
      {
        sys_id: 'd2',
        name: 'cmdb_ci',
        element: 'company',
        internal_type: 'reference',
        reference: 'core_company',
      },
    );
    made.instance.addClass('cmn_location', undefined, { name: 'string', pin: 'password2' });
    made.instance.put('sys_dictionary', {
      sys_id: 'd3',
      name: 'cmn_location',
      element: 'parent',
      internal_type: 'reference',
      reference: 'cmn_location',
    });
    return made;
  }

  test.each(['location.name=Oslo', 'location.parent.name=Norway', 'locationISNOTEMPTY^ORlocation.name=x'])(
    '%s is taken when every hop is known',
    async (query) => {
      await using made = await planted();
      await using opened = await open(made.url, { config: { query } });
      const { ends } = await readStream(opened.stream('cis'));
      expect(ends).toMatchObject([{ type: 'end' }]);
    },
  );

  test.each([
    ['location.nmae=Oslo', 'configuration', 'cmn_location has no field nmae'],
    ['loction.name=Oslo', 'configuration', 'cmdb_ci_server has no field loction'],
    ['location.parent.nmae=x', 'configuration', 'cmn_location has no field nmae'],
    ['name.first=x', 'configuration', 'name of cmdb_ci_server is no reference'],
    ['location.pin=1', 'configuration', 'no field pin'],
    ['company.name=x', 'permission', 'no rows for core_company'],
  ])('%s is refused', async (query, code, said) => {
    await using made = await planted();
    await using opened = await open(made.url, { config: { query } });
    const { ends } = await readStream(opened.stream('cis'));
    expect(ends).toMatchObject([{ failure: { code, message: expect.stringContaining(said) } }]);
  });
});
