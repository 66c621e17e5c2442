// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type { Asked } from '../../simulators/ldap/behaviour.ts';
import type { DirectoryEntry } from '../../simulators/ldap/directory.ts';
import { listing, userDns, WindowsDomain } from './windows-domain.ts';

const hides = (entry: DirectoryEntry): DirectoryEntry => ({ ...entry, hidden: ['member'] });
const permission = {
  code: 'permission',
  message: expect.stringMatching(/^members of CN=Group 2,.*let the account read member of groups/u),
};

const foundHidden = {
  code: 'permission',
  message: expect.stringMatching(/^memberships: 12 records .* are there but hidden from the account/u),
};

/** By rights on all groups below a place, which change none of them. */
function hideUnchanged({ server }: WindowsDomain): void {
  const { entries } = server.directory;
  const at = entries.findIndex(({ dn }) => dn === listing(2, []).dn);
  entries.splice(at, 1, hides(listing(2, userDns(0, 12))));
}

/** A search for groups with their members. */
function asksForLists({ operation, request }: Asked): boolean {
  return operation === 'search' && request.operation === 'search' && request.scope === 2
    ? request.attributes.includes('member')
    : false;
}

function textOf({ request }: Asked): string {
  return request.operation === 'search' ? request.filter.content.toString('latin1') : '';
}

/** Questions whether anybody names groups as his. */
function doubts({ server }: WindowsDomain): number {
  return server.asked('search').filter((asked) => textOf(asked).includes('memberOf')).length;
}

describe('a group that hides its list of members from now on', { timeout: 60_000 }, () => {
  test('loses none by an incremental run, which goes on with other groups and says who must act', async () => {
    await using windows = await WindowsDomain.start([
      listing(1, userDns(0, 3)),
      listing(2, userDns(0, 12)),
      listing(3, userDns(0, 2)),
    ]);
    await windows.sync();
    windows.change(hides(listing(2, userDns(0, 12))));
    windows.change(listing(1, userDns(0, 2)));
    windows.change(listing(3, []));
    const { status } = await windows.sync();
    expect([windows.listed(1), windows.listed(2), windows.listed(3)]).toEqual([2, 12, 0]);
    expect(status).toMatchObject({ phase: 'PartiallySucceeded', failure: permission });
    // It is read again until it can be: who left meanwhile goes then.
    windows.change(listing(2, userDns(0, 11)));
    expect((await windows.sync()).status.phase).toBe('Succeeded');
    expect(windows.listed(2)).toBe(11);
  });

  test('loses none by a full pass, nor does any other group while nobody knows', async () => {
    await using windows = await WindowsDomain.start([listing(1, userDns(0, 3)), listing(2, userDns(0, 12))]);
    await windows.sync();
    hideUnchanged(windows);
    const { status } = await windows.full();
    expect(status).toMatchObject({ phase: 'PartiallySucceeded', failure: foundHidden });
    expect(status.streams?.find(({ name }) => name === 'memberships')).toMatchObject({ deleted: 0 });
    expect([windows.listed(1), windows.listed(2)]).toEqual([3, 12]);
  });

  test('is found by a full pass that is broken off behind it and goes on there', async () => {
    await using windows = await WindowsDomain.start([
      listing(2, userDns(0, 12)),
      listing(1, userDns(0, 3), { uSNChanged: '300000' }),
      listing(3, userDns(0, 3), { uSNChanged: '390000' }),
    ]);
    await windows.sync();
    const { server } = windows;
    hideUnchanged(windows);
    const windowsOfChanges: string[] = [];
    let broken = false;
    server.script = (asked) => {
      if (!asksForLists(asked)) return undefined;
      windowsOfChanges.push(textOf(asked));
      if (windowsOfChanges.length !== 8 || broken) return undefined;
      broken = true;
      return { type: 'result', result: { code: 52, text: 'unavailable' } };
    };
    expect((await windows.full()).failure).toMatchObject({ code: 'unavailable' });
    windowsOfChanges.length = 0;
    const { status } = await windows.sync();
    // The window of the hidden list was not read again.
    expect(windowsOfChanges[0]).toContain('250001');
    expect(status).toMatchObject({ failure: foundHidden });
    expect(windows.listed(2)).toBe(12);
  });
});

test(
  'groups that never had members cost a full pass nothing, an incremental run one question a page',
  { timeout: 60_000 },
  async () => {
    const empty = (from: number) => Array.from({ length: 60 }, (_, index) => listing(from + index, []));
    await using windows = await WindowsDomain.start([listing(1, userDns(0, 3)), ...empty(600)]);
    expect((await windows.sync()).status.phase).toBe('Succeeded');
    expect(doubts(windows)).toBe(0);
    for (const group of empty(700)) windows.change(group);
    expect((await windows.sync()).status.phase).toBe('Succeeded');
    // 25 groups on a page.
    expect(doubts(windows)).toBe(3);
  },
);

test('a group whose first member comes while it is read hides nothing', { timeout: 60_000 }, async () => {
  await using windows = await WindowsDomain.start([listing(1, userDns(0, 3)), listing(2, [])]);
  await windows.sync();
  windows.change(listing(2, []));
  let come = false;
  windows.server.script = (asked) => {
    const isDoubt = textOf(asked).includes('memberOf');
    if (isDoubt && !come) windows.change(listing(2, userDns(0, 1)));
    come ||= isDoubt;
    return undefined;
  };
  expect((await windows.sync()).status.phase).toBe('Succeeded');
  await windows.sync();
  expect(windows.listed(2)).toBe(1);
});
