// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { buildClassTree } from '../../../connectors/servicenow-cmdb/class-tree.ts';
import { hasSecretName } from '../../../connectors/servicenow-cmdb/secret-fields.ts';
import { send, type Answer, type Asked } from './instance.ts';
import { id, item, plant } from './plant.ts';
import { open, readStream } from './reading.ts';

const linux = 'cmdb_ci_linux_server';
const lookUps = ['sys_db_object', 'sys_dictionary'];

function columnsOf(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`u_column_${index}`, 'string']));
}

describe('class tree', () => {
  test('of which rows are hidden is not taken for the whole, or columns would vanish', async () => {
    await using planted = await plant();
    planted.instance.putItems(item(1, linux, { kernel_release: '6.1' }));
    planted.instance.hidden = (row, table) => table === 'sys_db_object' && row['name'] === linux;
    await using opened = await open(planted.url);
    const failure = { code: 'permission', message: expect.stringMatching(/sys_db_object hides rows/u) };
    const { records, ends } = await readStream(opened.stream('cis'));
    expect(records.size).toBe(0);
    expect(ends).toMatchObject([{ type: 'unverified', failure }]);
    await expect(opened.stream('cis').test()).rejects.toMatchObject(failure);
  });

  test('without rows is a permission failure', async () => {
    await using planted = await plant();
    planted.instance.tables.set('sys_db_object', []);
    await using opened = await open(planted.url);
    const { ends } = await readStream(opened.stream('cis'));
    const message = expect.stringMatching(/sys_db_object gives no rows/u);
    expect(ends).toMatchObject([{ failure: { code: 'permission', message } }]);
  });

  test('may be in a loop', () => {
    const tree = buildClassTree([
      { sys_id: '1', name: 'a', super_class: '2' },
      { sys_id: '2', name: 'b', super_class: '1' },
      { sys_id: '3', name: 'c', super_class: '3' },
    ]);
    expect(tree.chain('a')).toEqual(['a', 'b']);
    expect(tree.chain('c')).toEqual(['c']);
  });

  test('takes the parent by reference, object or dot-walked name', () => {
    const tree = buildClassTree([
      { sys_id: '1', name: 'top', super_class: '' },
      { sys_id: '2', name: 'plain', super_class: '1' },
      { sys_id: '3', name: 'object', super_class: { value: '1', link: 'https://example.com' } },
      { sys_id: '4', name: 'walked', super_class: 'hidden', 'super_class.name': 'top' },
      { sys_id: '5', name: 'orphan', super_class: 'hidden' },
    ]);
    expect(['plain', 'object', 'walked', 'orphan'].map((name) => tree.parentOf(name))).toEqual([
      'top',
      'top',
      'top',
      undefined,
    ]);
  });
});

describe('dictionary', () => {
  test.each(['sys_id', 'sys_class_name', 'name'])(
    'that does not know %s knows only a part of the columns',
    async (field) => {
      await using planted = await plant();
      const { instance } = planted;
      instance.putItems(item(1));
      const rows = instance.tables.get('sys_dictionary') ?? [];
      instance.tables.set(
        'sys_dictionary',
        rows.filter((row) => row['element'] !== field),
      );
      await using opened = await open(planted.url);
      const failure = { code: 'permission', message: expect.stringMatching(`sys_dictionary.*no ${field}`) };
      expect((await readStream(opened.stream('cis'))).ends).toMatchObject([{ type: 'unverified', failure }]);
      await expect(opened.stream('cis').test()).rejects.toMatchObject(failure);
    },
  );

  test('that hides rows, or the types by which secrets are known, is not used', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.putItems(item(1));
    instance.hidden = (row, table) => table === 'sys_dictionary' && row['element'] === 'os';
    await using opened = await open(planted.url);
    const hidesRows = { code: 'permission', message: expect.stringContaining('hides rows') };
    expect((await readStream(opened.stream('cis'))).ends).toMatchObject([{ failure: hidesRows }]);
    instance.hidden = () => false;
    const rows = instance.tables.get('sys_dictionary') ?? [];
    instance.tables.set(
      'sys_dictionary',
      rows.map(({ sys_id, name, element }) => ({ sys_id, name, element })),
    );
    await using again = await open(planted.url);
    const hidesType = { code: 'permission', message: expect.stringContaining('internal_type') };
    expect((await readStream(again.stream('cis'))).ends).toMatchObject([{ failure: hidesType }]);
  });

  test.each(['password', 'password2', 'glide_encrypted'])('%s is a type of secrets', async (type) => {
    await using planted = await plant();
    planted.instance.addClass('cmdb_ci_safe', 'cmdb_ci_server', { u_harmless: type });
    planted.instance.putItems(item(1, 'cmdb_ci_safe', { u_harmless: 'hunter2' }));
    planted.instance.obeysFields = false;
    await using opened = await open(planted.url);
    const { events, records } = await readStream(opened.stream('cis'));
    expect(records.size).toBe(1);
    expect(JSON.stringify(events)).not.toContain('hunter2');
  });

  test('a column that is secret in a table above is secret below, whatever its type there', async () => {
    await using planted = await plant();
    planted.instance.addClass('cmdb_ci_safe', 'cmdb_ci_server', { admin_password: 'string' });
    planted.instance.putItems(item(1, 'cmdb_ci_safe', { admin_password: 'hunter2' }));
    await using opened = await open(planted.url);
    expect(JSON.stringify(await readStream(opened.stream('cis')))).not.toContain('hunter2');
  });

  test('a list of columns too long for an address asks for all, and drops the secret ones', async () => {
    await using planted = await plant();
    planted.instance.addClass('cmdb_ci_wide', 'cmdb_ci_server', columnsOf(700));
    const fields = { u_column_699: 'kept', admin_password: 'hunter2' };
    planted.instance.putItems(item(1, 'cmdb_ci_wide', fields));
    await using opened = await open(planted.url);
    const { events, records, ends } = await readStream(opened.stream('cis'));
    expect(records.get(id(1))?.attributes).toMatchObject({ u_column_699: 'kept' });
    expect(JSON.stringify(events)).not.toContain('hunter2');
    expect(ends).toMatchObject([{ type: 'end', evidence: { columns: 'dictionary' } }]);
    const asked = planted.instance.asked.filter(({ table }) => table === 'cmdb_ci_wide');
    expect(asked.every(({ fields: list }) => list === undefined)).toBe(true);
  });
});

describe('secret columns', () => {
  test('are dropped also when the server sends what was not asked for', async () => {
    await using planted = await plant();
    planted.instance.obeysFields = false;
    planted.instance.putItems(item(1, linux, { admin_password: 'hunter2', u_api_token: 'hunter3', os: 'L' }));
    await using opened = await open(planted.url);
    const { events, records } = await readStream(opened.stream('cis'));
    expect(records.get(id(1))?.columns).toMatchObject({ operatingSystem: 'L' });
    expect(JSON.stringify(events)).not.toMatch(/hunter/u);
  });

  test.each([
    ['u_password', true],
    ['admin_passwd', true],
    ['u_adminpassword', true],
    ['u_pwd', true],
    ['client_secret', true],
    ['u_secret_key', true],
    ['u_credentials', true],
    ['api_key', true],
    ['u_apikey', true],
    ['ssh_private_key', true],
    ['access_token', true],
    ['u_authtoken', true],
    ['u_secretary', false],
    ['u_token_ring', false],
    ['u_license_key', false],
    ['u_keyboard', false],
    ['u_passage', false],
    ['monkey', false],
  ])('by name: %s is one: %s', (field, expected) => {
    expect(hasSecretName(field)).toBe(expected);
  });

  test('fields with harmless names are kept where there is no dictionary', async () => {
    await using planted = await plant();
    planted.instance.tables.set('sys_dictionary', []);
    planted.instance.putItems(
      item(1, linux, { u_secretary: 'Ann', u_token_ring: 'yes', u_secret: 'hunter2' }),
    );
    await using opened = await open(planted.url);
    const { records } = await readStream(opened.stream('cis'));
    expect(records.get(id(1))?.attributes).toMatchObject({ u_secretary: 'Ann', u_token_ring: 'yes' });
    expect(JSON.stringify([...records])).not.toContain('hunter2');
  });
});

describe('answers to look-ups that are cut', () => {
  const cut: Answer = send('{"result":[{"sys_id":');

  test.each([...lookUps, 'sys_user_grmember'])('%s is asked for in smaller sizes', async (table) => {
    await using planted = await plant();
    const { instance } = planted;
    instance.putItems(item(1, linux, { kernel_release: '6.1' }));
    const member = { sys_id: id(1), group: 'g1', user: 'u1', sys_updated_on: '2026-03-01 11:58:00' };
    instance.put('sys_user_grmember', member);
    instance.before = (asked) => (asked.table === table && asked.limit > 700 ? cut : undefined);
    await using opened = await open(planted.url, { config: { groups: true } });
    const { records } = await readStream(opened.stream('cis'));
    expect(records.get(id(1))?.attributes).toMatchObject({ kernel_release: '6.1' });
    const cursors = { sys_user_grmember: { until: '2026-03-01 11:57:00' } };
    const members = await readStream(opened.stream('memberships'), { cursors });
    expect([...members.records.keys()]).toEqual(['g1/u1']);
  });

  test('at the smallest size they are tried again', async () => {
    await using planted = await plant();
    planted.instance.putItems(item(1, linux));
    let failed = 0;
    planted.instance.before = ({ table, limit }) => {
      if (table !== 'sys_dictionary' || (limit <= 50 && failed > 9)) return undefined;
      failed += 1;
      return cut;
    };
    await using opened = await open(planted.url, { maxRetries: 5 });
    expect((await readStream(opened.stream('cis'))).ends).toMatchObject([{ type: 'end', coverage: 'Full' }]);
    const sizes = planted.instance.asked
      .filter(({ table }) => table === 'sys_dictionary')
      .map(({ limit }) => limit);
    expect(sizes.slice(0, 11)).toEqual([5000, 2500, 1250, 625, 312, 156, 78, 50, 50, 50, 50]);
  });
});

describe('what look-ups ask for', () => {
  async function asked(pageSize?: number): Promise<readonly Asked[]> {
    await using planted = await plant();
    planted.instance.putItems(item(1, linux));
    await using opened = await open(planted.url, pageSize === undefined ? {} : { pageSize });
    await readStream(opened.stream('cis'));
    return planted.instance.asked;
  }

  test('labels cost server time: only rows to keep are asked for with them, and never with links', async () => {
    for (const { table, params } of await asked()) {
      const labels = params.get('sysparm_display_value');
      expect(labels, table).toBe(table === linux ? 'all' : 'false');
      expect(params.get('sysparm_exclude_reference_link')).toBe('true');
      expect(params.has('sysparm_no_count')).toBe(false);
    }
  });

  test('spec.limits.pageSize is a cap for them too; larger pages are not their business', async () => {
    const sizes = (all: readonly Asked[]) =>
      new Set(all.filter(({ table }) => lookUps.includes(table)).map(({ limit }) => limit));
    expect(sizes(await asked(3))).toEqual(new Set([3]));
    expect(sizes(await asked(8000))).toEqual(new Set([5000]));
    expect((await asked(3)).every(({ limit }) => limit <= 3)).toBe(true);
  });
});
