// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { refuse } from './instance.ts';
import { id, item, plant } from './plant.ts';
import { open } from './reading.ts';

const linux = 'cmdb_ci_linux_server';
const stated = (number: number, tablename = linux) => ({
  sys_id: id(900 + number),
  tablename,
  documentkey: id(number),
  sys_created_on: '2026-03-01 11:00:00',
});

/** Servers 1 to 3 stand there; 4 was deleted by the word of the audit, 5 and 6 without one. */
async function probed(
  ids: readonly string[],
  change: (planted: Awaited<ReturnType<typeof plant>>) => void = () => undefined,
  config: object = {},
) {
  await using planted = await plant();
  planted.instance.putItems(item(1, linux), item(2, linux), item(3, 'cmdb_ci_win_server'));
  planted.instance.put('sys_audit_delete', stated(4));
  change(planted);
  await using opened = await open(planted.url, { config: { users: true, ...config } });
  const answers = await opened.stream('cis').probe?.ask(ids);
  const asked = planted.instance.asked.filter(({ query }) => query.includes('IN')).length;
  return { answers: Object.fromEntries(answers ?? []), asked };
}

describe('a configuration item that looks gone', () => {
  test('stands there, is stated as deleted, or is neither', async () => {
    const { answers } = await probed([1, 3, 4, 5].map(id));
    expect(answers).toEqual({ [id(1)]: 'present', [id(3)]: 'present', [id(4)]: 'gone' });
  });

  test.each([[[2]], [[1, 2]], [[2, 5]], [[5, 6, 2, 1]], [[1, 2, 3, 4, 5, 6]]])(
    'is hidden when it is counted and not given: %j',
    async (numbers) => {
      const { answers } = await probed(numbers.map(id), ({ instance }) => {
        instance.hidden = (row) => row['sys_id'] === id(2);
      });
      expect(answers[id(2)]).toBe('hidden');
      expect(Object.values(answers).filter((answer) => answer === 'hidden')).toHaveLength(1);
    },
  );

  test('is not hidden because the server caps its pages', async () => {
    const { answers } = await probed([1, 2, 3].map(id), ({ instance }) => {
      instance.maxPage = 1;
    });
    expect(Object.values(answers)).toEqual(['present', 'present', 'present']);
  });

  test('is asked for in the filter of the configuration: one that left it is not present', async () => {
    const { answers } = await probed(
      [1, 2].map(id),
      ({ instance }) => {
        instance.tables.set(linux, [item(1, linux), item(2, linux, { install_status: '7' })]);
      },
      { query: 'install_status!=7' },
    );
    expect(answers).toEqual({ [id(1)]: 'present' });
  });

  test('is stated as deleted by the audit of its own classes only, and never without it', async () => {
    const other = await probed([5].map(id), ({ instance }) =>
      instance.put('sys_audit_delete', stated(5, 'sys_user')),
    );
    expect(other.answers).toEqual({});
    const refused = await probed([4].map(id), ({ instance }) => {
      instance.before = ({ table }) => (table === 'sys_audit_delete' ? refuse(403, 'no') : undefined);
    });
    expect(refused.answers).toEqual({});
  });

  test('with an id that could change a query is not asked for', async () => {
    const { answers, asked } = await probed(['1^ORsys_idISNOTEMPTY']);
    expect(answers).toEqual({});
    expect(asked).toBe(0);
  });

  test('that the table refuses fails the probe', async () => {
    const refused = probed([1].map(id), ({ instance }) => {
      instance.before = ({ query }) => (query.includes('sys_idIN') ? refuse(403, 'no') : undefined);
    });
    await expect(refused).rejects.toMatchObject({ code: 'permission' });
  });
});

test('all streams whose ids are those of their rows can be asked; memberships cannot', async () => {
  await using planted = await plant();
  await using opened = await open(planted.url, {
    config: { users: true, groups: true, relationships: true },
  });
  const probes = opened.connection.streams.map(({ name, probe }) => [name, probe !== undefined]);
  expect(Object.fromEntries(probes)).toEqual({
    cis: true,
    relationships: true,
    users: true,
    groups: true,
    memberships: false,
  });
});
