// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type { Behaviour } from '../../simulators/ldap/behaviour.ts';
import { listing, userDns, WindowsDomain } from './windows-domain.ts';

const noMore: readonly (readonly [string, Behaviour])[] = [
  ['an error of its own', { type: 'result', result: { code: 1, text: '000020D6: SvcErr: DSID-031007DB' } }],
  ['no such attribute', { type: 'page', entries: [{ dn: listing(1, []).dn, attributes: {} }] }],
];

/** Answers the second part of a list so: as often as told. */
function secondPart({ server }: WindowsDomain, behaviour: Behaviour, times: number): { asked: number } {
  const count = { asked: 0 };
  server.script = ({ operation, request }) => {
    if (operation !== 'search' || !JSON.stringify(request).includes('member;range=100-')) return undefined;
    count.asked += 1;
    return count.asked <= times ? behaviour : undefined;
  };
  return count;
}

describe.each(noMore)('where more members are announced and then comes %s', (_what, behaviour) => {
  test('again and again, nobody is taken as gone, and the run says so', { timeout: 60_000 }, async () => {
    await using windows = await WindowsDomain.start([listing(1, userDns(0, 110))]);
    await windows.sync();
    windows.change(listing(1, userDns(0, 110), { description: 'changed' }));
    const parts = secondPart(windows, behaviour, Infinity);
    for (const run of [await windows.sync(), await windows.full()]) {
      expect(run.failure).toMatchObject({
        code: 'contract',
        message: expect.stringMatching(/^members of CN=Group 1,.*announces more members.*not changed/u),
      });
      expect(run.stream('memberships')).toMatchObject({ complete: false, deleted: 0 });
      expect(windows.listed(1)).toBe(110);
    }
    expect(parts.asked).toBe(4);
  });

  test('once, the list is read again', { timeout: 60_000 }, async () => {
    await using windows = await WindowsDomain.start([listing(1, userDns(0, 110))]);
    await windows.sync();
    windows.change(listing(1, userDns(1, 110)));
    secondPart(windows, behaviour, 1);
    expect((await windows.sync()).status.phase).toBe('Succeeded');
    expect(windows.listed(1)).toBe(109);
  });
});
