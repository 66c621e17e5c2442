// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type { Instance, Stored } from './instance.ts';
import { refuse } from './instance.ts';
import { id, item, plant } from './plant.ts';
import { open, readStream, type Reading } from './reading.ts';

const linux = 'cmdb_ci_linux_server';
const inWindow = '2026-03-01 11:57:00';
const cursor = { until: '2026-03-01 11:55:00' };
const cursors = {
  cmdb_ci_server: cursor,
  cmdb_ci_computer: cursor,
  cmdb_rel_ci: cursor,
  sys_user: cursor,
  sys_user_group: cursor,
  sys_user_grmember: cursor,
};
const all = { config: { relationships: true, users: true, groups: true } };

let lines = 0;
function deleted(documentkey: string, tablename = linux, at = inWindow, fields: Stored = {}): Stored {
  lines += 1;
  return {
    sys_id: id(0xf000 + lines),
    tablename,
    documentkey,
    sys_created_on: at,
    payload: '<xml/>',
    ...fields,
  };
}

function removedIn({ events }: Reading): string[] {
  return events.flatMap((event) => (event.type === 'page' ? (event.removed ?? []) : []));
}

async function readAfter(
  prepare: (instance: Instance) => void,
  { stream = 'cis', config = {}, pageSize }: { stream?: string; config?: object; pageSize?: number } = {},
) {
  await using planted = await plant();
  const { instance } = planted;
  prepare(instance);
  await using opened = await open(planted.url, {
    config: { ...all.config, ...config },
    ...(pageSize === undefined ? {} : { pageSize }),
    maxRetries: 0,
  });
  const reading = await readStream(opened.stream(stream), { cursors });
  const asked = instance.asked.filter(({ table }) => table === 'sys_audit_delete');
  return { reading, removed: removedIn(reading), asked };
}

describe('deletions that the instance states', () => {
  test('count in the window only, and of the classes that are read, each under its own name', async () => {
    const { removed, asked, reading } = await readAfter((instance) => {
      instance.put(
        'sys_audit_delete',
        deleted(id(1)),
        deleted(id(2), 'cmdb_ci_win_server', '2026-03-01 11:50:00'),
        deleted(id(3), 'cmdb_ci_server', '2026-03-01 11:59:30'),
        deleted(id(4), linux, '2026-03-01 11:49:59'),
        deleted(id(5), linux, '2026-03-01 11:59:31'),
        deleted(id(6), 'cmdb_ci_computer'),
        deleted(id(7), 'incident'),
      );
    });
    expect(removed).toEqual([id(1), id(2), id(3)]);
    expect(asked.map(({ query, fields }) => ({ query, fields }))).toContainEqual({
      query:
        'tablenameINcmdb_ci_linux_server,cmdb_ci_server,cmdb_ci_win_server^sys_created_on>=2026-03-01 11:50:00^sys_created_on<=2026-03-01 11:59:30^ORDERBYsys_id',
      fields: ['sys_id', 'tablename', 'documentkey', 'sys_created_on'],
    });
    expect(reading.ends).toMatchObject([{ coverage: 'Window', evidence: { deletions: 'audited' } }]);
  });

  test('come in pages, each once however often it stands there', async () => {
    const { removed } = await readAfter(
      (instance) => {
        for (let number = 1; number <= 25; number += 1) instance.put('sys_audit_delete', deleted(id(number)));
        instance.put('sys_audit_delete', deleted(id(25)));
      },
      { pageSize: 10 },
    );
    expect(new Set(removed)).toEqual(new Set(Array.from({ length: 25 }, (_, index) => id(index + 1))));
  });

  test.each<[string, (instance: Instance) => void]>([
    [
      'was made again and is read in this window',
      (instance) => instance.putItems(item(1, linux, { sys_updated_on: inWindow })),
    ],
    ['was restored with its old times', (instance) => instance.putItems(item(1, linux))],
    ['moved to another class that is read', (instance) => instance.putItems(item(1, 'cmdb_ci_printer'))],
  ])('are no statement about a record that %s', async (_, live) => {
    const { removed } = await readAfter(
      (instance) => {
        instance.addClass('cmdb_ci_printer', 'cmdb_ci', {});
        instance.put('sys_audit_delete', deleted(id(1)), deleted(id(2)));
        live(instance);
      },
      { config: { classes: ['cmdb_ci_printer', 'cmdb_ci_server'] } },
    );
    expect(removed).toEqual([id(2)]);
  });

  test.each<[string, (instance: Instance) => void]>([
    ['hidden', (instance) => (instance.hidden = (row) => row['sys_id'] === id(9))],
    ['not counted', (instance) => (instance.counting = false)],
  ])('are not believed where rows are %s', async (_, prepare) => {
    const { removed } = await readAfter((instance) => {
      instance.putItems(item(9, linux));
      instance.put('sys_audit_delete', deleted(id(8)), deleted(id(9)));
      prepare(instance);
    });
    expect(removed).toEqual([]);
  });

  test.each([
    ['relationships', 'cmdb_rel_ci'],
    ['users', 'sys_user'],
    ['groups', 'sys_user_group'],
  ])('are asked for %s too', async (stream, table) => {
    const { removed } = await readAfter(
      (instance) => instance.put('sys_audit_delete', deleted(id(1), table), deleted(id(2), linux)),
      { stream },
    );
    expect(removed).toEqual([id(1)]);
  });

  test('say nothing of memberships, which are named by their two ends', async () => {
    const { removed, asked } = await readAfter(
      (instance) => instance.put('sys_audit_delete', deleted(id(1), 'sys_user_grmember')),
      { stream: 'memberships' },
    );
    expect({ removed, asked }).toEqual({ removed: [], asked: [] });
  });

  test('are not asked for by a full reading, which sees what is absent', async () => {
    await using planted = await plant();
    await using opened = await open(planted.url, all);
    for (const { name } of opened.connection.streams) await readStream(opened.stream(name));
    expect(planted.instance.asked.some(({ table }) => table === 'sys_audit_delete')).toBe(false);
  });

  test('with an id that is empty or could change a query are left out', async () => {
    const { removed } = await readAfter((instance) =>
      instance.put('sys_audit_delete', deleted('a^sys_idISNOTEMPTY'), deleted(''), deleted(id(2))),
    );
    expect(removed).toEqual([id(2)]);
  });

  test('of more classes than fit into an address are asked for in parts', async () => {
    const { removed, asked } = await readAfter((instance) => {
      for (let number = 100; number < 300; number += 1)
        instance.addClass(`cmdb_ci_long_name_of_a_class_${number}`, 'cmdb_ci_server', {});
      instance.put('sys_audit_delete', deleted(id(1), 'cmdb_ci_long_name_of_a_class_101'));
      instance.put('sys_audit_delete', deleted(id(2), 'cmdb_ci_long_name_of_a_class_299'));
    });
    expect(removed).toEqual([id(1), id(2)]);
    expect(Math.max(...asked.map(({ address }) => address.length))).toBeLessThan(4096);
  });
});

describe('an audit that cannot be read costs only its statements', () => {
  test.each<[string, string, (instance: Instance) => void]>([
    ['refused', 'permission', (instance) => (instance.before = audit(refuse(403, 'ACL')))],
    ['not there', 'configuration', (instance) => (instance.before = audit(refuse(400, 'Invalid table')))],
    ['too slow', 'unavailable', (instance) => (instance.before = audit(refuse(500, 'script')))],
    [
      'not filtered, since the account may not read the field of the condition',
      'contract',
      (instance) => (instance.ignores = (condition) => condition.startsWith('tablename')),
    ],
    [
      'without times that are obeyed',
      'contract',
      (instance) => (instance.ignores = (condition) => condition.startsWith('sys_created_on<=')),
    ],
    [
      'without its fields',
      'permission',
      (instance) => {
        const { documentkey: _, ...hidden } = deleted(id(5));
        instance.put('sys_audit_delete', hidden);
      },
    ],
  ])('%s', async (_, code, prepare) => {
    const { removed, reading } = await readAfter((instance) => {
      instance.putItems(item(3, linux, { sys_updated_on: inWindow }));
      instance.put(
        'sys_audit_delete',
        deleted(id(1), 'incident'),
        deleted(id(2), linux, '2026-03-01 11:59:59'),
      );
      prepare(instance);
    });
    expect(removed).toEqual([]);
    expect([...reading.records.keys()]).toEqual([id(3)]);
    expect(reading.ends).toMatchObject([
      { type: 'end', coverage: 'Window', evidence: { deletions: `not read (${code})` } },
    ]);
  });

  test.each([403, 400, 500])('and one that answers %i is asked once in a run', async (status) => {
    await using planted = await plant();
    planted.instance.before = audit(refuse(status, 'no'));
    await using opened = await open(planted.url, { ...all, maxRetries: 0 });
    for (const { name } of opened.connection.streams) await readStream(opened.stream(name), { cursors });
    expect(planted.instance.asked.filter(({ table }) => table === 'sys_audit_delete')).toHaveLength(1);
  });

  test('an instance that goes away in between ends the run', async () => {
    await expect(
      readAfter((instance) => (instance.before = audit(refuse(503, 'maintenance')))),
    ).rejects.toMatchObject({ code: 'unavailable' });
  });

  test.each<[string, ReturnType<typeof refuse> | undefined, RegExp]>([
    ['readable', undefined, /sys_audit_delete: readable, so incremental runs see deletions as well$/u],
    [
      'not readable',
      refuse(403, 'ACL'),
      /sys_audit_delete: not readable, so only full runs see deletions \(.*role admin/u,
    ],
  ])('extsys test says when it is %s, and does not fail', async (_, answer, said) => {
    await using planted = await plant();
    planted.instance.put('sys_audit_delete', deleted(id(1)));
    if (answer !== undefined) planted.instance.before = audit(answer);
    await using opened = await open(planted.url);
    expect(await opened.stream('cis').test()).toMatchObject({ message: expect.stringMatching(said) });
  });
});

function audit(answer: ReturnType<typeof refuse>): Instance['before'] {
  return ({ table }) => (table === 'sys_audit_delete' ? answer : undefined);
}
