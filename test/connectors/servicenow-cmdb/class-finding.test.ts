// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type { Instance } from './instance.ts';
import { id, item, plant } from './plant.ts';
import { open, readStream } from './reading.ts';

const linux = 'cmdb_ci_linux_server';
const win = 'cmdb_ci_win_server';

/** Classes with long names, of which every tenth is not in the tree. */
function addClasses(instance: Instance, count: number): readonly string[] {
  const names = Array.from({ length: count }, (_, index) => {
    const suffix = String(index * 7919 + 11).padStart(7, '0');
    return `cmdb_ci_component_of_an_application_${suffix}`;
  });
  for (const [index, name] of names.entries()) {
    if (index % 10 === 0) instance.parents.set(name, 'cmdb_ci_server');
    else instance.addClass(name, 'cmdb_ci_server', { [`u_of_${index}`]: 'string' });
  }
  return names;
}

describe('hundreds of classes', () => {
  test('are all found and read with their columns, by short addresses and few requests', async () => {
    await using planted = await plant();
    const { instance } = planted;
    const names = addClasses(instance, 300);
    for (const [index, name] of names.entries()) {
      instance.putItems(item(index + 1, name, { [`u_of_${index}`]: 'own column' }));
    }
    await using opened = await open(planted.url, { pageSize: 50 });
    const { records, ends } = await readStream(opened.stream('cis'));
    expect(records.size).toBe(300);
    expect(records.get(id(12))?.attributes).toMatchObject({ u_of_11: 'own column' });
    expect(ends).toMatchObject([{ type: 'end', coverage: 'Full', evidence: { classes: 300, rows: 300 } }]);
    const longest = Math.max(...instance.asked.map(({ address }) => address.length));
    expect(longest).toBeLessThan(4096);
    // Two for each class (its page, and the empty one), and the finding.
    const besides = instance.asked.length - 2 * 300;
    expect(besides).toBeLessThan(60);
    const ofDictionary = instance.asked.filter(({ table }) => table === 'sys_dictionary');
    expect(ofDictionary.length).toBeLessThan(20 * 2);
  });

  test('where one is hidden prove nothing', async () => {
    await using planted = await plant();
    const { instance } = planted;
    const names = addClasses(instance, 200);
    for (const [index, name] of names.entries()) instance.putItems(item(index + 1, name));
    instance.hidden = (row) => row['sys_class_name'] === names[117];
    // As many as are hidden are edited meanwhile, so that the counts alone do not tell.
    instance.after = ({ table }) => {
      if (table === names[3])
        instance.tables.set(table, [item(4, table, { sys_updated_on: '2026-03-01 12:00:30' })]);
    };
    await using opened = await open(planted.url);
    const { records, ends } = await readStream(opened.stream('cis'));
    expect(records.size).toBe(199);
    expect(ends).toMatchObject([{ type: 'unverified', failure: { code: 'permission' } }]);
  });

  test('by an order of names other than ours lose none', async () => {
    await using planted = await plant();
    const { instance } = planted;
    const letters = 'abcdefghij';
    for (let index = 0; index < 200; index += 1) {
      // Databases may order the underscore before or after letters.
      const name = `cmdb_ci_${letters[index % 10]}${index % 2 === 0 ? '_' : 'x'}_quite_a_long_name_${index}`;
      instance.addClass(name, 'cmdb_ci_server', {});
      instance.putItems(item(index + 1, name));
    }
    instance.collate = (text) => text.replaceAll('_', '~');
    await using opened = await open(planted.url, { pageSize: 30 });
    const { records, ends } = await readStream(opened.stream('cis'));
    expect(records.size).toBe(200);
    expect(ends).toMatchObject([{ type: 'end', coverage: 'Full', evidence: { classes: 200 } }]);
  });
});

describe('a server that ignores a condition', () => {
  test.each([
    ['sys_class_nameNOT IN', 2, 'sys_class_nameNOT IN'],
    ['sys_class_name>', 200, 'sys_class_name>'],
    ['sys_class_name<=', 200, 'sys_class_name>'],
    ['sys_class_name=', 2, 'sys_class_name='],
  ])('%s is a contract failure', async (ignored, count, said) => {
    await using planted = await plant();
    const { instance } = planted;
    const names = addClasses(instance, count);
    for (const [index, name] of names.entries()) instance.putItems(item(index + 1, name));
    instance.ignores = (condition) => condition.startsWith(ignored);
    await using opened = await open(planted.url);
    const { ends } = await readStream(opened.stream('cis'));
    expect(ends).toMatchObject([
      { type: 'unverified', failure: { code: 'contract', message: expect.stringContaining(said) } },
    ]);
  });
});

describe('classes with hidden rows', () => {
  test('a hidden class shows although a row was added meanwhile', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.putItems(item(1, linux), item(2, win));
    instance.hidden = (row) => row['sys_class_name'] === win;
    instance.after = ({ table, query }) => {
      if (table !== 'cmdb_ci_server' || !query.includes('NOT IN')) return;
      instance.after = () => undefined;
      instance.putItems(item(3, linux, { sys_created_on: '2026-03-01 12:00:30' }));
    };
    await using opened = await open(planted.url);
    const { records, ends } = await readStream(opened.stream('cis'));
    expect(records.size).toBe(2);
    expect(ends).toMatchObject([{ type: 'unverified', failure: { code: 'permission' } }]);
  });
});
