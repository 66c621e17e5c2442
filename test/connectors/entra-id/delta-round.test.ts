// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { overlaid, sortEntries, stillLate } from '../../../connectors/entra-id/delta-round.ts';
import type { DirectoryReading } from '../../../connectors/entra-id/reading.ts';
import { rewritten } from '../../simulators/graph/faults.ts';
import { EntraBench } from './bench.ts';
import { at, only } from './tenant.ts';

const reading: DirectoryReading = {
  ...{ scope: 'users', resource: 'users', subject: 'users', select: ['id', 'title'] },
  ...{ expand: 'manager', tracksExpanded: true },
};

describe('what the entries of a page say of a manager', () => {
  const came = (id: string) => ({ id });
  const went = (id: string) => ({ id, '@removed': { reason: 'deleted' } });
  const nobody = undefined;

  test.each<[string, read: string | undefined, entries: object[][], manager: string | null]>([
    ['one came', nobody, [[came('new')]], 'new'],
    ['one went', 'old', [[went('old')]], null],
    ['one went, written in other letters', 'old', [[went('OLD')]], null],
    ['one came after another', 'old', [[went('old'), came('new')]], 'new'],
    ['one came before another went', 'old', [[came('new'), went('old')]], 'new'],
    ['one came, and in a later entry another went', 'old', [[came('new')], [went('old')]], 'new'],
    ['one went, and in a later entry another came', 'old', [[went('old')], [came('new')]], 'new'],
    ['one came and went', 'old', [[came('new')], [went('new')]], null],
    ['one went, and the read already gives who follows', 'new', [[went('old')]], 'new'],
    ['nothing', 'old', [[]], 'old'],
    ['nothing of nobody', nobody, [[]], null],
  ])('%s', (_, read, entries, manager) => {
    const { changed } = sortEntries(entries.map((said) => ({ id: 'u', 'manager@delta': said })));
    const whole = { id: 'u', ...(read === undefined ? {} : { manager: { id: read } }) };
    const row = overlaid(reading, whole, changed.get('u') ?? {});
    expect(row).toMatchObject({ manager: manager === null ? null : { id: manager } });
  });

  test('a later entry without a word on it takes nothing back, and its properties count', () => {
    const { changed } = sortEntries([
      { id: 'u', title: 'a', 'manager@delta': [came('new')] },
      { id: 'u', title: 'b' },
    ]);
    expect(overlaid(reading, { id: 'u' }, changed.get('u') ?? {})).toEqual({
      ...{ id: 'u', title: 'b', manager: { id: 'new' } },
    });
  });

  test('an entry without a word on it leaves what was read', () => {
    const { changed } = sortEntries([{ id: 'u', title: 'b' }]);
    expect(overlaid(reading, { id: 'u', manager: { id: 'old' } }, changed.get('u') ?? {})).toEqual({
      ...{ id: 'u', title: 'b', manager: { id: 'old' } },
    });
  });
});

describe('who is waited for behind a page', () => {
  const ids = (count: number, first = 0) => Array.from({ length: count }, (_, at) => `id-${first + at}`);

  test.each([
    ['whoever could not be read', [], [], ['a'], ['a']],
    ['whoever could not before, once', ['a'], [], ['a', 'b'], ['a', 'b']],
    ['nobody who came or went since', ['a', 'b'], ['a'], [], ['b']],
    ['a thousand', ids(999), [], ids(1, 999), ids(1000)],
    ['a thousand, when one of them came', ids(1000), ids(1), ids(1, 1000), ids(1000, 1)],
  ])('%s', (_, before, settled, missing, late) => {
    expect(stillLate(before, settled, missing, 'users')).toEqual(late);
  });

  test('no more than a thousand', () => {
    expect(() => stillLate(ids(1000), [], ids(1, 1000), 'users')).toThrow(
      'users: more than 1000 changed objects cannot be read by id',
    );
  });
});

test.each(['in one page', 'in two pages'])(
  'a change of managers that is told in two entries %s gives the new one',
  async (where) => {
    await using bench = await EntraBench.open({ users: 30 });
    bench.config = only('users');
    await bench.run();
    const { directory } = bench.graph.tenant;
    const [{ id }, { id: manager }] = [at(bench, 'user', 10), at(bench, 'user', 20)];
    directory.setManager(id, manager);
    bench.graph.quirks.deltaPage = where === 'in one page' ? 100 : 1;
    const held: unknown[] = [];
    let pages = 0;
    bench.graph.faults.add({
      when: ({ resource }) => resource === '/users/delta',
      answer: rewritten((page) => {
        pages += 1;
        const earlier = held.splice(0);
        const value = (page['value'] as Record<string, unknown>[]).map((entry) => {
          const said: unknown = entry['manager@delta'];
          if (!Array.isArray(said)) return entry;
          const went = said.filter((one) => Object.hasOwn(Object(one) as object, '@removed'));
          held.push({ id: entry['id'], 'manager@delta': went });
          return { ...entry, 'manager@delta': said.filter((one) => !went.includes(one)) };
        });
        return { ...page, value: [...earlier, ...value, ...(where === 'in one page' ? held.splice(0) : [])] };
      }),
    });
    // Another change, so that there is a second page.
    directory.update(at(bench, 'user', 25).id, { jobTitle: 'Other' });
    const status = await bench.run();
    expect(status.stream('users').complete).toBe(true);
    expect([pages, held]).toEqual([where === 'in one page' ? 1 : 2, []]);
    expect(bench.rows(`SELECT manager FROM users WHERE external_id = '${id}'`)).toEqual([{ manager }]);
  },
);
