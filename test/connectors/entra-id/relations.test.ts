// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { overlaid, sortEntries } from '../../../connectors/entra-id/delta-round.ts';
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
