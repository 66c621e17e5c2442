// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type { DirectoryEntry } from '../../simulators/ldap/directory.ts';
import { domainDn, groupsDn, usersDn } from '../../simulators/ldap/domain.ts';
import { account, groupId, listing, userDns, userId, WindowsDomain } from './windows-domain.ts';

const firstBase = `OU=A,${groupsDn}`;
const secondBase = `OU=B,${groupsDn}`;
const timeout = 60_000;

function place(dn: string): DirectoryEntry {
  return { dn, attributes: { objectClass: ['top', 'organizationalUnit'], distinguishedName: dn } };
}

/** The same object below another place. */
function at(base: string, { dn, attributes }: DirectoryEntry): DirectoryEntry {
  const name = `${dn.slice(0, dn.indexOf(','))},${base}`;
  return { dn: name, attributes: { ...attributes, distinguishedName: name } };
}

/** Does something as soon as a base is read for the members of its groups, or the primary groups of its accounts. */
function whenRead(
  { server }: WindowsDomain,
  base: string,
  attribute: string,
  act: () => void,
): { done: boolean } {
  const state = { done: false };
  server.script = ({ request }) => {
    if (request.operation !== 'search' || request.base !== base || state.done) return undefined;
    if (!request.attributes.includes(attribute)) return undefined;
    state.done = true;
    act();
    return undefined;
  };
  return state;
}

/** Groups 2 and 4 move with their members into the base that was read before theirs. */
async function domainOfTwo(members: number): Promise<WindowsDomain> {
  return WindowsDomain.start([
    ...[firstBase, secondBase].map(place),
    at(firstBase, listing(1, userDns(20, 120))),
    at(secondBase, listing(2, userDns(0, members))),
    at(secondBase, listing(3, userDns(20, 120))),
  ]);
}
const block = { groupBases: [firstBase, secondBase] };

describe('a group that moves during a full pass into a base that was read already', { timeout }, () => {
  test.each([
    ['by itself, which changes it', true],
    ['with its OU, which does not change it', false],
  ])('keeps its members: %s', async (_how, changes) => {
    await using windows = await domainOfTwo(12);
    await windows.sync({ block });
    const state = whenRead(windows, secondBase, 'member', () => {
      const { dn } = at(secondBase, listing(2, []));
      const moved = at(firstBase, listing(2, userDns(0, 12)));
      if (changes) return windows.change(moved, dn);
      const { entries } = windows.server.directory;
      entries.splice(
        entries.findIndex((entry) => entry.dn === dn),
        1,
        moved,
      );
    });
    const run = await windows.full({ block });
    expect(state.done).toBe(true);
    expect(windows.listed(2)).toBe(12);
    // A list from which that much is missing is not believed; the next one is whole.
    expect(run.stream('memberships')).toMatchObject({
      complete: false,
      deleted: 0,
      evidence: { present: 12 },
    });
    expect((await windows.full({ block })).status.phase).toBe('Succeeded');
    expect(windows.listed(2)).toBe(12);
  });

  test('with few members is found again one by one, while others go', async () => {
    await using windows = await domainOfTwo(4);
    await windows.sync({ block });
    windows.change(at(firstBase, listing(1, userDns(23, 120))));
    whenRead(windows, secondBase, 'member', () =>
      windows.change(at(firstBase, listing(2, userDns(0, 4))), at(secondBase, listing(2, [])).dn),
    );
    const run = await windows.full({ block });
    expect(run.stream('memberships')).toMatchObject({
      ...{ complete: true, deleted: 3 },
      evidence: { probed: 7, present: 4 },
    });
    expect([windows.listed(1), windows.listed(2)]).toEqual([97, 4]);
  });

  test('out of all bases loses them', async () => {
    await using windows = await domainOfTwo(4);
    await windows.sync({ block });
    windows.change(at(groupsDn, listing(2, userDns(0, 4))), at(secondBase, listing(2, [])).dn);
    expect((await windows.full({ block })).status.phase).toBe('Succeeded');
    expect(windows.listed(2)).toBe(0);
  });
});

const kid = '00000000-1111-4222-8333-444444444444';
const shy = { ...account(5), hidden: ['memberOf'] };
test.each([
  ['is of another domain', `<GUID=${kid}>;CN=Kid,CN=Users,DC=child,${domainDn}`, kid],
  ['hides its groups', shy.dn, userId(5)],
])('a member that %s is looked for in the lists of groups', { timeout }, async (_why, member, id) => {
  await using windows = await domainOfTwo(0);
  windows.change(shy);
  windows.change(at(secondBase, listing(2, [member])));
  await windows.sync({ block });
  expect(windows.listed(2)).toBe(1);
  whenRead(windows, secondBase, 'member', () =>
    windows.change(at(firstBase, listing(2, [member])), at(secondBase, listing(2, [])).dn),
  );
  const run = await windows.full({ block });
  expect(run.stream('memberships')).toMatchObject({ evidence: { present: 1 } });
  expect(windows.live('memberships')).toContain(`${groupId(2)}/${id}`);
});

test(
  'an account that moves between bases keeps its primary group, one that left them does not',
  { timeout },
  async () => {
    const bases = { userBases: [`OU=A,${usersDn}`, `OU=B,${usersDn}`] } as const;
    const [first, second] = bases.userBases;
    await using windows = await WindowsDomain.start([place(first), place(second)]);
    for (const number of [200, 201, 202]) windows.change(at(second, account(number)));
    const accounts = { ...bases, computerBases: [first] };
    await windows.sync({ block: accounts });
    windows.change(account(202), at(second, account(202)).dn);
    whenRead(windows, second, 'primaryGroupID', () =>
      windows.change(at(first, account(200)), at(second, account(200)).dn),
    );
    await windows.full({ block: accounts });
    const ids = [200, 201].map((number) => `${groupId(513)}/${userId(number)}`);
    expect(windows.live('memberships')).toEqual(ids.toSorted());
  },
);

test('what changes ahead of a full pass is met at its end as it is then', { timeout }, async () => {
  const ahead = account(200, { uSNChanged: '120000', title: 'before' });
  await using windows = await WindowsDomain.start([ahead]);
  await windows.sync();
  const state = whenRead(windows, domainDn, 'lastlogontimestamp', () =>
    windows.change(account(200, { title: 'after' })),
  );
  const run = await windows.full();
  expect(state.done).toBe(true);
  expect(run.counts['users']).toEqual(['Full', 151, 0, 1, 150, 0]);
  expect(run.stream('users').evidence).not.toHaveProperty('probed');
  expect(windows.rows('SELECT title FROM users WHERE external_id = ?', userId(200))).toEqual([
    { title: 'after' },
  ]);
});
