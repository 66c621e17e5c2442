// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { send, type Instance } from './instance.ts';
import { id, item, plant } from './plant.ts';
import { open, readStream } from './reading.ts';

const cut =
  '{"result":[{"sys_id":{"value":"a"},"error":{"message":"Transaction cancelled"},"status":"failure"}';
const config = { config: { users: true } };

/** Answers of more rows than that are cut, as by the limit of 60 s for a transaction. */
function tooMuchAbove(instance: Instance, rows: number, tables: RegExp): void {
  instance.before = ({ table, limit }) => (tables.test(table) && limit > rows ? send(cut) : undefined);
}

function limitsOf(instance: Instance, tables: RegExp): number[] {
  return instance.asked.filter(({ table }) => tables.test(table)).map(({ limit }) => limit);
}

describe('a page that was too much once', () => {
  test('is too much for the rest of the run: the next class and the next stream begin with the smaller size', async () => {
    await using planted = await plant();
    const { instance } = planted;
    for (let number = 1; number <= 300; number += 1)
      instance.putItems(item(number, number % 2 === 0 ? 'cmdb_ci_linux_server' : 'cmdb_ci_win_server'));
    instance.put('sys_user', { sys_id: id(1) });
    const tables = /^cmdb_ci_.*server$|^sys_user$/u;
    tooMuchAbove(instance, 130, tables);
    await using opened = await open(planted.url, config);
    const items = await readStream(opened.stream('cis'));
    const people = await readStream(opened.stream('users'));
    expect(items.records.size).toBe(300);
    expect(people.records.size).toBe(1);
    // The first call proves the login and asks for one row.
    const limits = limitsOf(instance, tables).slice(1);
    expect(limits.slice(0, 4)).toEqual([1000, 500, 250, 125]);
    expect(new Set(limits.slice(4))).toEqual(new Set([125]));
    expect([...items.ends, ...people.ends]).toMatchObject([
      { type: 'end', coverage: 'Full', evidence: { pageSize: 125 } },
      { type: 'end', coverage: 'Full', evidence: { pageSize: 125 } },
    ]);
  });

  test('goes on from the place that was reached, and does not grow when pages pass again', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.put('sys_user', ...Array.from({ length: 900 }, (_, index) => ({ sys_id: id(index + 1) })));
    let cuts = 0;
    instance.before = ({ table, limit, query }) => {
      const now = table === 'sys_user' && limit === 400 && query.includes('sys_id>') && cuts === 0;
      if (now) cuts += 1;
      return now ? send(cut) : undefined;
    };
    await using opened = await open(planted.url, { ...config, pageSize: 400 });
    const { records, ends } = await readStream(opened.stream('users'));
    expect(records.size).toBe(900);
    expect(limitsOf(instance, /^sys_user$/u)).toEqual([400, 400, 200, 200, 200, 200]);
    expect(ends).toMatchObject([{ evidence: { pageSize: 200, rows: 900 } }]);
  });

  test('of a look-up makes look-ups smaller, not the pages of records', async () => {
    await using planted = await plant();
    const { instance } = planted;
    instance.putItems(item(1));
    tooMuchAbove(instance, 1250, /^sys_d/u);
    await using opened = await open(planted.url, config);
    const { ends } = await readStream(opened.stream('cis'));
    expect(limitsOf(instance, /^sys_d/u)).toEqual([5000, 2500, 1250, 1250]);
    expect(limitsOf(instance, /^cmdb_ci_server$/u).slice(1)[0]).toBe(1000);
    expect(ends).toMatchObject([{ evidence: expect.not.objectContaining({ pageSize: expect.anything() }) }]);
  });
});

describe('a query that no index serves', () => {
  test.each([
    ['name=x', 1000],
    ['nameSTARTSWITHendswith.x', 1000],
    ['name=x^location.nameENDSWITHx', 200],
    ['name=x^ORnameENDSWITHx', 200],
    ['manager.name=x', 200],
  ])('%s: pages of %i items, and others as ever', async (query, limit) => {
    await using planted = await plant();
    planted.instance.putItems(item(1));
    for (const [name, element, reference] of [
      ['cmdb_ci', 'location', 'cmn_location'],
      ['cmdb_ci', 'manager', 'cmn_location'],
      ['cmn_location', 'name', ''],
    ] as const)
      planted.instance.put('sys_dictionary', {
        sys_id: id(0xd00 + element.length),
        name,
        element,
        reference,
        internal_type: 'x',
      });
    await using opened = await open(planted.url, { config: { query, users: true } });
    planted.instance.ignores = (condition) => query.includes(condition) || condition.includes('.');
    await readStream(opened.stream('cis'));
    await readStream(opened.stream('users'));
    expect(limitsOf(planted.instance, /^sys_user$/u), 'the second look is at one row').toEqual([1000, 1]);
    const first = planted.instance.asked.find(({ query: asked }) => asked.startsWith(query));
    expect(first?.limit).toBe(limit);
  });

  test('does not overrule the size of the spec', async () => {
    await using planted = await plant();
    planted.instance.putItems(item(1));
    await using opened = await open(planted.url, {
      config: { query: 'nameSTARTSWITHi^ORnameENDSWITH1' },
      pageSize: 700,
    });
    planted.instance.ignores = (condition) => !condition.startsWith('nameIN');
    await readStream(opened.stream('cis'));
    const first = planted.instance.asked.find(({ query: asked }) => asked.startsWith('nameSTARTSWITH'));
    expect(first?.limit).toBe(700);
  });
});
